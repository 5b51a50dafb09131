"""Containers that a classic build leaves behind: of a step that failed, or of all where they are to stay.

The program ran without a document (``build_runs``). What is left of it becomes a container that has ended,
to be looked at, committed or started once more.
"""

import logging
import shutil

from scow.config import Config
from scow.engine.build_runs import limit
from scow.engine.containers.events import container_event
from scow.engine.containers.joining import settle_networks
from scow.engine.containers.model import Container, State
from scow.engine.containers.registry import Containers
from scow.engine.containers.states import Status
from scow.engine.events import EventBus
from scow.engine.names import random_name
from scow.engine.networks.registry import Networks
from scow.engine.timestamps import rfc3339
from scow.errors import ScowError
from scow.image.store import ImageStore
from scow.runtime.defaults import fill_host_config
from scow.runtime.host_facts import HostFacts
from scow.runtime.program_run import LeftProgram
from scow.spec.engine_api.container import HostConfig, LogConfig
from scow.spec.engine_api.network import NetworkingConfig
from scow.tasks import run_blocking

_log = logging.getLogger(__name__)


class BuildContainers:
    """Makes containers of what programs of builds have left."""

    def __init__(
        self,
        config: Config,
        facts: HostFacts,
        containers: Containers,
        images: ImageStore,
        networks: Networks,
        events: EventBus,
    ) -> None:
        self._config = config
        self._facts = facts
        self._containers = containers
        self._images = images
        self._networks = networks
        self._events = events
        self._root = config.container_root

    async def keep(self, left: LeftProgram) -> None:
        """Never raises ScowError or ``OSError``: the build has ended without it."""
        try:
            await self._keep(left)
        except (ScowError, OSError) as exc:
            _log.warning("the container %s of a build cannot be kept: %s", left.key, exc)

    async def _keep(self, left: LeftProgram) -> None:
        doc = self._document(left)
        self._containers.reserve_name(doc.name, doc.id)
        self._containers.announce(doc)
        try:
            await self._images.rootfs.create(doc.id, doc.image_id, changes=left.chain_id)
            await run_blocking((self._root / doc.id).mkdir, mode=0o710, parents=True)
            await self._containers.add(doc)
        except BaseException:
            await self._images.rootfs.remove(doc.id)
            await run_blocking(shutil.rmtree, self._root / doc.id, True)
            self._containers.withdraw(doc)
            self._containers.release_name(doc.name)
            raise
        container_event(self._events, doc, "create")

    def _document(self, left: LeftProgram) -> Container:
        """As Docker's: nothing keeps what it printed."""
        asked = HostConfig(
            network_mode=left.network,
            extra_hosts=list(left.hosts) or None,
            security_opt=list(left.security_options) or None,
            ipc_mode="private",
            log_config=LogConfig(type="none"),
        )
        limit(asked, left.limits)
        host = fill_host_config(asked, self._config, self._facts)
        return Container(
            id=left.key,
            name=random_name(self._containers.names),
            created=rfc3339(left.started_ns),
            image_id=left.image_id,
            config=left.config,
            host=host,
            path=left.args[0],
            args=list(left.args[1:]),
            networks=settle_networks(host, NetworkingConfig(), self._networks),
            state=_state(left),
        )


def _state(left: LeftProgram) -> State:
    if left.exit_code is None:
        return State()
    return State(
        status=Status.EXITED,
        exit_code=left.exit_code,
        started_at=rfc3339(left.started_ns),
        finished_at=rfc3339(left.ended_ns),
    )

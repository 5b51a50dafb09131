"""``POST /containers/create``: from a request to a container that can be started.

Order, so that a kill between any two steps leaves nothing behind that start-up does not clear away:
volumes (named ones are the user's and stay), the root file system under the new id, the folder, and last
in one transaction the documents of the container and of its anonymous volumes. File systems and folders
without a document are removed at start-up.
"""

import logging
import os
import re
import shutil
import time
from collections.abc import Mapping, Sequence

import msgspec

from scow.config import Config
from scow.engine.containers.events import container_event
from scow.engine.containers.joining import settle_networks
from scow.engine.containers.links import settle_links
from scow.engine.containers.merge import merge_config, process_args
from scow.engine.containers.model import Container, MountRecord
from scow.engine.containers.mounts.images import mount_key, mount_keys
from scow.engine.containers.mounts.sets import MountSet, settle
from scow.engine.containers.mounts.sources import check_bind_source
from scow.engine.containers.mounts.volumes import fill_volume
from scow.engine.containers.platforms import check_platform, with_architecture
from scow.engine.containers.registry import Containers
from scow.engine.events import EventBus
from scow.engine.names import random_name
from scow.engine.networks.endpoint_checks import check_mac
from scow.engine.networks.registry import Networks
from scow.engine.timestamps import rfc3339
from scow.engine.volumes.service import Volumes
from scow.errors import InvalidArgumentError, NotFoundError, ScowError
from scow.image.model import Image
from scow.image.platforms import choose
from scow.image.store import ImageStore
from scow.logs.drivers import log_path, validate_log_config
from scow.runtime.container_ids import new_id
from scow.runtime.defaults import fill_host_config
from scow.runtime.host_facts import HostFacts
from scow.runtime.namespaces import donor_of
from scow.runtime.validate import validate_container
from scow.spec.engine_api.container import ContainerConfig, ContainerCreate, HostConfig
from scow.spec.engine_api.container_views import ContainerCreated
from scow.spec.engine_api.network import EndpointSettings
from scow.spec.platform import host_platform, parse_platform
from scow.spec.signals import parse_signal
from scow.tasks import run_blocking

_log = logging.getLogger(__name__)
_NAME = re.compile(r"/?[a-zA-Z0-9][a-zA-Z0-9_.-]+")


class Creation:
    """Makes containers."""

    def __init__(
        self,
        config: Config,
        facts: HostFacts,
        containers: Containers,
        images: ImageStore,
        volumes: Volumes,
        networks: Networks,
        events: EventBus,
    ) -> None:
        self._config = config
        self._facts = facts
        self._containers = containers
        self._images = images
        self._volumes = volumes
        self._networks = networks
        self._events = events
        self._platform = host_platform(os.uname().machine)
        self._root = config.container_root

    async def create(self, name: str | None, body: ContainerCreate, *, platform: str) -> ContainerCreated:
        """Make a container. Raises InvalidArgumentError, NotFoundError, ConflictError, ScowError."""
        asked = config_of(body)
        host, warnings = self._settle_host(asked, body.host_config)
        image = self._find_image(body.image, platform)
        warnings += check_platform(image, body.image, platform, self._platform)
        config = merge_config(asked, image.config)
        args = process_args(config)
        networks = settle_networks(host, body.networking_config, self._networks)
        if config.network_disabled:
            networks = {}
        _settle_mac(config, host.network_mode, networks)
        container_id = new_id()
        doc = Container(
            id=container_id,
            name=self._take_name(name, container_id),
            created=rfc3339(time.time_ns()),
            image_id=image.id,
            config=config,
            host=host,
            path=args[0],
            args=args[1:],
            networks=networks,
        )
        if not config.hostname and donor_of(host.network_mode) is None:
            config.hostname = self._default_hostname(doc)
        try:
            # With the name taken, as in Docker: that it is in use is told before mistakes in these.
            limit_bytes = self._images.rootfs.limit(host.storage_opt or {})
            mounts = settle(host, list(config.volumes or ()), self._donated)
            doc.mounts, doc.links = mounts.records, settle_links(host, self._containers)
            self._containers.announce(doc)
            await self._build(doc, mounts, limit_bytes)
        except BaseException:
            self._containers.release_name(doc.name)
            raise
        container_event(self._events, doc, "create")
        return ContainerCreated(id=doc.id, warnings=warnings)

    def _find_image(self, name: str, platform: str = "") -> Image:
        """The image; of one for several platforms the variant that was asked for, if it has it."""
        if not name:
            raise InvalidArgumentError("invalid reference format")
        image = self._images.resolve(name)
        if platform and (variants := self._images.variants(image)):
            wanted = with_architecture(parse_platform(platform), self._platform)
            at = choose([record.platform for _, record in variants], wanted)
            return image if at is None else variants[at][0]
        return image

    def _settle_host(self, config: ContainerConfig, asked: HostConfig) -> tuple[HostConfig, list[str]]:
        """Settings with defaults filled in and checked; Docker does it before it looks for the image."""
        host = fill_host_config(asked, self._config, self._facts)
        warnings = validate_container(config, host, self._facts)
        if config.stop_signal:
            parse_signal(config.stop_signal)
        if host.runtime not in self._config.runtimes and host.runtime != "runc":
            raise InvalidArgumentError(f"unknown or invalid runtime name: {host.runtime}")
        validate_log_config(host.log_config.type, host.log_config.config)
        host.pid_mode = self._with_donor_id(host.pid_mode, must_exist=True)
        host.ipc_mode = self._with_donor_id(host.ipc_mode, must_exist=True)
        host.network_mode = self._with_donor_id(host.network_mode, must_exist=False)
        return host, warnings

    def _with_donor_id(self, mode: str, *, must_exist: bool) -> str:
        """``container:name`` by the id, so that the donor may be renamed."""
        ref = donor_of(mode)
        if not ref:
            return mode
        try:
            return f"container:{self._containers.get(ref).doc.id}"
        except NotFoundError as exc:
            if must_exist:
                raise InvalidArgumentError(exc.message) from exc
            return mode

    def _donated(self, ref: str) -> Sequence[MountRecord]:
        """The mounts of another container, for ``--volumes-from``."""
        try:
            return self._containers.get(ref).doc.mounts
        except NotFoundError as exc:
            # Not as a 404: clients take that for a missing image, and pull it.
            raise InvalidArgumentError(exc.message) from exc

    def _take_name(self, asked: str | None, container_id: str) -> str:
        if not asked:
            asked = random_name(self._containers.names)
        elif not is_valid_name(asked):
            raise invalid_name(asked)
        name = asked.removeprefix("/")
        self._containers.reserve_name(name, container_id)
        return name

    def _default_hostname(self, doc: Container) -> str:
        return self._facts.hostname if doc.host.network_mode == "host" else doc.id[:12]

    async def _build(self, doc: Container, mounts: MountSet, limit_bytes: int | None) -> None:
        """Everything on disk, then the document; undone as a whole if a step fails."""
        try:
            await self._settle_mounts(doc, mounts)
            await self._images.rootfs.create(doc.id, doc.image_id, size_limit_bytes=limit_bytes)
            if volumes := [r for r in doc.mounts if r.type == "volume" and "nocopy" not in r.options]:
                await self._copy_up(doc, volumes)
            directory = self._root / doc.id
            await run_blocking(directory.mkdir, mode=0o710, parents=True)
            doc.log_path = log_path(doc.host.log_config.type, str(directory), doc.id)
            # A volume without a name is nobody's but this container's: one transaction for both.
            await self._containers.add(doc, *self._volumes.additions(_own_volumes(doc, mounts)))
        except OSError as exc:
            await self._undo(doc, mounts)
            raise ScowError(f"failed to create container: {exc.strerror or exc}") from exc
        except BaseException:
            await self._undo(doc, mounts)
            raise

    async def _settle_mounts(self, doc: Container, mounts: MountSet) -> None:
        sources = {}
        own = _own_volumes(doc, mounts)
        for wanted in mounts.volumes:
            volume = await self._volumes.create(wanted, stored=wanted.name not in own)
            sources[volume.name] = volume
        for record in doc.mounts:
            if record.type == "volume" and record.name in sources:
                record.source, record.driver = sources[record.name].mountpoint, sources[record.name].driver
            elif record.type == "bind":
                check_bind_source(record)
            elif record.type == "image":
                await self._settle_image(doc, record)

    async def _settle_image(self, doc: Container, record: MountRecord) -> None:
        """The image's files under a name of their own, and where they will be seen."""
        key = mount_key(doc.id, record)
        await self._images.rootfs.create(key, self._find_image(record.name).id)
        record.source = str(await self._images.rootfs.mount(key))
        await self._images.rootfs.unmount(key)

    async def _copy_up(self, doc: Container, volumes: Sequence[MountRecord]) -> None:
        rootfs = await self._images.rootfs.mount(doc.id)
        try:
            for record in volumes:
                await fill_volume(self._volumes.use, rootfs, record)
        finally:
            await self._images.rootfs.unmount(doc.id)

    async def _undo(self, doc: Container, mounts: MountSet) -> None:
        for key in (doc.id, *mount_keys(doc)):
            await self._images.rootfs.remove(key)
        await run_blocking(shutil.rmtree, self._root / doc.id, True)
        self._containers.withdraw(doc)
        for name in _own_volumes(doc, mounts):
            await self._volumes.remove(name, force=True)


def _own_volumes(doc: Container, mounts: MountSet) -> set[str]:
    """Names of the anonymous volumes that are made for this container."""
    asked_for = {volume.name for volume in mounts.volumes}
    return {record.name for record in doc.mounts if record.anonymous and record.name in asked_for}


def config_of(body: ContainerCreate) -> ContainerConfig:
    """The config half of a create body, without the host half."""
    return ContainerConfig(**{name: getattr(body, name) for name in ContainerConfig.__struct_fields__})


def is_valid_name(name: str) -> bool:
    """At least two characters, the first of them a letter or digit; a leading slash is allowed."""
    return _NAME.fullmatch(name) is not None


def invalid_name(name: str) -> InvalidArgumentError:
    """Docker's refusal of a name."""
    return InvalidArgumentError(
        f"Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
    )


def _settle_mac(config: ContainerConfig, mode: str, networks: Mapping[str, EndpointSettings]) -> None:
    """Before API 1.44 there was one address for the whole container: it is for the network of its mode.

    Raises InvalidArgumentError.
    """
    address = config.mac_address
    if address is msgspec.UNSET or not address:
        return
    check_mac(address)
    main = networks.get(mode) or next(iter(networks.values()), None)
    if main is None:
        return
    if main.mac_address not in ("", address):
        raise InvalidArgumentError(
            "the container-wide MAC address must match the endpoint-specific MAC address "
            "for the main network, or be left empty"
        )
    main.mac_address = address

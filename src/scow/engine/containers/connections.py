"""``network connect`` and ``disconnect``: the networks of a container change, also while it runs.

Of a running one:

    connect       the endpoint; the document; routes, ports and names; the document again
    disconnect    the document; the endpoint; routes, ports and names; the document again

A kill in between leaves an endpoint that no document knows, which start-up takes off the bridge, or a
document that says that routes and ports are not settled, which start-up does.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scow.engine.containers.connector import Connector, connect_request, interface_names
from scow.engine.containers.document import own_addresses
from scow.engine.containers.events import network_event
from scow.engine.containers.joining import (
    NOT_WITH_OTHERS,
    ONLY_A_TEMPLATE,
    asked_for,
    check_together,
    find_network,
)
from scow.engine.containers.model import Container, Live
from scow.engine.containers.port_moves import move_ports
from scow.engine.containers.registry import Containers
from scow.engine.containers.states import Status
from scow.engine.events import EventBus
from scow.engine.networks.endpoint_checks import check_endpoint
from scow.engine.networks.registry import LiveNetwork, Networks
from scow.errors import (
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    ScowError,
)
from scow.linux.processes import is_running
from scow.runtime.identity import hosts_with_own, parse_extra_host
from scow.spec.engine_api.network import EndpointSettings
from scow.tasks import run_blocking

_log = logging.getLogger(__name__)


class Connections:
    """Puts containers on networks and takes them off."""

    def __init__(
        self,
        root: Path,
        containers: Containers,
        networks: Networks,
        connector: Connector,
        events: EventBus,
    ) -> None:
        """``root`` is where the containers' folders are."""
        self._root = root
        self._containers = containers
        self._networks = networks
        self._connector = connector
        self._events = events

    async def connect(self, ref: str, container: str, settings: EndpointSettings) -> None:
        """Put a container on a network.

        Raises NotFoundError, InvalidArgumentError and PermissionDeniedError with Docker's messages.
        """
        live = self._containers.get(container)
        async with live.lock:
            _check_present(live)
            network = self._networks.get(ref)
            self._check_kind(live.doc, network)
            check_endpoint(settings, network.record.name, network.record)
            self._check_connectable(live.doc, network)
            await self._join(live, network, asked_for(settings))

    def _check_kind(self, doc: Container, network: LiveNetwork) -> None:
        name = network.record.name
        if doc.host.network_mode.startswith("container:"):
            raise InvalidArgumentError(NOT_WITH_OTHERS)
        if name == "host" and doc.host.network_mode != "host":
            raise InvalidArgumentError(
                "cannot connect container to host network - container must be created in host network mode"
            )
        if network.record.config_only:
            raise PermissionDeniedError(ONLY_A_TEMPLATE)

    def _check_connectable(self, doc: Container, network: LiveNetwork) -> None:
        name = network.record.name
        if name in doc.networks:
            if doc.alive:
                raise PermissionDeniedError(f"endpoint with name {doc.name} already exists in network {name}")
            return
        check_together([*doc.networks, name])
        if network.being_removed:
            raise NotFoundError(f"network {name} not found")
        if doc.alive and doc.config.network_disabled:
            raise NotFoundError(f"network sandbox for container {doc.id} not found")

    async def _join(self, live: Live, network: LiveNetwork, settings: EndpointSettings) -> None:
        doc, name = live.doc, network.record.name
        if name in doc.networks:
            return
        settings.network_id = network.record.id
        doc.networks[name] = settings
        try:
            if doc.alive and network.driver is not None:
                await self._connect(live, network)
            else:
                await self._containers.save(live)
        except BaseException:
            doc.networks.pop(name, None)
            raise

    async def _connect(self, live: Live, network: LiveNetwork) -> None:
        doc, name = live.doc, network.record.name
        taken = [endpoint.interface for endpoint in doc.endpoints.values()]
        interface = interface_names([network], doc.networks, taken)[name]
        with open_netns(doc) as netns_fd:
            request = connect_request(doc, name, netns_fd, interface, default_route=False)
            doc.endpoints[name] = await self._connector.connect(doc, network, request)
            try:
                await self._save_unsettled(live)
                await self._settle(live, netns_fd)
            except BaseException:
                await self._take_back(live, name, netns_fd)
                raise
        network_event(self._events, doc, name, network.record.id, network.record.driver, taken=True)

    async def _take_back(self, live: Live, name: str, netns_fd: int) -> None:
        """A connect that failed half-way leaves the container on its other networks as it was."""
        doc = live.doc
        del doc.networks[name]
        endpoint = doc.endpoints.pop(name)
        doc.lost_ports = endpoint.ports
        await self._connector.disconnect(doc, endpoint, running=True)
        with suppress(ScowError):
            await self._settle(live, netns_fd)

    async def adopt(self, live: Live) -> None:
        """A running container of an earlier daemon: its names are known again, what it began is finished.

        Never raises: what cannot be had is told of, and the container runs on.
        """
        doc = live.doc
        try:
            with open_netns(doc) as netns_fd:
                for name, endpoint in doc.endpoints.items():
                    self._connector.names.connected(doc, name, endpoint, netns_fd)
                self._connector.names.set_ways_out(doc, doc.endpoints.values())
                if doc.networks_unsettled:
                    await self._settle(live, netns_fd)
        except (ScowError, OSError) as exc:
            _log.warning("networks of %s: %s", doc.id, exc)

    async def disconnect(self, ref: str, container: str, *, force: bool) -> None:
        """Take a container off a network. ``force``: also off one that is there no more.

        Raises NotFoundError, InvalidArgumentError, and ScowError if it is not on it.
        """
        live = self._find(container, ref, force=force)
        network = find_network(ref, self._networks)
        async with live.lock:
            _check_present(live)
            if network is None and live.doc.alive and not force:
                self._networks.get(ref)  # says why
            name = network.record.name if network else ref
            if name not in live.doc.networks:
                raise ScowError(_not_connected(live.doc, name))
            if name == "host" and live.doc.alive:
                raise InvalidArgumentError(
                    "cannot disconnect container from host network - "
                    "container was created in host network mode"
                )
            await self._leave(live, name)

    def _find(self, container: str, network: str, *, force: bool) -> Live:
        """With ``force`` what may be left of a container is asked for, and there is nothing."""
        try:
            return self._containers.get(container)
        except NotFoundError:
            if force and self._networks.get(network):
                raise NotFoundError(f"endpoint {container} not found") from None
            raise

    async def _leave(self, live: Live, name: str) -> None:
        doc = live.doc
        settings, endpoint = doc.networks.pop(name), doc.endpoints.pop(name, None)
        doc.lost_ports = endpoint.ports if endpoint else []
        try:
            await (self._save_unsettled(live) if endpoint else self._containers.save(live))
        except BaseException:
            doc.networks[name] = settings
            if endpoint is not None:
                doc.endpoints[name] = endpoint
            raise
        if endpoint is None:
            return
        await self._connector.disconnect(doc, endpoint, running=True)
        with suppress(ConflictError), open_netns(doc) as netns_fd:  # of one that has ended by now
            await self._settle(live, netns_fd)
        network_event(self._events, doc, name, endpoint.network_id, endpoint.driver, taken=False)

    async def _save_unsettled(self, live: Live) -> None:
        live.doc.networks_unsettled = True
        await self._containers.save(live)

    async def _settle(self, live: Live, netns_fd: int) -> None:
        """Routes, ports, names and /etc/hosts as they are with the networks of now; then it is stored."""
        doc = live.doc
        await self._connector.set_ways_out(doc, netns_fd, doc.endpoints)
        self._connector.names.set_ways_out(doc, doc.endpoints.values())
        target = self._connector.ways_out(doc, doc.endpoints).ports
        await move_ports(doc, target, self._networks, doc.lost_ports)
        await run_blocking(self._rewrite_hosts, doc)
        doc.networks_unsettled, doc.lost_ports = False, []
        await self._containers.save(live)

    def _rewrite_hosts(self, doc: Container) -> None:
        """/etc/hosts of a running container is written in place: it is mounted."""
        path = self._root / doc.id / "hosts"
        with suppress(FileNotFoundError):
            text = path.read_text()
            extra = [parse_extra_host(it).address for it in doc.host.extra_hosts or ()]
            changed = hosts_with_own(
                text, doc.config.hostname, doc.config.domainname, own_addresses(doc.endpoints.values()), extra
            )
            if changed != text:
                path.write_text(changed)


def _check_present(live: Live) -> None:
    if live.being_removed or live.doc.state.status in (Status.REMOVING, Status.DEAD):
        raise ScowError(
            f"Container {live.doc.id} is marked for removal "
            "and cannot be connected or disconnected to the network"
        )


def _not_connected(doc: Container, name: str) -> str:
    if doc.alive:
        return f"container {doc.id} is not connected to network {name}"
    return f"container {doc.id} is not connected to the network {name}"


@contextmanager
def open_netns(doc: Container) -> Iterator[int]:
    """A descriptor of a running container's network namespace. Raises ConflictError if it has ended."""
    pid, start_time = doc.state.pid, doc.state.pid_start_time
    try:
        fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as exc:
        raise ConflictError(f"container {doc.id} is not running") from exc
    try:
        # Only now is it certain whose namespace it is: the number may be another process's.
        if not is_running(pid, start_time):
            raise ConflictError(f"container {doc.id} is not running")
        yield fd
    finally:
        os.close(fd)

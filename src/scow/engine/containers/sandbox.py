"""The network namespace that a container starts in, with an endpoint on each of its networks.

The namespace has no name: the descriptor held here keeps it until the container's process does, and with
the last process the kernel takes the namespace, its devices and their peers away.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scow.engine.containers.connector import Connector, connect_request, failed_networking, interface_names
from scow.engine.containers.held_parts import release_part
from scow.engine.containers.joining import bound_network
from scow.engine.containers.model import Container
from scow.engine.containers.ports import port_requests
from scow.engine.containers.registry import Containers
from scow.engine.networks.gateways import ways_out
from scow.engine.networks.registry import Networks
from scow.errors import ConflictError
from scow.linux.namespaces import create_netns
from scow.network.endpoint import Endpoint
from scow.network.loopback import loopback_up
from scow.tasks import open_blocking, run_blocking

HOST = "host"


@dataclass(slots=True)
class Sandbox:
    """Where a process is about to start.

    ``path`` is what the runtime joins, ``HOST`` to stay in the engine's own; ``fd`` is -1 if not ours.
    ``endpoints`` are by network. ``held`` are parts of volumes that the runtime mounts. ``host_gateways``
    are the addresses that ``host-gateway`` stands for, none without a default bridge.
    """

    path: str
    fd: int = -1
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    held: list[Path] = field(default_factory=list)
    host_gateways: Sequence[str] = ()

    def close(self) -> None:
        """Give up our hold; with no process inside the namespace goes. May be called twice."""
        while self.held:
            release_part(self.held.pop())
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Sandboxes:
    """Makes sandboxes and takes them back."""

    def __init__(
        self, containers: Containers, networks: Networks, connector: Connector, host_gateways: Sequence[str]
    ) -> None:
        self._containers = containers
        self._networks = networks
        self._connector = connector
        self._host_gateways = host_gateways

    async def open(self, doc: Container) -> Sandbox:
        """The namespace for a start, connected and with its ports published.

        Raises what the network driver raises, ConflictError and NotFoundError for ``container:``.
        """
        mode = doc.host.network_mode
        is_cut_off = bool(doc.config.network_disabled)
        if mode == "host" and not is_cut_off:
            self._bind(doc, "host")
            return Sandbox(HOST, host_gateways=self._host_gateways)
        if mode.startswith("container:") and not is_cut_off:
            return Sandbox(self._joined(mode.removeprefix("container:")))
        fd = await open_blocking(create_netns, os.close)
        sandbox = Sandbox(f"/proc/{os.getpid()}/fd/{fd}", fd, host_gateways=self._host_gateways)
        try:
            if is_cut_off or list(doc.networks) in ([], ["none"]):
                self._bind(doc, "none")
                await run_blocking(loopback_up, fd)
            else:
                with failed_networking():
                    await self._connect_all(doc, sandbox)
        except BaseException:
            await self.release(doc, sandbox.endpoints)
            sandbox.close()
            raise
        return sandbox

    def _bind(self, doc: Container, name: str) -> None:
        """Remember which network a container is on that has no endpoint."""
        if name in doc.networks:
            doc.networks[name].network_id = self._networks.id_of(name)

    async def _connect_all(self, doc: Container, sandbox: Sandbox) -> None:
        found = {name: bound_network(name, it, self._networks) for name, it in doc.networks.items()}
        interfaces = interface_names(found.values(), doc.networks)
        ways = ways_out((live.record, doc.networks[name]) for name, live in found.items())
        ports = port_requests(doc.config, doc.host)
        for name, live in found.items():
            request = connect_request(
                doc,
                name,
                sandbox.fd,
                interfaces[name],
                ports=ports if name == ways.ports else (),
                default_route=ways.all_by(name),
            )
            sandbox.endpoints[name] = await self._connector.connect(doc, live, request)
        if len(found) > 1:
            await self._connector.set_ways_out(doc, sandbox.fd, sandbox.endpoints)
        self._connector.names.set_ways_out(doc, sandbox.endpoints.values())

    def _joined(self, ref: str) -> str:
        other = self._containers.get(ref)
        if not other.doc.alive:
            raise ConflictError(f"cannot join network of a non running container: {other.doc.id}")
        return f"/proc/{other.doc.state.pid}/ns/net"

    async def release(self, doc: Container, endpoints: Mapping[str, Endpoint]) -> None:
        """Give back addresses, ports and names of a container whose process is gone."""
        # First the name server: it holds the namespace.
        await self._connector.names.stop(doc)
        for endpoint in endpoints.values():
            await self._connector.disconnect(doc, endpoint, running=False)

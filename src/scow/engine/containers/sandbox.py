"""The network namespace that a container starts in, by its network mode.

The namespace has no name: the descriptor held here keeps it until the container's process does, and with
the last process the kernel takes the namespace, its devices and their peers away.
"""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from scow.engine.containers.held_parts import release_part
from scow.engine.containers.model import Container
from scow.engine.containers.ports import port_requests
from scow.engine.containers.registry import Containers
from scow.errors import ConflictError, NotFoundError, ScowError
from scow.linux.namespaces import create_netns
from scow.network.bridge import BridgeDriver
from scow.network.endpoint import ConnectRequest, Endpoint, PublishError
from scow.network.loopback import loopback_up
from scow.tasks import run_blocking

HOST = "host"


@dataclass(slots=True)
class Sandbox:
    """Where a process is about to start.

    ``path`` is what the runtime joins, ``HOST`` to stay in the engine's own; ``fd`` is -1 if not ours.
    ``held`` are parts of volumes that the runtime mounts. ``host_gateway`` is the address on the default
    bridge by which containers reach the host, "" without that bridge.
    """

    path: str
    fd: int = -1
    endpoint: Endpoint | None = None
    held: list[Path] = field(default_factory=list)
    host_gateway: str = ""

    def close(self) -> None:
        """Give up our hold; with no process inside the namespace goes. May be called twice."""
        while self.held:
            release_part(self.held.pop())
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Sandboxes:
    """Makes sandboxes and takes them back."""

    def __init__(self, containers: Containers, bridge: BridgeDriver | None) -> None:
        self._containers = containers
        self._bridge = bridge

    async def open(self, doc: Container) -> Sandbox:
        """The namespace for a start, connected and with its ports published.

        Raises what the network driver raises, ConflictError and NotFoundError for ``container:``.
        """
        mode = doc.host.network_mode
        gateway = str((self._bridge and self._bridge.gateway) or "")
        if mode == "host":
            return Sandbox(HOST, host_gateway=gateway)
        if mode.startswith("container:"):
            return Sandbox(self._joined(mode.removeprefix("container:")))
        fd = await run_blocking(create_netns)
        sandbox = Sandbox(f"/proc/{os.getpid()}/fd/{fd}", fd, host_gateway=gateway)
        try:
            if mode == "none":
                await run_blocking(loopback_up, fd)
            else:
                sandbox.endpoint = await self._connect(doc, fd)
        except BaseException:
            sandbox.close()
            raise
        return sandbox

    async def _connect(self, doc: Container, fd: int) -> Endpoint:
        if self._bridge is None or doc.host.network_mode != "bridge":
            raise NotFoundError(
                f"failed to set up container networking: network {doc.host.network_mode} not found"
            )
        endpoint_id = secrets.token_hex(32)
        request = ConnectRequest(
            endpoint_id=endpoint_id,
            container_id=doc.id,
            netns_fd=fd,
            mac=doc.networks[doc.host.network_mode].mac_address or None,
            ports=port_requests(doc.config, doc.host),
        )
        try:
            return await self._bridge.connect(request)
        except PublishError as exc:
            what = f"driver failed programming external connectivity on endpoint {doc.name} ({endpoint_id})"
            raise ScowError(f"failed to set up container networking: {what}: {exc.message}") from exc
        except ScowError as exc:
            exc.message = f"failed to set up container networking: {exc.message}"
            raise

    def _joined(self, ref: str) -> str:
        other = self._containers.get(ref)
        if not other.doc.alive:
            raise ConflictError(f"cannot join network of a non running container: {other.doc.id}")
        return f"/proc/{other.doc.state.pid}/ns/net"

    async def release(self, endpoint: Endpoint) -> None:
        """Give back the address and the ports of an endpoint whose container is gone."""
        if self._bridge is not None:
            await self._bridge.disconnect(endpoint)

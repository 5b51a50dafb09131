"""A container's place on a network: what is asked for, and what it got.

``Endpoint`` is stored with its container and given back to the driver when the daemon starts again, so it
holds everything that is needed to claim the same address and ports a second time.
"""

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class PortRequest:
    """One container port to publish.

    ``protocol`` is "tcp", "udp" or "sctp". ``host_ip`` is "" for every address of the host, of both
    families. A ``host_port_first`` of 0 leaves the choice to the engine; a range means any one port of it.
    """

    container_port: int
    protocol: str = "tcp"
    host_ip: str = ""
    host_port_first: int = 0
    host_port_last: int = 0


class PublishedPort(msgspec.Struct, frozen=True):
    """A host port that leads to a container port; one for each address it was bound on."""

    container_port: int
    protocol: str
    host_ip: str
    host_port: int


class Endpoint(msgspec.Struct, kw_only=True):
    """A connected endpoint. ``address`` and ``gateway`` are IPv4 in dotted form, ``mac`` has colons.

    ``interface`` is the name inside the container, ``host_interface`` that of the other end of the veth.
    """

    endpoint_id: str
    network_id: str
    interface: str
    host_interface: str
    mac: str
    address: str
    prefix_len: int
    gateway: str
    ports: list[PublishedPort] = []


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """Connect the network namespace ``netns_fd``; the caller keeps the descriptor open meanwhile.

    ``mac`` and ``address`` ask for fixed ones; without them the driver chooses.
    """

    endpoint_id: str
    container_id: str
    netns_fd: int
    mac: str | None = None
    address: str | None = None
    ports: tuple[PortRequest, ...] = ()
    interface: str = "eth0"

"""A container's place on a network: what is asked for, and what it got.

``Endpoint`` is stored with its container and given back to the driver when the daemon starts again, so it
holds everything that is needed to claim the same addresses and ports a second time.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec

from scow.errors import ScowError


class PublishError(ScowError):
    """The endpoint could not be made because of a port."""


@dataclass(frozen=True, slots=True)
class PortRequest:
    """One container port to publish.

    ``protocol`` is "tcp", "udp" or "sctp". ``host_ip`` is "" for every address of the host, of both
    families. A ``host_port_first`` of 0 leaves the choice to the engine; a range means any one port of it.
    ``allow`` are the networks from which it may be used, all if there are none.
    """

    container_port: int
    protocol: str = "tcp"
    host_ip: str = ""
    host_port_first: int = 0
    host_port_last: int = 0
    allow: tuple[str, ...] = ()


class PublishedPort(msgspec.Struct, frozen=True, omit_defaults=True):
    """A host port that leads to a container port; one for each address it was bound on."""

    container_port: int
    protocol: str
    host_ip: str
    host_port: int
    allow: tuple[str, ...] = ()


class Endpoint(msgspec.Struct, kw_only=True):
    """A connected endpoint. Addresses are text, "" where the network has none of that family.

    ``interface`` is the name inside the container, ``host_interface`` that of the other end of the veth;
    ``mac`` has colons; ``link_local`` are further addresses that the user asked for.
    """

    endpoint_id: str
    network_id: str
    interface: str
    host_interface: str
    mac: str
    driver: str = "bridge"
    address: str = ""
    prefix_len: int = 0
    gateway: str = ""
    address6: str = ""
    prefix_len6: int = 0
    gateway6: str = ""
    link_local: list[str] = []
    ports: list[PublishedPort] = []


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """Connect the network namespace ``netns_fd``; the caller keeps the descriptor open meanwhile.

    ``mac``, ``address`` and ``address6`` ask for fixed ones; without them the driver chooses.
    ``avoid`` are addresses that somebody else will want: given out when no others are left.
    ``default_route``: whether the way out of the container is by this network. ``driver_options`` are the
    endpoint's: see ``network.bandwidth``.
    """

    endpoint_id: str
    container_id: str
    netns_fd: int
    mac: str | None = None
    address: str | None = None
    address6: str | None = None
    link_local: tuple[str, ...] = ()
    avoid: frozenset[str] = frozenset()
    ports: tuple[PortRequest, ...] = ()
    interface: str = "eth0"
    default_route: bool = True
    driver_options: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def kernel_errors() -> Iterator[None]:
    """Name the call that the kernel refused, and why."""
    try:
        yield
    except OSError as exc:
        raise ScowError(exc.strerror or str(exc)) from exc

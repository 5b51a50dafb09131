"""The macvlan driver: containers with devices of their own on the segment of a host's interface.

What they send leaves by the parent as it is, from their own MAC addresses; the host itself does not see it,
and nothing is published or translated. (Documentation/networking: drivers/net/macvlan.c)
"""

import errno
import ipaddress
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scow.errors import InvalidArgumentError, ScowError
from scow.linux import rtnetlink
from scow.linux.namespaces import enter_netns, every_netns
from scow.linux.netlink import NETLINK_ROUTE, NetlinkSocket
from scow.linux.rtnetlink import MACVLAN_MODES, Macvlan
from scow.network import bandwidth
from scow.network.address_pools import AddressPools
from scow.network.attempt import Attempt
from scow.network.container_side import open_inside, set_up
from scow.network.endpoint import ConnectRequest, Endpoint, PortRequest, PublishedPort, kernel_errors
from scow.network.ipam import Subnet
from scow.network.macvlan_parent import MadeParents, ensure_parent, own_segment
from scow.tasks import run_blocking

PARENT = "parent"
MODE = "macvlan_mode"
PASSTHRU = "passthru"
_DYING_S = 10.0
_LOOK_AGAIN_S = 0.01


@dataclass(frozen=True, slots=True)
class MacvlanSettings:
    """One network. ``mode`` is of rtnetlink.MACVLAN_MODES; an ``mtu`` of 0 is the parent's.

    ``made_parent``: the parent is made for networks, and goes with the last. ``internal``: it leads nowhere.
    Addresses come from the first of ``subnets`` of a family that has one left; without subnets containers
    have those that they ask for themselves.
    """

    network_id: str
    parent: str
    mode: str = "bridge"
    subnets: tuple[Subnet, ...] = ()
    internal: bool = False
    mtu: int = 0
    made_parent: bool = False


def parent_and_mode(options: Mapping[str, str]) -> tuple[str, str]:
    """Out of a network's options; the parent is "" where nobody named one. Raises InvalidArgumentError."""
    mode = options.get(MODE) or "bridge"
    if mode not in MACVLAN_MODES:
        raise InvalidArgumentError(
            f"requested macvlan mode '{mode}' is not valid, 'bridge' mode is the macvlan driver default"
        )
    parent = options.get(PARENT, "")
    if parent == "lo":
        raise InvalidArgumentError("loopback interface is not a valid macvlan parent link")
    return parent, mode


class MacvlanDriver:
    """The network of one parent; see ``NetworkDriver`` for its methods."""

    def __init__(self, settings: MacvlanSettings, made_parents: MadeParents) -> None:
        """``made_parents`` are of all networks. Raises InvalidArgumentError for a range outside."""
        self.settings = settings
        self._made_parents = made_parents
        self._lock = threading.Lock()  # of endpoints and pools; held for microseconds
        self._pools = AddressPools(*settings.subnets)
        self._endpoints: dict[str, Endpoint] = {}

    async def start(self, endpoints: Sequence[Endpoint]) -> None:
        """See ``NetworkDriver``. Raises ScowError where there is no parent and none can be made."""
        with kernel_errors():
            await run_blocking(self._parent_index)
        for endpoint in endpoints:
            self._endpoints[endpoint.endpoint_id] = endpoint
            self._pools.claim_again(endpoint)

    async def connect(self, request: ConnectRequest) -> Endpoint:
        """See ``NetworkDriver``. Ports are not published: the container has an address of its own."""
        return await Attempt(self._connect, self._undo).make(request)

    async def disconnect(self, endpoint: Endpoint, *, running: bool = False) -> None:
        """See ``NetworkDriver``."""
        with kernel_errors():
            await run_blocking(self._disconnect, endpoint, running)

    async def publish(self, endpoint: Endpoint, ports: Sequence[PortRequest]) -> list[PublishedPort]:
        """See ``NetworkDriver``: none, as in Docker."""
        return []

    async def withdraw(self, endpoint: Endpoint, ports: Sequence[PublishedPort]) -> None:
        """See ``NetworkDriver``: there are none."""

    async def explain(self, endpoint: Endpoint, ports: Sequence[PublishedPort] | None = None) -> list[str]:
        """See ``NetworkDriver``."""
        address = endpoint.address or endpoint.address6 or "without an address of ours"
        return [
            f"{endpoint.interface} is {address}, on the segment of "
            f"{self.settings.parent} (macvlan, {self.settings.mode})",
            "  1. no rule of scow sees its packets, and the host itself does not reach it",
        ]

    async def remove(self) -> None:
        """See ``NetworkDriver``: the parent stays, unless it was made for networks and this is the last."""
        settings = self.settings
        if settings.made_parent:
            with kernel_errors():
                await run_blocking(self._made_parents.give_back, settings.parent, settings.network_id)

    async def leave(self) -> None:
        """See ``NetworkDriver``: a segment of its own goes, a VLAN of the host's stays with the network."""
        if self.settings.parent == own_segment(self.settings.network_id):
            await self.remove()

    def _parent_index(self) -> int:
        settings = self.settings
        if settings.made_parent:
            return self._made_parents.take(settings.parent, settings.network_id)
        return ensure_parent(settings.parent, settings.network_id, may_make=False)

    def _connect(self, request: ConnectRequest) -> Endpoint:
        limits = bandwidth.limits(request.driver_options)
        endpoint = self._reserve(request)
        try:
            inside = open_inside(request.netns_fd)
            with inside, NetlinkSocket(NETLINK_ROUTE) as host:
                device = Macvlan(
                    name=endpoint.interface,
                    parent_index=self._parent_index(),
                    mode=self.settings.mode,
                    netns_fd=request.netns_fd,
                    mac=endpoint.mac,
                    mtu=self.settings.mtu,
                )
                host.execute(rtnetlink.macvlan(device))
                _raise_when_free(inside, endpoint.interface)
                link = set_up(inside, request.netns_fd, endpoint, default_route=request.default_route)
                bandwidth.limit_sending(inside, link.index, limits.egress_bytes_per_s, link.mtu)
                rtnetlink.settle_link(inside, link.index)
        except BaseException:
            self._undo(endpoint)
            raise
        return endpoint

    def _undo(self, endpoint: Endpoint) -> None:
        self._disconnect(endpoint, True)

    def _reserve(self, request: ConnectRequest) -> Endpoint:
        settings = self.settings
        endpoint = Endpoint(
            endpoint_id=request.endpoint_id,
            network_id=settings.network_id,
            driver="macvlan",
            interface=request.interface,
            host_interface="",
            mac="",
            link_local=list(request.link_local),
        )
        with self._lock:
            if request.endpoint_id in self._endpoints:
                raise ScowError(f"endpoint {request.endpoint_id} is connected already")
            self._pools.assign(endpoint, request)
            self._endpoints[endpoint.endpoint_id] = endpoint
        if not settings.internal:
            endpoint.gateway = self._gateway(endpoint.address)
            endpoint.gateway6 = self._gateway(endpoint.address6)
        return endpoint

    def _gateway(self, address: str) -> str:
        """That of the subnet of an address; "" if there is none."""
        if not address:
            return ""
        ip = ipaddress.ip_address(address)
        return next((str(it.gateway or "") for it in self.settings.subnets if ip in it.network), "")

    def _disconnect(self, endpoint: Endpoint, running: bool) -> None:
        with self._lock:
            known = self._endpoints.pop(endpoint.endpoint_id, None)
        if known is None:
            return
        try:
            if running:
                _delete_device(known)
        finally:
            with self._lock:
                self._pools.release(known)


def _delete_device(endpoint: Endpoint) -> None:
    """It has no end on the host by which to find it: it is where its name and MAC are."""
    for fd in every_netns():
        with enter_netns(fd):
            sock = NetlinkSocket(NETLINK_ROUTE)
        with sock:
            link = rtnetlink.find_link(sock, endpoint.interface)
            if link is not None and (link.kind, link.mac) == ("macvlan", endpoint.mac.lower()):
                sock.execute(rtnetlink.delete_link(link.index))
                return


def _raise_when_free(inside: NetlinkSocket, name: str) -> None:
    """Set the device up. Raises OSError: EADDRINUSE if another device of its MAC address stays up.

    The device of a container that has just ended goes with its namespace, which the kernel takes down a
    little after the last process; who has that container's address now has its MAC address, too.
    """
    device = rtnetlink.find_link(inside, name)
    end_s = time.monotonic() + _DYING_S
    while device is not None:
        try:
            inside.execute(rtnetlink.link_up(device.index))
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE or time.monotonic() > end_s:
                raise
            time.sleep(_LOOK_AGAIN_S)
        else:
            break

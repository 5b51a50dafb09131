"""The bridge driver: containers on one Linux bridge, with addresses, a way out and published ports.

    start        device, sysctls and rules; addresses and ports of running containers claimed again
    connect      veth pair into the namespace, addresses, default route, loopback, ports: all or nothing
    disconnect   ports withdrawn, addresses freed; the veth dies with its namespace, or at once
    remove       rules and device go

Every operation runs in one piece on a worker thread, because any netlink request may have to wait for the
kernel's one lock. Memory is changed under a lock of its own and before the kernel is; a second daemon, after
a kill of the first at any point, gets it right by ``start`` alone.
"""

import asyncio
import ipaddress
import logging
import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import cast

from scow.errors import InvalidArgumentError, ScowError, UnsupportedError
from scow.linux.netlink import NETLINK_ROUTE, NetlinkSocket
from scow.network import bridge_device, veth
from scow.network.bridge_device import BridgeDevice
from scow.network.endpoint import ConnectRequest, Endpoint, PortRequest, PublishError
from scow.network.firewall import BridgeRules
from scow.network.host import HostNetwork
from scow.network.ipam import AddressPool, IPAddress, Subnet
from scow.tasks import run_blocking

_log = logging.getLogger(__name__)
_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """One network. ``host_ip`` is where its ports are bound by default, "" for the engine's default.

    ``internal``: nothing passes to or from any other network. ``ip_forward``: the host's sysctl is set.
    """

    name: str
    network_id: str = ""
    ipv4: Subnet | None = None
    ipv6: Subnet | None = None
    mtu: int = 1500
    host_ip: str = ""
    icc: bool = True
    masquerade: bool = True
    masquerade6: bool = True
    internal: bool = False
    ip_forward: bool = True


@dataclass(slots=True)
class _Attempt:
    """A connect in progress. The lock orders it and the undoing of it when the caller has gone."""

    request: ConnectRequest
    lock: threading.Lock = field(default_factory=threading.Lock)
    abandoned: bool = False
    endpoint: Endpoint | None = None


class BridgeDriver:
    """The network of one bridge; see ``NetworkDriver`` for its methods."""

    def __init__(self, settings: BridgeSettings, host: HostNetwork) -> None:
        """Raises InvalidArgumentError for a range outside its subnet."""
        self.settings = settings
        self._host = host
        self._lock = threading.Lock()  # of endpoints and pools; held for microseconds
        self._endpoints: dict[str, Endpoint] = {}
        self._pools = [_pool(subnet) for subnet in (settings.ipv4, settings.ipv6) if subnet is not None]
        self._device: BridgeDevice | None = None
        self._isolate_ports = False

    @property
    def gateway(self) -> IPAddress | None:
        """The bridge's own IPv4 address, by which containers reach the host."""
        return self.settings.ipv4.gateway if self.settings.ipv4 else None

    async def start(self, endpoints: Sequence[Endpoint]) -> None:
        """See ``NetworkDriver``."""
        with _kernel_errors():
            await run_blocking(self._start, endpoints)

    async def connect(self, request: ConnectRequest) -> Endpoint:
        """See ``NetworkDriver``."""
        attempt = _Attempt(request)
        try:
            with _kernel_errors():
                return await run_blocking(self._connect, attempt)
        except asyncio.CancelledError:
            await run_blocking(self._abandon, attempt)
            raise

    async def disconnect(self, endpoint: Endpoint, *, running: bool = False) -> None:
        """See ``NetworkDriver``."""
        with _kernel_errors():
            await run_blocking(self._disconnect, endpoint.endpoint_id, running)

    async def remove(self) -> None:
        """See ``NetworkDriver``."""
        with _kernel_errors():
            await run_blocking(self._remove)

    async def aclose(self) -> None:
        """Nothing is held but by the host's side."""

    @property
    def _started_device(self) -> BridgeDevice:
        if self._device is None:
            raise ScowError(f"bridge {self.settings.name} is not started")
        return self._device

    def _start(self, endpoints: Sequence[Endpoint]) -> None:
        settings = self.settings
        interfaces = [
            subnet.interface for subnet in (settings.ipv4, settings.ipv6) if subnet and subnet.interface
        ]
        with NetlinkSocket(NETLINK_ROUTE) as sock:
            device = bridge_device.ensure_bridge(sock, settings.name, settings.mtu, interfaces)
        bridge_device.set_sysctls(
            settings.name, ip_forward=settings.ip_forward, ipv6=settings.ipv6 is not None
        )
        # With br_netfilter the forward chain sees, and drops, what isolation would keep from the port.
        self._isolate_ports = not settings.icc and not bridge_device.filters_bridged_packets()
        self._device = device
        self._endpoints = {endpoint.endpoint_id: endpoint for endpoint in endpoints}
        for endpoint in endpoints:
            self._claim_again(endpoint)
        self._host.add_bridge(self._rules(), endpoints)

    def _rules(self) -> BridgeRules:
        settings = self.settings
        return BridgeRules(
            settings.name,
            cast(ipaddress.IPv4Network, settings.ipv4.network) if settings.ipv4 else None,
            cast(ipaddress.IPv6Network, settings.ipv6.network) if settings.ipv6 else None,
            icc=settings.icc,
            masquerade=settings.masquerade and not settings.internal,
            masquerade6=settings.masquerade6 and not settings.internal,
            internal=settings.internal,
        )

    def _claim_again(self, endpoint: Endpoint) -> None:
        """Failures are only told: the container has the address and serves its ports, whatever we think."""
        for address in _addresses(endpoint):
            try:
                self._pool_of(address).claim(address)
            except ScowError as exc:
                _log.warning("address %s of a running container: %s", address, exc)
        self._host.reserve_again(endpoint.ports)

    def _connect(self, attempt: _Attempt) -> Endpoint:
        with attempt.lock:
            if attempt.abandoned:
                raise ScowError("the caller has gone")
            endpoint = self._reserve(attempt.request)
            try:
                veth.attach(
                    attempt.request.netns_fd,
                    endpoint,
                    self._started_device,
                    mtu=self.settings.mtu,
                    isolated=self._isolate_ports,
                    default_route=attempt.request.default_route and not self.settings.internal,
                )
                with _publishing():
                    self._host.publish(endpoint)
            except BaseException:
                self._undo(endpoint)
                raise
            attempt.endpoint = endpoint
            return endpoint

    def _abandon(self, attempt: _Attempt) -> None:
        with attempt.lock:
            attempt.abandoned = True
            if attempt.endpoint is not None:
                self._undo(attempt.endpoint)

    def _reserve(self, request: ConnectRequest) -> Endpoint:
        """Addresses and the ports; the only step that is about other endpoints."""
        if request.mac and not _MAC.fullmatch(request.mac):
            raise InvalidArgumentError(f"invalid MAC address: {request.mac}")
        with _publishing():
            asked = self._ports_asked(request.ports)
        with self._lock:
            if request.endpoint_id in self._endpoints:
                raise ScowError(f"endpoint {request.endpoint_id} is connected already")
            endpoint = self._with_addresses(request)
            try:
                with _publishing():
                    endpoint.ports = self._host.reserve(asked)
            except BaseException:
                self._release_addresses(endpoint)
                raise
            self._endpoints[endpoint.endpoint_id] = endpoint
            return endpoint

    def _ports_asked(self, ports: Sequence[PortRequest]) -> list[PortRequest]:
        asked = [replace(it, host_ip=it.host_ip or self.settings.host_ip) for it in ports]
        if self.settings.ipv6 is None:
            for port in asked:
                if ":" in port.host_ip:
                    raise UnsupportedError(
                        f"cannot publish on [{port.host_ip}]: the network has no IPv6 addresses"
                    )
        return asked

    def _with_addresses(self, request: ConnectRequest) -> Endpoint:
        endpoint = Endpoint(
            endpoint_id=request.endpoint_id,
            network_id=self.settings.network_id,
            interface=request.interface,
            host_interface=_fresh_name(),
            mac="",
            link_local=list(request.link_local),
        )
        try:
            for pool in self._pools:
                wanted = request.address if pool.subnet.version == 4 else request.address6
                address = _take(pool, wanted)
                if pool.subnet.version == 4:
                    endpoint.address, endpoint.prefix_len = str(address), pool.subnet.prefixlen
                else:
                    endpoint.address6, endpoint.prefix_len6 = str(address), pool.subnet.prefixlen
        except BaseException:
            self._release_addresses(endpoint)
            raise
        if not self.settings.internal:
            endpoint.gateway = _gateway(self.settings.ipv4)
            endpoint.gateway6 = _gateway(self.settings.ipv6)
        endpoint.mac = request.mac or _mac_for(endpoint)
        return endpoint

    def _release_addresses(self, endpoint: Endpoint) -> None:
        for address in _addresses(endpoint):
            self._pool_of(address).release(address)

    def _pool_of(self, address: IPAddress) -> AddressPool:
        for pool in self._pools:
            if pool.subnet.version == address.version:
                return pool
        raise ScowError(f"the network has no IPv{address.version} addresses")

    def _undo(self, endpoint: Endpoint) -> None:
        """Back to before the connect, also inside the caller's namespace, which may be used again."""
        self._disconnect(endpoint.endpoint_id, True)

    def _disconnect(self, endpoint_id: str, running: bool) -> None:
        with self._lock:
            endpoint = self._endpoints.pop(endpoint_id, None)
        if endpoint is None:
            return
        try:
            self._host.withdraw(endpoint)
            (veth.remove if running else veth.cut_off)(endpoint)
        finally:
            self._host.free(endpoint.ports)
            with self._lock:
                self._release_addresses(endpoint)

    def _remove(self) -> None:
        self._host.remove_bridge(self.settings.name)
        with NetlinkSocket(NETLINK_ROUTE) as sock:
            bridge_device.remove_bridge(sock, self.settings.name)


@contextmanager
def _kernel_errors() -> Iterator[None]:
    """Name the call that the kernel refused, and why."""
    try:
        yield
    except OSError as exc:
        raise ScowError(exc.strerror or str(exc)) from exc


@contextmanager
def _publishing() -> Iterator[None]:
    """Whatever fails is a matter of ports."""
    try:
        yield
    except ScowError as exc:
        raise PublishError(exc.message) from exc
    except OSError as exc:
        raise PublishError(exc.strerror or str(exc)) from exc


def _pool(subnet: Subnet) -> AddressPool:
    return AddressPool(subnet.network, ip_range=subnet.ip_range, reserved=subnet.reserved)


def _take(pool: AddressPool, asked: str | None) -> IPAddress:
    if not asked:
        return pool.allocate()
    try:
        address = ipaddress.ip_address(asked)
    except ValueError:
        raise InvalidArgumentError(f"invalid IPv{pool.subnet.version} address: {asked}")
    if address.version != pool.subnet.version:
        raise InvalidArgumentError(f"invalid IPv{pool.subnet.version} address: {asked}")
    pool.claim(address)
    return address


def _addresses(endpoint: Endpoint) -> list[IPAddress]:
    return [ipaddress.ip_address(text) for text in (endpoint.address, endpoint.address6) if text]


def _gateway(subnet: Subnet | None) -> str:
    return str(subnet.gateway) if subnet is not None and subnet.gateway is not None else ""


def _mac_for(endpoint: Endpoint) -> str:
    """Docker's: the same address always has the same MAC, so no neighbour's ARP entry is ever wrong."""
    if not endpoint.address:
        return "02:42:" + ipaddress.ip_address(endpoint.address6).packed[-4:].hex(":")
    return "02:42:" + ipaddress.ip_address(endpoint.address).packed.hex(":")


def _fresh_name() -> str:
    return f"veth{secrets.token_hex(4)}"

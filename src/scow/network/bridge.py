"""The bridge driver: containers on one Linux bridge, with addresses, a way out and published ports.

    start        device, sysctls and firewall table; addresses and ports of running containers claimed again
    connect      veth pair into the namespace, address, default route, loopback, ports: all or nothing
    disconnect   ports withdrawn, address freed; the veth dies with its namespace

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
from dataclasses import dataclass, field

from scow.errors import InvalidArgumentError, ScowError
from scow.linux import conntrack
from scow.linux.netlink import NETLINK_NETFILTER, NETLINK_ROUTE, NetlinkSocket
from scow.network import bridge_device, veth
from scow.network.bridge_device import BridgeDevice
from scow.network.endpoint import ConnectRequest, Endpoint
from scow.network.firewall import BridgeRules, port_mappings
from scow.network.ipam import DEFAULT_POOLS, AddressPool, IPAddress, SubnetPool
from scow.network.packet_filter import PacketFilter
from scow.network.portmap import HostPorts
from scow.tasks import run_blocking

_log = logging.getLogger(__name__)
_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """dockerd's flags of the same names; an empty string means the default.

    ``bip`` is the bridge's own address with its prefix length, ``fixed_cidr`` the part of the subnet that
    containers get theirs from, ``ip`` where ports are bound by default.
    """

    name: str = "scow0"
    network_id: str = ""
    bip: str = ""
    fixed_cidr: str = ""
    mtu: int = 1500
    ip: str = "0.0.0.0"
    icc: bool = True
    iptables: bool = True
    ip_forward: bool = True
    ip_masq: bool = True
    pools: tuple[SubnetPool, ...] = DEFAULT_POOLS


@dataclass(slots=True)
class _Attempt:
    """A connect in progress. The lock orders it and the undoing of it when the caller has gone."""

    request: ConnectRequest
    lock: threading.Lock = field(default_factory=threading.Lock)
    abandoned: bool = False
    endpoint: Endpoint | None = None


class BridgeDriver:
    """The network of one bridge. Methods other than ``start`` may be called side by side."""

    def __init__(self, settings: BridgeSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()  # of ports, endpoints and pool; held for microseconds
        self._ports = HostPorts(settings.ip)
        self._endpoints: dict[str, Endpoint] = {}
        self._pool: AddressPool | None = None
        self._device: BridgeDevice | None = None
        self._filter: PacketFilter | None = None
        self._isolate_ports = False

    @property
    def subnet(self) -> ipaddress.IPv4Network:
        """Known after ``start``."""
        return self._started_device.interface.network

    @property
    def gateway(self) -> ipaddress.IPv4Address:
        """The bridge's own address. Known after ``start``."""
        return self._started_device.interface.ip

    def options(self) -> dict[str, str]:
        """The driver options that inspect of the default bridge shows."""
        settings = self._settings
        prefix = "com.docker.network"
        return {
            f"{prefix}.bridge.default_bridge": "true",
            f"{prefix}.bridge.enable_icc": str(settings.icc).lower(),
            f"{prefix}.bridge.enable_ip_masquerade": str(settings.ip_masq).lower(),
            f"{prefix}.bridge.host_binding_ipv4": settings.ip,
            f"{prefix}.bridge.name": settings.name,
            f"{prefix}.driver.mtu": str(settings.mtu),
        }

    async def start(self, endpoints: Sequence[Endpoint]) -> None:
        """Set the bridge up; ``endpoints`` are those of running containers, all others are gone.

        Raises InvalidArgumentError for settings that cannot be right, ScowError when no subnet is free or the
        kernel refuses.
        """
        with _kernel_errors():
            await run_blocking(self._start, endpoints)

    async def connect(self, request: ConnectRequest) -> Endpoint:
        """Connect a namespace. Cancelling undoes it.

        Raises ScowError with Docker's words for a port that is taken or no address left,
        PermissionDeniedError and InvalidArgumentError for an address that cannot be had.
        """
        attempt = _Attempt(request)
        try:
            with _kernel_errors():
                return await run_blocking(self._connect, attempt)
        except asyncio.CancelledError:
            await run_blocking(self._abandon, attempt)
            raise

    async def disconnect(self, endpoint: Endpoint) -> None:
        """Withdraw ports and free the address; no error if that is done. The veth dies with the namespace."""
        with _kernel_errors():
            await run_blocking(self._disconnect, endpoint.endpoint_id)

    async def aclose(self) -> None:
        """Let go of sockets and library; what runs stays connected. May be called twice."""
        self._ports.close()
        if self._filter is not None:
            self._filter.close()
            self._filter = None

    @property
    def _started_device(self) -> BridgeDevice:
        if self._device is None:
            raise ScowError(f"bridge {self._settings.name} is not started")
        return self._device

    @property
    def _started_pool(self) -> AddressPool:
        if self._pool is None:
            raise ScowError(f"bridge {self._settings.name} is not started")
        return self._pool

    def _start(self, endpoints: Sequence[Endpoint]) -> None:
        settings = self._settings
        with NetlinkSocket(NETLINK_ROUTE) as sock:
            device = bridge_device.ensure_bridge(
                sock, settings.name, bip=settings.bip, mtu=settings.mtu, pools=settings.pools
            )
        bridge_device.set_sysctls(settings.name, ip_forward=settings.ip_forward)
        # With br_netfilter the forward chain sees, and drops, what isolation would keep from the port.
        self._isolate_ports = not settings.icc and not bridge_device.filters_bridged_packets()
        self._device = device
        self._pool = self._make_pool(device.interface)
        self._endpoints = {endpoint.endpoint_id: endpoint for endpoint in endpoints}
        for endpoint in endpoints:
            self._claim_again(endpoint)
        if settings.iptables:
            rules = BridgeRules(settings.name, device.interface.network, settings.icc, settings.ip_masq)
            self._filter = PacketFilter()
            self._filter.install(
                [rules], [item for endpoint in endpoints for item in port_mappings(endpoint)]
            )
            self._filter.warn_of_foreign_policies()

    def _make_pool(self, interface: ipaddress.IPv4Interface) -> AddressPool:
        fixed = self._settings.fixed_cidr
        try:
            ip_range = ipaddress.IPv4Network(fixed, strict=False) if fixed else None
        except ValueError:
            raise InvalidArgumentError(f"invalid CIDR address: {fixed}")
        return AddressPool(interface.network, ip_range=ip_range, reserved=[interface.ip])

    def _claim_again(self, endpoint: Endpoint) -> None:
        """Failures are only told: the container has the address and serves its ports, whatever we think."""
        try:
            self._started_pool.claim(ipaddress.ip_address(endpoint.address))
        except ScowError as exc:
            _log.warning("address %s of a running container: %s", endpoint.address, exc)
        for port in self._ports.restore(endpoint.ports):
            _log.warning("published port %s:%d is bound by another process", port.host_ip, port.host_port)

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
                    mtu=self._settings.mtu,
                    isolated=self._isolate_ports,
                )
                if self._filter is not None:
                    self._filter.publish(port_mappings(endpoint))
                _forget_flows_to_ports(endpoint)
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
        """An address and the ports; the only step that is about other endpoints."""
        device = self._started_device
        if request.mac and not _MAC.fullmatch(request.mac):
            raise InvalidArgumentError(f"invalid MAC address: {request.mac}")
        with self._lock:
            if request.endpoint_id in self._endpoints:
                raise ScowError(f"endpoint {request.endpoint_id} is connected already")
            address = self._take_address(request.address)
            try:
                ports = self._ports.publish(request.ports)
            except BaseException:
                self._started_pool.release(address)
                raise
            endpoint = Endpoint(
                endpoint_id=request.endpoint_id,
                network_id=self._settings.network_id,
                interface=request.interface,
                host_interface=_fresh_name(),
                mac=request.mac or _mac_for(address),
                address=str(address),
                prefix_len=device.interface.network.prefixlen,
                gateway=str(device.interface.ip),
                ports=ports,
            )
            self._endpoints[endpoint.endpoint_id] = endpoint
            return endpoint

    def _take_address(self, asked: str | None) -> IPAddress:
        if not asked:
            return self._started_pool.allocate()
        try:
            address = ipaddress.IPv4Address(asked)
        except ValueError:
            raise InvalidArgumentError(f"invalid IPv4 address: {asked}")
        self._started_pool.claim(address)
        return address

    def _undo(self, endpoint: Endpoint) -> None:
        """Back to before the connect, also inside the caller's namespace, which may be used again."""
        veth.remove(endpoint)
        self._disconnect(endpoint.endpoint_id)

    def _disconnect(self, endpoint_id: str) -> None:
        with self._lock:
            endpoint = self._endpoints.pop(endpoint_id, None)
        if endpoint is None:
            return
        try:
            if self._filter is not None:
                self._filter.withdraw(port_mappings(endpoint))
            veth.cut_off(endpoint)
            _forget_flows_to_container(endpoint)
        finally:
            with self._lock:
                self._ports.withdraw(endpoint.ports)
                self._started_pool.release(ipaddress.ip_address(endpoint.address))


@contextmanager
def _kernel_errors() -> Iterator[None]:
    """Name the call that the kernel refused, and why."""
    try:
        yield
    except OSError as exc:
        raise ScowError(exc.strerror or str(exc)) from exc


def _forget_flows_to_container(endpoint: Endpoint) -> None:
    """A client that goes on sending would reach whoever gets the address next."""
    if _has_udp(endpoint):
        with NetlinkSocket(NETLINK_NETFILTER) as sock:
            conntrack.forget(sock, conntrack.forget_connections_to(ipaddress.IPv4Address(endpoint.address)))


def _forget_flows_to_ports(endpoint: Endpoint) -> None:
    """A client that was sending before the port was published would go on past the translation."""
    if _has_udp(endpoint):
        ports = {port.host_port for port in endpoint.ports if port.protocol == "udp"}
        with NetlinkSocket(NETLINK_NETFILTER) as sock:
            conntrack.forget(sock, *map(conntrack.forget_udp_port, sorted(ports)))


def _has_udp(endpoint: Endpoint) -> bool:
    return any(port.protocol == "udp" for port in endpoint.ports)


def _mac_for(address: IPAddress) -> str:
    """Docker's: the same address always has the same MAC, so no neighbour's ARP entry is ever wrong."""
    return "02:42:" + address.packed.hex(":")


def _fresh_name() -> str:
    return f"veth{secrets.token_hex(4)}"

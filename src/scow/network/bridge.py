"""The bridge driver: containers on one Linux bridge, with addresses, a way out and published ports.

    start        device, sysctls and rules; addresses and ports of running containers claimed again
    connect      veth pair into the namespace, addresses, default route, loopback, ports: all or nothing
    disconnect   ports withdrawn, addresses freed; the veth dies with its namespace, or at once
    remove       rules and device go
    leave        the device goes until the next start

Every operation runs in one piece on a worker thread, because any netlink request may have to wait for the
kernel's one lock. Memory is changed under a lock of its own and before the kernel is; a second daemon, after
a kill of the first at any point, gets it right by ``start`` alone.
"""

import ipaddress
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from scow.errors import InvalidArgumentError, ScowError
from scow.linux.netlink import NETLINK_ROUTE, NetlinkSocket
from scow.network import bandwidth, bridge_device, veth
from scow.network.address_pools import AddressPools
from scow.network.attempt import Attempt
from scow.network.bridge_device import BridgeDevice
from scow.network.endpoint import (
    ConnectRequest,
    Endpoint,
    PortRequest,
    PublishedPort,
    PublishError,
    kernel_errors,
)
from scow.network.explain import explain_endpoint, explain_port
from scow.network.firewall import NAT, BridgeRules, RulePolicy
from scow.network.host import HostNetwork
from scow.network.ipam import IPAddress, Subnet
from scow.network.port_choice import PortChoice
from scow.tasks import run_blocking

_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """One network. ``host_ip`` is where its ports are bound by default, "" for the engine's default.

    ``internal``: nothing passes to or from any other network. ``ip_forward``: the host's sysctl is set.
    ``gateway_mode_ipv4`` and ``…6``: see ``network.firewall``. Through ``trusted_interfaces`` published
    ports are reached from outside by the containers' own addresses. ``source_guard``: they send from their
    own addresses only. ``keep_device``: the bridge is somebody else's, and stays when the network goes.
    ``inhibit_ipv4``: it gets no IPv4 address, the gateway's is left to somebody else.
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
    gateway_mode_ipv4: str = NAT
    gateway_mode_ipv6: str = NAT
    trusted_interfaces: tuple[str, ...] = ()
    source_guard: bool = True
    keep_device: bool = False
    inhibit_ipv4: bool = False


class BridgeDriver:
    """The network of one bridge; see ``NetworkDriver`` for its methods."""

    def __init__(self, settings: BridgeSettings, host: HostNetwork) -> None:
        """Raises InvalidArgumentError for a range outside its subnet."""
        self.settings = settings
        self._host = host
        self._lock = threading.Lock()  # of endpoints and pools; held for microseconds
        self._endpoints: dict[str, Endpoint] = {}
        self._pools = AddressPools(settings.ipv4, settings.ipv6)
        self._ports = PortChoice(settings, relayed=host.relays, default_host_ip=host.default_ip)
        self._rules = _rules(settings, host.policy)
        self._device: BridgeDevice | None = None
        self._isolate_ports = False

    @property
    def gateway(self) -> IPAddress | None:
        """The bridge's own IPv4 address, by which containers reach the host."""
        return self.settings.ipv4.gateway if self.settings.ipv4 else None

    async def start(self, endpoints: Sequence[Endpoint]) -> None:
        """See ``NetworkDriver``."""
        with kernel_errors():
            await run_blocking(self._start, endpoints)

    async def connect(self, request: ConnectRequest) -> Endpoint:
        """See ``NetworkDriver``."""
        return await Attempt(self._connect, self._undo).make(request)

    async def disconnect(self, endpoint: Endpoint, *, running: bool = False) -> None:
        """See ``NetworkDriver``."""
        with kernel_errors():
            await run_blocking(self._disconnect, endpoint.endpoint_id, running)

    async def publish(self, endpoint: Endpoint, ports: Sequence[PortRequest]) -> list[PublishedPort]:
        """See ``NetworkDriver``."""
        return await run_blocking(self._publish, endpoint, ports)

    async def withdraw(self, endpoint: Endpoint, ports: Sequence[PublishedPort]) -> None:
        """See ``NetworkDriver``."""
        with kernel_errors():
            await run_blocking(self._withdraw, endpoint, ports)

    async def explain(self, endpoint: Endpoint, ports: Sequence[PublishedPort] | None = None) -> list[str]:
        """See ``NetworkDriver``."""
        tables = await run_blocking(self._host.kernel_tables)
        if tables is None:
            carried = ", the relay (scow-relay) carries what is published" if self._host.relays else ""
            return [f"no rules are written (iptables=false): nothing is translated{carried}"]
        relayed = self._host.relays
        if ports is None:
            return explain_endpoint(endpoint, self._rules, tables, relayed=relayed)
        return [
            line
            for port in ports
            for line in explain_port(endpoint, port, self._rules, tables, relayed=relayed)
        ]

    async def remove(self) -> None:
        """See ``NetworkDriver``."""
        with kernel_errors():
            await run_blocking(self._remove)

    async def leave(self) -> None:
        """See ``NetworkDriver``: the device, unless somebody else uses it. Its rules go with their tables."""
        if not (self.settings.keep_device or self.settings.inhibit_ipv4):
            with kernel_errors():
                await run_blocking(bridge_device.remove_idle_bridge, self.settings.name)

    @property
    def _started_device(self) -> BridgeDevice:
        if self._device is None:
            raise ScowError(f"bridge {self.settings.name} is not started")
        return self._device

    def _start(self, endpoints: Sequence[Endpoint]) -> None:
        settings = self.settings
        subnets = (None if settings.inhibit_ipv4 else settings.ipv4, settings.ipv6)
        interfaces = [subnet.interface for subnet in subnets if subnet and subnet.interface]
        with NetlinkSocket(NETLINK_ROUTE) as sock:
            device = bridge_device.ensure_bridge(
                sock, settings.name, settings.mtu, interfaces, keep_ipv4=settings.inhibit_ipv4
            )
            veth.remove_unknown(sock, device, {endpoint.host_interface for endpoint in endpoints})
        bridge_device.set_sysctls(
            settings.name,
            ip_forward=settings.ip_forward,
            ipv6=settings.ipv6 is not None,
            route_localnet=4 in self._rules.policy.versions,
        )
        # With br_netfilter the forward chain sees, and drops, what isolation would keep from the port.
        self._isolate_ports = not settings.icc and not bridge_device.filters_bridged_packets()
        self._device = device
        self._endpoints = {endpoint.endpoint_id: endpoint for endpoint in endpoints}
        for endpoint in endpoints:
            self._pools.claim_again(endpoint)
            self._host.reserve_again(endpoint, self._rules)
        self._host.add_bridge(self._rules, endpoints)

    def _connect(self, request: ConnectRequest) -> Endpoint:
        limits = bandwidth.limits(request.driver_options)
        endpoint = self._reserve(request)
        try:
            self._host.admit(endpoint, self._rules)
            veth.attach(
                request.netns_fd,
                endpoint,
                self._started_device,
                mtu=self.settings.mtu,
                isolated=self._isolate_ports,
                default_route=request.default_route and not self.settings.internal,
                limits=limits,
            )
            with _publishing():
                self._host.publish(endpoint, self._rules, endpoint.ports)
        except BaseException:
            self._undo(endpoint)
            raise
        return endpoint

    def _reserve(self, request: ConnectRequest) -> Endpoint:
        """Addresses and the ports; the only step that is about other endpoints."""
        if request.mac and not _MAC.fullmatch(request.mac):
            raise InvalidArgumentError(f"invalid MAC address: {request.mac}")
        with _publishing():
            asked, routed = self._ports.choose(request.ports)
        with self._lock:
            if request.endpoint_id in self._endpoints:
                raise ScowError(f"endpoint {request.endpoint_id} is connected already")
            endpoint = self._with_addresses(request)
            try:
                with _publishing():
                    endpoint.ports = [*self._host.reserve(asked), *routed]
            except BaseException:
                self._pools.release(endpoint)
                raise
            self._endpoints[endpoint.endpoint_id] = endpoint
            return endpoint

    def _with_addresses(self, request: ConnectRequest) -> Endpoint:
        endpoint = Endpoint(
            endpoint_id=request.endpoint_id,
            network_id=self.settings.network_id,
            interface=request.interface,
            host_interface=veth.fresh_name(),
            mac="",
            link_local=list(request.link_local),
        )
        self._pools.assign(endpoint, request)
        if not self.settings.internal:
            endpoint.gateway = _gateway(self.settings.ipv4)
            endpoint.gateway6 = _gateway(self.settings.ipv6)
        return endpoint

    def _publish(self, endpoint: Endpoint, ports: Sequence[PortRequest]) -> list[PublishedPort]:
        with _publishing():
            asked, routed = self._ports.choose(ports)
            with self._lock:
                if endpoint.endpoint_id not in self._endpoints:
                    raise ScowError(f"endpoint {endpoint.endpoint_id} is not connected")
                new = [*self._host.reserve(asked), *routed]
                endpoint.ports = [*endpoint.ports, *new]
            try:
                self._host.publish(endpoint, self._rules, new)
            except BaseException:
                self._withdraw(endpoint, new)
                raise
            return new

    def _withdraw(self, endpoint: Endpoint, ports: Sequence[PublishedPort]) -> None:
        gone = [port for port in ports if port in endpoint.ports]
        self._host.withdraw(endpoint, self._rules, gone)
        self._host.free(gone)
        with self._lock:
            endpoint.ports = [port for port in endpoint.ports if port not in gone]

    def _undo(self, endpoint: Endpoint) -> None:
        """Back to before the connect, also inside the caller's namespace, which may be used again."""
        self._disconnect(endpoint.endpoint_id, True)

    def _disconnect(self, endpoint_id: str, running: bool) -> None:
        with self._lock:
            endpoint = self._endpoints.pop(endpoint_id, None)
        if endpoint is None:
            return
        try:
            self._host.dismiss(endpoint, self._rules)
            (veth.remove if running else veth.cut_off)(endpoint)
        finally:
            self._host.free(endpoint.ports)
            with self._lock:
                self._pools.release(endpoint)

    def _remove(self) -> None:
        self._host.remove_bridge(self.settings.name)
        if not self.settings.keep_device:
            with NetlinkSocket(NETLINK_ROUTE) as sock:
                bridge_device.remove_bridge(sock, self.settings.name)


@contextmanager
def _publishing() -> Iterator[None]:
    """Whatever fails is a matter of ports."""
    try:
        yield
    except ScowError as exc:
        raise PublishError(exc.message) from exc
    except OSError as exc:
        raise PublishError(exc.strerror or str(exc)) from exc


def _rules(settings: BridgeSettings, policy: RulePolicy) -> BridgeRules:
    return BridgeRules(
        settings.name,
        cast(ipaddress.IPv4Network, settings.ipv4.network) if settings.ipv4 else None,
        cast(ipaddress.IPv6Network, settings.ipv6.network) if settings.ipv6 else None,
        addresses=_own_addresses(settings),
        icc=settings.icc,
        masquerade=settings.masquerade and not settings.internal,
        masquerade6=settings.masquerade6 and not settings.internal,
        internal=settings.internal,
        mode4=settings.gateway_mode_ipv4,
        mode6=settings.gateway_mode_ipv6,
        trusted_interfaces=settings.trusted_interfaces,
        source_guard=settings.source_guard,
        policy=policy,
    )


def _own_addresses(settings: BridgeSettings) -> tuple[IPAddress, ...]:
    subnets = (None if settings.inhibit_ipv4 else settings.ipv4, settings.ipv6)
    return tuple(subnet.gateway for subnet in subnets if subnet and subnet.gateway)


def _gateway(subnet: Subnet | None) -> str:
    """Where containers send what is not for their neighbours."""
    if subnet is None:
        return ""
    return str(subnet.router or subnet.gateway or "")

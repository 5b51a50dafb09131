"""What all networks of an engine share: the host's ports, and one table of rules."""

import ipaddress
import logging
import threading
from collections.abc import Iterable

from scow.linux import conntrack
from scow.linux.netlink import NETLINK_NETFILTER, NetlinkSocket
from scow.network.endpoint import Endpoint, PortRequest, PublishedPort
from scow.network.firewall import BridgeRules, port_mappings
from scow.network.packet_filter import PacketFilter
from scow.network.portmap import HostPorts

_log = logging.getLogger(__name__)


class HostNetwork:
    """The host's side. ``ip`` is where ports are bound by default; without ``rules`` no table is written.

    Methods block for as long as the kernel takes; any thread may call them.
    """

    def __init__(self, *, ip: str = "0.0.0.0", rules: bool = True) -> None:
        self._ports = HostPorts(ip)
        self._lock = threading.Lock()  # of ports; held for microseconds
        self._with_rules = rules
        self._filter: PacketFilter | None = None

    def reserve(self, requests: Iterable[PortRequest]) -> list[PublishedPort]:
        """Hold host ports: all or none. Raises ScowError in Docker's words, InvalidArgumentError."""
        with self._lock:
            return self._ports.publish(list(requests))

    def free(self, ports: Iterable[PublishedPort]) -> None:
        """Give ports back; no error for one that is not held."""
        with self._lock:
            self._ports.withdraw(ports)

    def reserve_again(self, ports: Iterable[PublishedPort]) -> None:
        """What a running container has published. Failures are only told: it serves them all the same."""
        with self._lock:
            for port in self._ports.restore(ports):
                _log.warning("published port %s:%d is bound by another process", port.host_ip, port.host_port)

    def add_bridge(self, rules: BridgeRules, endpoints: Iterable[Endpoint]) -> None:
        """Rules of one more bridge, with what its running containers have published. Raises NftablesError."""
        if self._with_rules:
            mappings = [mapping for endpoint in endpoints for mapping in port_mappings(endpoint)]
            self._rules().add_bridge(rules, mappings)

    def remove_bridge(self, interface: str) -> None:
        """No error if there is none."""
        if self._filter is not None:
            self._filter.remove_bridge(interface)

    def publish(self, endpoint: Endpoint) -> None:
        """Lead the host's ports to an endpoint. Raises NftablesError; nothing is published then."""
        if self._filter is not None:
            self._filter.publish(port_mappings(endpoint))
        self._forget_flows_to_ports(endpoint)

    def withdraw(self, endpoint: Endpoint) -> None:
        """Lead nobody to an endpoint any more; no error if that is so."""
        if self._filter is not None:
            self._filter.withdraw(port_mappings(endpoint))
        self._forget_flows_to_container(endpoint)

    def close(self) -> None:
        """Let go of sockets and library; rules stay. May be called twice."""
        with self._lock:
            self._ports.close()
            if self._filter is not None:
                self._filter.close()
                self._filter = None

    def _rules(self) -> PacketFilter:
        with self._lock:
            if self._filter is None:
                self._filter = PacketFilter()
                self._filter.warn_of_foreign_policies()
            return self._filter

    def _forget_flows_to_container(self, endpoint: Endpoint) -> None:
        """A client that goes on sending would reach whoever gets the address next."""
        if endpoint.address and _has_udp(endpoint):
            address = ipaddress.IPv4Address(endpoint.address)
            with NetlinkSocket(NETLINK_NETFILTER) as sock:
                conntrack.forget(sock, conntrack.forget_connections_to(address))

    def _forget_flows_to_ports(self, endpoint: Endpoint) -> None:
        """A client that was sending before the port was published would go on past the translation."""
        if _has_udp(endpoint):
            ports = {port.host_port for port in endpoint.ports if port.protocol == "udp"}
            with NetlinkSocket(NETLINK_NETFILTER) as sock:
                conntrack.forget(sock, *map(conntrack.forget_udp_port, sorted(ports)))


def _has_udp(endpoint: Endpoint) -> bool:
    return any(port.protocol == "udp" for port in endpoint.ports)

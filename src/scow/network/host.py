"""What all networks of an engine share: the host's ports, the tables of rules, and the relay."""

import asyncio
import ipaddress
import logging
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from scow.linux import conntrack
from scow.linux.netlink import NETLINK_NETFILTER, NetlinkSocket
from scow.linux.nf_tables import Element, TableWatch
from scow.network.endpoint import Endpoint, PortRequest, PublishedPort
from scow.network.explain import KernelTables
from scow.network.firewall import BridgeRules, RulePolicy
from scow.network.packet_filter import PacketFilter
from scow.network.port_elements import leads_nowhere, port_elements
from scow.network.portmap import HostPorts
from scow.network.relay_feed import RelayedPort, RelayFeed
from scow.network.source_guard import source_elements
from scow.network.table_claim import TableClaim
from scow.tasks import TaskOwner, run_blocking

_log = logging.getLogger(__name__)
_LOOPBACK6 = ("::", "::1")
_NO_SETTINGS = RulePolicy()
_PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP, "sctp": socket.IPPROTO_SCTP}


class HostNetwork:
    """The host's side. ``ip`` is where ports are bound by default; ``policy`` is for all bridges' rules.

    With ``userland_proxy`` the relay serves what the kernel does not lead to a container. Methods block for
    as long as the kernel takes; any thread may call them.
    """

    def __init__(
        self,
        *,
        ip: str = "0.0.0.0",
        policy: RulePolicy = _NO_SETTINGS,
        userland_proxy: bool = True,
    ) -> None:
        self.default_ip = ip
        self.policy = policy
        self._ports = HostPorts(ip)
        self._lock = threading.Lock()  # of ports; held for microseconds
        self._with_rules = bool(policy.versions)
        self._claim = TableClaim()
        self._filter: PacketFilter | None = None
        self._feed = RelayFeed() if userland_proxy else None
        self._watch: TableWatch | None = None
        self._tasks: TaskOwner | None = None
        self._collecting = False

    @property
    def relays(self) -> bool:
        """Whether a port of one IP family can lead to a container of the other."""
        return self._feed is not None

    def claim_tables(self) -> None:
        """Before anything is written. Raises ConflictError while another engine has its rules here."""
        if self._with_rules:
            self._claim.take()

    @contextmanager
    def rules_at_once(self) -> Iterator[None]:
        """Collect the rules of all bridges, which ``start`` writes.

        One after the other would take away for a moment what an engine before this one has left working.
        """
        self._collecting = True
        yield
        self._collecting = False

    async def start(self, tasks: TaskOwner) -> None:
        """Serve clients that need the relay, and put rules back that others remove. On the event loop.

        Raises NftablesError.
        """
        if self._feed is not None:
            self._feed.start()
        if self._with_rules:
            self._tasks = tasks
            rules = await run_blocking(self._rules)
            await run_blocking(rules.write)
            self._watch = await run_blocking(rules.watch)
            asyncio.get_running_loop().add_reader(self._watch.fileno(), self._rules_changed)

    def reserve(self, requests: Iterable[PortRequest]) -> list[PublishedPort]:
        """Hold host ports: all or none. Raises ScowError in Docker's words, InvalidArgumentError."""
        with self._lock:
            return self._ports.publish(list(requests))

    def free(self, ports: Iterable[PublishedPort]) -> None:
        """Give ports back; no error for one that is not held."""
        with self._lock:
            for port in ports:
                sock = self._ports.socket_of(port)
                if sock is not None and self._feed is not None:
                    self._feed.unregister(sock)  # its connections end, too
                self._ports.withdraw((port,))

    def reserve_again(self, endpoint: Endpoint, rules: BridgeRules) -> None:
        """What a running container has published. Failures are only told: it serves them all the same."""
        with self._lock:
            lost = self._ports.restore([port for port in endpoint.ports if port.host_port])
        for port in lost:
            _log.warning("published port %s:%d is bound by another process", port.host_ip, port.host_port)
        self._relay(endpoint, rules, endpoint.ports)

    def add_bridge(self, rules: BridgeRules, endpoints: Iterable[Endpoint]) -> None:
        """Rules of one more bridge, with what its running containers have published. Raises NftablesError."""
        if self._with_rules:
            elements = [element for endpoint in endpoints for element in _elements(endpoint, rules)]
            self._rules().add_bridge(rules, elements, write=not self._collecting)

    def remove_bridge(self, interface: str) -> None:
        """No error if there is none."""
        if self._filter is not None:
            self._filter.remove_bridge(interface)

    def admit(self, endpoint: Endpoint, rules: BridgeRules) -> None:
        """Let an endpoint send from its addresses; to be called before it can send. Raises OSError."""
        if self._filter is not None and rules.source_guard:
            self._filter.add(source_elements(endpoint))

    def publish(self, endpoint: Endpoint, rules: BridgeRules, ports: Sequence[PublishedPort]) -> None:
        """Lead host ports to an endpoint. Raises OSError; nothing is published then."""
        if not ports:
            return
        if self._filter is not None:
            self._filter.add(port_elements(endpoint, rules, ports))
        self._relay(endpoint, rules, ports)
        _forget_flows_to_ports(ports)

    def withdraw(self, endpoint: Endpoint, rules: BridgeRules, ports: Sequence[PublishedPort]) -> None:
        """Lead nobody to an endpoint by these ports any more; no error if that is so.

        Connections that there are end: who sends on one is told that there is nothing.
        """
        if self._filter is not None:
            kept = [port for port in endpoint.ports if port not in ports]
            still = set(port_elements(endpoint, rules, kept))
            gone = [it for it in port_elements(endpoint, rules, ports) if it not in still]
            self._filter.remove(gone)
        _forget_flows_through(endpoint, ports)

    def dismiss(self, endpoint: Endpoint, rules: BridgeRules) -> None:
        """Forget all about an endpoint; no error if that is done."""
        if self._filter is not None:
            self._filter.remove(_elements(endpoint, rules))
        _forget_flows_of(endpoint)

    def kernel_tables(self) -> KernelTables | None:
        """What the kernel has at the moment; None without rules. Raises NftablesError."""
        return self._rules().read() if self._with_rules else None

    async def leave(self) -> None:
        """Take the tables away, when no container needs them; no error if they are gone. On the event loop.

        Raises NftablesError.
        """
        self._end_watch()
        if self._filter is not None:
            await run_blocking(self._filter.remove_tables)

    def close(self) -> None:
        """Let go of sockets; rules and connections stay. May be called twice."""
        self._end_watch()
        if self._feed is not None:
            self._feed.close()
        with self._lock:
            self._ports.close()
            if self._filter is not None:
                self._filter.close()
                self._filter = None
        self._claim.give_up()

    def _end_watch(self) -> None:
        if self._watch is not None:
            asyncio.get_running_loop().remove_reader(self._watch.fileno())
            self._watch.close()
            self._watch = None

    def _rules(self) -> PacketFilter:
        with self._lock:
            if self._filter is None:
                self._filter = PacketFilter(self.policy)
                for chain in self._filter.foreign_drop_policies():
                    _log.warning(
                        "chain %s drops forwarded packets: it has to let container traffic through", chain
                    )
            return self._filter

    def _rules_changed(self) -> None:
        culprits = self._watch.culprits() if self._watch else set()
        if culprits and self._tasks is not None:
            self._tasks.start(self._restore(culprits), name="rules are put back")

    async def _restore(self, culprits: set[int]) -> None:
        await run_blocking(self._rules().restore, culprits)

    def _relay(self, endpoint: Endpoint, rules: BridgeRules, ports: Iterable[PublishedPort]) -> None:
        """Have the relay serve what no rule leads: the other family, and [::1]."""
        if self._feed is None:
            return
        for port in ports:
            nowhere = leads_nowhere(endpoint, port, rules)
            if port.protocol == "sctp" or not (nowhere or port.host_ip in _LOOPBACK6):
                continue
            with self._lock:
                sock = self._ports.socket_of(port)
            six = ":" in port.host_ip
            address = (endpoint.address6 if six else "") or endpoint.address or endpoint.address6
            if sock is not None:
                target = RelayedPort(port.protocol, address, port.container_port, port.allow)
                self._feed.register(sock, target)


def _elements(endpoint: Endpoint, rules: BridgeRules) -> list[Element]:
    guard = source_elements(endpoint) if rules.source_guard else []
    return guard + port_elements(endpoint, rules)


def _forget_flows_of(endpoint: Endpoint) -> None:
    """Who goes on sending, either way, would reach or be whoever gets the address next."""
    if conntrack.is_empty():
        return
    own = [ipaddress.ip_address(text) for text in (endpoint.address, endpoint.address6) if text]
    with NetlinkSocket(NETLINK_NETFILTER) as sock:
        for address in own:
            conntrack.forget(sock, *conntrack.forget_address(address))


def _forget_flows_through(endpoint: Endpoint, ports: Iterable[PublishedPort]) -> None:
    """As Docker does for all flows of an endpoint, when its ports go with it."""
    if conntrack.is_empty():
        return
    with NetlinkSocket(NETLINK_NETFILTER) as sock:
        for port in ports:
            text = endpoint.address6 if ":" in port.host_ip else endpoint.address
            if text:
                target = conntrack.Target(
                    _PROTOCOLS[port.protocol], ipaddress.ip_address(text), port.container_port
                )
                conntrack.forget(sock, conntrack.forget_port(port.host_port or port.container_port, target))


def _forget_flows_to_ports(ports: Iterable[PublishedPort]) -> None:
    """A client that goes on sending would never notice that a port was published."""
    found = {
        (port.host_port, socket.AF_INET6 if ":" in port.host_ip else socket.AF_INET)
        for port in ports
        if port.protocol == "udp"
    }
    if found:
        with NetlinkSocket(NETLINK_NETFILTER) as sock:
            conntrack.forget(sock, *(conntrack.forget_udp_port(*it) for it in sorted(found)))

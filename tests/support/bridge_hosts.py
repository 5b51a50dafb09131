"""A host namespace with the bridge driver in it, bare namespaces as containers, a machine beside the host."""

import asyncio
import os
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from scow import tasks
from scow.linux import rtnetlink, syscalls
from scow.linux.namespaces import create_netns, enter_netns
from scow.linux.netlink import NETLINK_ROUTE, NetlinkSocket
from scow.network.bridge import BridgeDriver, BridgeSettings
from scow.network.default_bridge import AskedSubnet, default_subnet
from scow.network.endpoint import ConnectRequest, Endpoint, PortRequest
from scow.network.firewall import BOTH_VERSIONS, RulePolicy
from scow.network.host import HostNetwork
from scow.network.ipam import DEFAULT_POOLS
from tests.support.namespaces import NetworkNamespace, neighbour_of, network_namespace
from tests.support.traffic import opened

T = TypeVar("T")
GATEWAY = "172.17.0.1"


def publish(
    port: int, to: int = 80, *, protocol: str = "tcp", ip: str = "", allow: tuple[str, ...] = ()
) -> PortRequest:
    return PortRequest(to, protocol, ip, port, port, allow)


@dataclass
class Container:
    """A bare namespace on the bridge."""

    netns_fd: int
    endpoint: Endpoint

    @property
    def address(self) -> str:
        return self.endpoint.address


@dataclass
class Host:
    """A namespace with a daemon's driver in it; ``outside`` is a machine beside it."""

    namespace: NetworkNamespace
    fd: int
    outside: NetworkNamespace
    outside_fd: int
    stack: ExitStack
    side: HostNetwork = field(default_factory=HostNetwork)
    driver: BridgeDriver = field(init=False)

    @property
    def address(self) -> str:
        return self.outside.peer_address

    def start(self, *endpoints: Endpoint, **settings: Any) -> None:
        """Start a driver; the one before, if any, is dropped as a killed daemon drops it."""
        self.side.close()
        self.run(self._start(endpoints, **settings))

    async def _start(
        self,
        endpoints: Sequence[Endpoint],
        *,
        bip: str = "",
        fixed_cidr: str = "",
        ip: str = "0.0.0.0",
        iptables: bool = True,
        direct_routing: bool = False,
        accepted_mark: tuple[int, int] | None = None,
        **settings: Any,
    ) -> None:
        subnet = await tasks.run_blocking(
            default_subnet, "scow0", AskedSubnet(4, bip, fixed_cidr), DEFAULT_POOLS
        )
        versions = BOTH_VERSIONS if iptables else frozenset[int]()
        self.side = HostNetwork(ip=ip, policy=RulePolicy(versions, direct_routing, accepted_mark))
        self.driver = BridgeDriver(BridgeSettings("scow0", ipv4=subnet, **settings), self.side)
        await self.driver.start(endpoints)

    @property
    def subnet(self) -> object:
        ipv4 = self.driver.settings.ipv4
        return ipv4.network if ipv4 else None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(coroutine)

    def connect(self, *ports: PortRequest, **more: Any) -> Container:
        fd = create_netns()
        self.stack.callback(close_fd, fd)
        request = ConnectRequest(os.urandom(8).hex(), "container", fd, ports=ports, **more)
        return Container(fd, self.run(self.driver.connect(request)))

    def disconnect(self, container: Container) -> None:
        """What the end of a container does."""
        close_fd(container.netns_fd)
        self.run(self.driver.disconnect(container.endpoint))

    def nft(self, *argv: str) -> str:
        done = self.namespace.run("nft", *argv)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def elements(self) -> str:
        return self.nft("list", "map", "inet", "scow", "published") + self.nft(
            "list", "map", "inet", "scow", "published_at"
        )

    def devices(self) -> list[str]:
        with enter_netns(self.fd):
            sock = NetlinkSocket(NETLINK_ROUTE)
        with sock:
            return [link.name for link in rtnetlink.links(sock) if link.kind == "veth" and link.master_index]


def close_fd(fd: int) -> None:
    try:
        os.close(fd)
    except OSError:
        pass


@contextmanager
def workers_in(fd: int) -> Iterator[None]:
    """The threads that the driver works on live in another namespace."""
    pool = ThreadPoolExecutor(4, initializer=syscalls.setns, initargs=(fd, syscalls.CLONE_NEWNET))
    before, tasks._blocking._executor = tasks._blocking._executor, pool
    try:
        yield
    finally:
        tasks._blocking._executor = before
        pool.shutdown()


@contextmanager
def bridge_host() -> Iterator[Host]:
    """A host without a bridge so far."""
    with ExitStack() as stack:
        namespace = stack.enter_context(network_namespace())
        outside = stack.enter_context(neighbour_of(namespace))
        fd = stack.enter_context(opened(namespace.path))
        outside_fd = stack.enter_context(opened(outside.path))
        stack.enter_context(workers_in(fd))
        for each in (fd, outside_fd):
            _settle(each)
        host = Host(namespace, fd, outside, outside_fd, stack)
        yield host
        host.side.close()


def _settle(fd: int) -> None:
    """Devices drop what is sent until the kernel has noticed that they are up; asked about one, it does."""
    with enter_netns(fd):
        sock = NetlinkSocket(NETLINK_ROUTE)
    with sock:
        for link in rtnetlink.links(sock):
            rtnetlink.settle_link(sock, link.index)

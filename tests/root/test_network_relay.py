"""Ports over IPv6: by the kernel where the network has it, by the relay where not, and to [::1]."""

import asyncio
import ipaddress
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scow import tasks
from scow.errors import ScowError
from scow.linux.namespaces import enter_netns
from scow.network.host import HostNetwork
from scow.network.ipam import Subnet
from tests.support.bridge_hosts import GATEWAY, Container, Host, publish
from tests.support.traffic import ANSWER_S, ask, call, caller, is_silent, service
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.needs("nft")]

V6 = Subnet(ipaddress.ip_network("fd00:77::/64"), ipaddress.ip_address("fd00:77::1"))
GATEWAY6 = "fd00:77::1"
HOST6, OUTSIDE6 = "fd00:99::1", "fd00:99::2"


@pytest.fixture
def six(bare_host: Host) -> Host:
    """With IPv6 between the host and the machine beside it."""
    for namespace, address, peer in (
        (bare_host.namespace, bare_host.address, HOST6),
        (bare_host.outside, bare_host.outside.address, OUTSIDE6),
    ):
        device = namespace.run("ip", "-o", "-4", "addr", "show", "to", address).stdout.split()[1]
        done = namespace.run("ip", "addr", "add", f"{peer}/64", "dev", device, "nodad")
        assert done.returncode == 0, done.stderr
    return bare_host


@contextmanager
def served(host: Host) -> Iterator[None]:
    """The engine's loop runs beside the test, in the host's namespace."""
    loop = asyncio.new_event_loop()
    ready, end = threading.Event(), asyncio.Event()

    async def life() -> None:
        async with tasks.TaskOwner("test") as owner:
            await host.side.start(owner)
            ready.set()
            await end.wait()
            host.side.close()

    def run() -> None:
        with enter_netns(host.fd):
            loop.run_until_complete(life())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(ANSWER_S)
        yield
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()


@pytest.fixture(autouse=True)
def earlier() -> Iterator[None]:
    """Relays of tests before still wait for more datagrams: they are not this test's."""
    _earlier.clear()
    _earlier.update(relays())
    yield
    wait_until(lambda: not relays(), "no relay is left")


_earlier: set[int] = set()


def relays() -> list[int]:
    """Processes of this test that are relays."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline") as line, open(f"/proc/{entry}/stat") as stat:
                if "scow-relay" in line.read() and f" {os.getpid()} " in stat.read().rpartition(")")[2][:20]:
                    found.append(int(entry))
        except OSError:
            continue
    return [pid for pid in found if pid not in _earlier]


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_port_of_a_network_with_ipv6_is_reached_from_everywhere(six: Host, kind: str) -> None:
    six.start(ipv6=V6)
    container, neighbour = six.connect(publish(8080, protocol=kind)), six.connect()
    with served(six), service(container.netns_fd, 80, "served", kind=kind, address="::"):
        assert call(six.outside_fd, HOST6, 8080, kind=kind) == f"served {OUTSIDE6}"
        assert call(six.fd, HOST6, 8080, kind=kind) == f"served {HOST6}"
        assert call(six.fd, "::1", 8080, kind=kind) == f"served {GATEWAY6}", "by the relay"
        for fd in (container.netns_fd, neighbour.netns_fd):
            assert call(fd, HOST6, 8080, kind=kind) == f"served {GATEWAY6}"
            assert call(fd, GATEWAY6, 8080, kind=kind) == f"served {GATEWAY6}"
        own = neighbour.endpoint.address6
        assert call(neighbour.netns_fd, container.endpoint.address6, 80, kind=kind) == f"served {own}"


def test_a_container_reaches_the_outside_over_ipv6(six: Host) -> None:
    six.start(ipv6=V6)
    container = six.connect()
    with service(six.outside_fd, 7000, "outside", address="::"):
        assert call(container.netns_fd, OUTSIDE6, 7000) == f"outside {HOST6}"


def test_connections_that_are_carried_end_when_their_port_is_withdrawn(six: Host) -> None:
    six.start()
    container = six.connect(publish(8080), publish(8090))
    gone = [it for it in container.endpoint.ports if it.host_port == 8090]
    with (
        served(six),
        service(container.netns_fd, 80, "served"),
        caller(six.fd, "::1", 8080) as kept,
        caller(six.fd, "::1", 8090) as withdrawn,
    ):
        wait_until(lambda: _connections_of(container) == 2, "both are carried")
        six.run(six.driver.withdraw(container.endpoint, gone))
        wait_until(lambda: _connections_of(container) == 1, "one has ended")
        with pytest.raises((ConnectionError, IndexError)):
            ask(withdrawn)[0]
        assert ask(kept) == f"served {GATEWAY}"
        six.disconnect(container)


def _connections_of(container: Container) -> int:
    with enter_netns(container.netns_fd):
        table = Path("/proc/thread-self/net/tcp").read_text()
    return sum(line.split()[1].endswith(":0050") and line.split()[3] == "01" for line in table.splitlines())


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_the_relay_leads_ipv6_to_a_container_without(six: Host, kind: str) -> None:
    six.start()
    container = six.connect(publish(8080, protocol=kind))
    with served(six), service(container.netns_fd, 80, "served", kind=kind):
        assert relays() == [], "none before it is needed"
        for fd, address in ((six.fd, "::1"), (six.fd, HOST6), (six.outside_fd, HOST6)):
            with caller(fd, address, 8080, kind=kind) as sock:
                assert ask(sock) == f"served {GATEWAY}"
                if kind == "udp":
                    assert ask(sock) == f"served {GATEWAY}"
        assert len(relays()) == 1, "one for all"
    wait_until(lambda: not relays(), "it leaves with the engine")


def test_the_relay_carries_much_in_both_directions_and_half_closes(six: Host) -> None:
    six.start()
    container = six.connect(publish(8080))
    size = 8 << 20
    with served(six), _sink(container, size), caller(six.fd, "::1", 8080) as sock:
        sock.sendall(os.urandom(1) * size)
        sock.shutdown(1)
        found = 0
        while data := sock.recv(1 << 16):
            found += len(data)
        assert found == size


@contextmanager
def _sink(container: Container, size: int) -> Iterator[None]:
    """Reads until the end, and then writes as much."""
    with enter_netns(container.netns_fd):
        listener = socket.create_server(("0.0.0.0", 80))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            found = 0
            while data := connection.recv(1 << 16):
                found += len(data)
            connection.sendall(bytes(found))

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    thread.join()
    listener.close()


def test_connections_of_the_relay_outlive_the_engine(six: Host, caplog: pytest.LogCaptureFixture) -> None:
    six.start()
    container = six.connect(publish(8080))
    with service(container.netns_fd, 80, "served"):
        with served(six):
            sock_of = caller(six.fd, "::1", 8080)
            sock = sock_of.__enter__()
            # it has been taken: the container's side is there
            wait_until(lambda: len(relays()) == 1, "the relay runs")
            wait_until(lambda: _connections(container) == 1, "the container has the connection")
        # the next engine has the port beside them
        six.start(container.endpoint)
        assert "is bound by another process" not in caplog.text
        assert ask(sock) == f"served {GATEWAY}"
        sock_of.__exit__(None, None, None)
        wait_until(lambda: not relays(), "it leaves with its last connection")


def test_datagrams_of_the_relay_do_not_keep_the_port_from_the_next_engine(
    six: Host, caplog: pytest.LogCaptureFixture
) -> None:
    six.start()
    container = six.connect(publish(8080, protocol="udp"))
    with service(container.netns_fd, 80, "served", kind="udp"):
        with served(six), caller(six.fd, "::1", 8080, kind="udp") as sock:
            assert ask(sock) == f"served {GATEWAY}"
        wait_until(lambda: not relays(), "it leaves with the engine")
        six.start(container.endpoint)
        assert "is bound by another process" not in caplog.text
        with served(six):
            assert call(six.fd, "::1", 8080, kind="udp") == f"served {GATEWAY}"


def _connections(container: Container) -> int:
    with enter_netns(container.netns_fd), open("/proc/thread-self/net/tcp") as table:
        return sum(line.split()[3] == "01" for line in table.readlines()[1:])


def test_a_port_nobody_serves_is_closed_by_the_relay(six: Host) -> None:
    six.start()
    six.connect(publish(8080))
    with served(six), caller(six.fd, "::1", 8080) as sock, _closed():
        assert sock.recv(10) == b""


@contextmanager
def _closed() -> Iterator[None]:
    """Closed, in one of the two ways that there are."""
    try:
        yield
    except ConnectionResetError:
        pass


def test_the_relay_knows_who_may_use_a_port(six: Host) -> None:
    six.start()
    container = six.connect(publish(8080, allow=("fd00:1234::/64",)))
    with served(six), service(container.netns_fd, 80, "served"):
        assert call(six.fd, "::1", 8080) == f"served {GATEWAY}"
        with _closed(), caller(six.outside_fd, HOST6, 8080) as sock:
            assert sock.recv(10) == b""


def test_a_port_is_gone_with_its_container(six: Host) -> None:
    six.start()
    container = six.connect(publish(8080))
    with served(six), service(container.netns_fd, 80, "served"), caller(six.fd, "::1", 8080) as sock:
        assert ask(sock) == f"served {GATEWAY}"
        six.disconnect(container)
        with pytest.raises(ConnectionRefusedError):
            call(six.fd, "::1", 8080)
        # although a connection of the one before is still there
        assert six.connect(publish(8080)).endpoint.ports


def test_without_the_userland_proxy_only_what_the_kernel_can(
    six: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    make: Callable[..., HostNetwork] = HostNetwork
    monkeypatch.setattr(
        "tests.support.bridge_hosts.HostNetwork", lambda **more: make(userland_proxy=False, **more)
    )
    six.start()
    container = six.connect(publish(8080))
    assert [port.host_ip for port in container.endpoint.ports] == ["0.0.0.0"]
    with service(container.netns_fd, 80, "served"):
        assert call(six.fd, "127.0.0.1", 8080) == f"served {GATEWAY}"
        with pytest.raises(ConnectionRefusedError):
            call(six.fd, "::1", 8080)
    with pytest.raises(ScowError, match="because the userland proxy is disabled"):
        six.connect(publish(8081, ip="::1"))


def test_a_port_that_is_not_published_is_closed_to_the_outside_over_ipv6(six: Host) -> None:
    six.start(ipv6=V6)
    container = six.connect(publish(8080))
    done = six.outside.run("ip", "route", "add", "fd00:77::/64", "via", HOST6)
    assert done.returncode == 0, done.stderr
    with service(container.netns_fd, 80, "open", address="::"):
        assert is_silent(six.outside_fd, container.endpoint.address6, 80)

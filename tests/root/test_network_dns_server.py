"""The name server inside real namespaces, asked by real resolvers."""

import asyncio
import logging
import os
import resource
import socket
import struct
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from scow.linux.namespaces import create_netns, enter_netns
from scow.network.dns import redirect
from scow.network.dns.answers import Upstream
from scow.network.dns.message import NO_ERROR, encode_name, parse_query, reply, truncated
from scow.network.dns.service import DnsService
from scow.network.loopback import loopback_up
from tests.support.live_folders import own_descriptors
from tests.support.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.root

IPAddress = IPv4Address | IPv6Address


@dataclass
class Neighbours:
    names: dict[str, list[IPAddress]] = field(default_factory=dict)
    upstreams: Sequence[Upstream] = ()
    short_names_stay: bool = False
    edition: int = 0

    def lookup(self, name: str) -> Sequence[IPAddress] | None:
        return self.names.get(name)

    def reverse(self, address: IPAddress) -> str | None:
        return next((f"{name}.net1" for name, found in self.names.items() if address in found), None)


@pytest.fixture
def netns() -> Iterator[int]:
    fd = create_netns()
    loopback_up(fd)
    yield fd
    os.close(fd)


def serving(netns: int, view: Neighbours, work: Callable[[], Awaitable[None]]) -> None:
    async def life() -> None:
        service = DnsService()
        service.serve("box", netns, view)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await work()
        finally:
            await service.aclose()

    before = own_descriptors()
    asyncio.run(life())
    assert own_descriptors() == before


def nslookup(netns: int, *args: str) -> "subprocess.CompletedProcess[str]":
    with enter_netns(netns):
        return subprocess.run(
            ["busybox", "nslookup", *args, "127.0.0.11"], capture_output=True, text=True, timeout=120
        )


async def in_thread(function: Callable[[], object]) -> None:
    await asyncio.get_running_loop().run_in_executor(None, function)


class Outside:
    """A name server on 127.0.0.1 of this test's namespace that knows one name, over UDP and TCP."""

    def __init__(self, *, udp: str = "whole") -> None:
        self.asked = 0
        self._udp = udp
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self._sock.setblocking(False)
        self.port = self._sock.getsockname()[1]

    async def __aenter__(self) -> "Outside":
        asyncio.get_running_loop().add_reader(self._sock, self._readable)
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *exc: object) -> None:
        asyncio.get_running_loop().remove_reader(self._sock)
        self._sock.close()
        self._server.close()
        await self._server.wait_closed()

    def _reply(self, data: bytes) -> bytes:
        self.asked += 1
        query = parse_query(data)
        if query.name != "outside.example":
            return reply(query, 3)
        return reply(query, NO_ERROR, addresses=[ip_address("192.0.2.99")], ttl_s=300)

    def _readable(self) -> None:
        data, sender = self._sock.recvfrom(65535)
        if self._udp == "silent":
            return
        found = truncated(parse_query(data)) if self._udp == "truncated" else self._reply(data)
        if self._udp == "forged":
            self._sock.sendto(b"\0\0" + found[2:], sender)
        self._sock.sendto(found, sender)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2), "big")
        found = self._reply(await reader.readexactly(size))
        writer.write(len(found).to_bytes(2, "big") + found)
        await writer.drain()
        writer.close()


def outside(server: Outside) -> Upstream:
    return Upstream("127.0.0.1", from_host=True, port=server.port)


def test_neighbours_by_name_and_address(netns: int) -> None:
    view = Neighbours({"db": [ip_address("10.1.0.2"), ip_address("fd00::2")]})

    def ask() -> None:
        found = nslookup(netns, "db")
        assert found.returncode == 0, found.stdout
        assert "10.1.0.2" in found.stdout
        assert "fd00::2" in found.stdout
        assert "db.net1" in nslookup(netns, "10.1.0.2").stdout
        missing = nslookup(netns, "nobody")
        assert missing.returncode != 0
        assert "SERVFAIL" in missing.stdout

    serving(netns, view, lambda: in_thread(ask))


def test_a_neighbour_without_an_ipv6_address_is_found(netns: int) -> None:
    view = Neighbours({"db": [ip_address("10.1.0.2")]})

    def ask() -> None:
        assert nslookup(netns, "db").returncode == 0

    serving(netns, view, lambda: in_thread(ask))


@pytest.mark.parametrize("udp", ["whole", "truncated", "forged"])
def test_other_names_are_asked_for_outside(netns: int, udp: str) -> None:
    view = Neighbours()

    async def work() -> None:
        async with Outside(udp=udp) as server:
            view.upstreams = [outside(server)]

            def ask() -> None:
                found = nslookup(netns, "-type=a", "outside.example")
                if udp != "truncated":
                    assert "192.0.2.99" in found.stdout
                missing = nslookup(netns, "-type=a", "missing.example")
                if udp != "truncated":
                    assert "NXDOMAIN" in missing.stdout
                assert by_tcp(netns, "outside.example").endswith(ip_address("192.0.2.99").packed)

            await in_thread(ask)
            before = server.asked
            await in_thread(lambda: assert_tcp(netns))
            # Remembered.
            assert server.asked == before

    serving(netns, view, work)


def assert_tcp(netns: int) -> None:
    assert by_tcp(netns, "outside.example").endswith(ip_address("192.0.2.99").packed)


def by_tcp(netns: int, name: str) -> bytes:
    message = struct.pack("!6H", 5, 0x0100, 1, 0, 0, 0) + encode_name(name) + struct.pack("!2H", 1, 1)
    with enter_netns(netns):
        sock = socket.create_connection(("127.0.0.11", 53), 60)
    with sock:
        sock.sendall(len(message).to_bytes(2, "big") + message)
        file = sock.makefile("rb")
        size = int.from_bytes(file.read(2), "big")
        return file.read(size)


def test_the_next_server_is_asked_when_one_is_silent(netns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scow.network.dns.forward._TIMEOUT_S", 1.0)
    view = Neighbours()

    async def work() -> None:
        async with Outside(udp="silent") as silent, Outside() as server:
            view.upstreams = [outside(silent), outside(server)]

            def ask() -> None:
                assert "192.0.2.99" in nslookup(netns, "-type=a", "outside.example").stdout

            await in_thread(ask)

    serving(netns, view, work)


def test_servers_outside_are_asked_from_the_container(netns: int) -> None:
    """A server that only the container can reach: one that listens in its own namespace."""
    view = Neighbours()

    async def work() -> None:
        with enter_netns(netns):
            server = Outside()
            serve = await asyncio.start_server(server._connected, "127.0.0.1", server.port)
        asyncio.get_running_loop().add_reader(server._sock, server._readable)
        view.upstreams = [Upstream("127.0.0.1", port=server.port)]

        def ask() -> None:
            assert "192.0.2.99" in nslookup(netns, "-type=a", "outside.example").stdout

        await in_thread(ask)
        asyncio.get_running_loop().remove_reader(server._sock)
        server._sock.close()
        serve.close()
        await serve.wait_closed()

    serving(netns, view, work)


def test_a_flood_does_not_starve_another_container(netns: int) -> None:
    """While one namespace sends without end, another is answered."""
    other = create_netns()
    loopback_up(other)
    view = Neighbours({"db": [ip_address("10.1.0.2")]})
    message = struct.pack("!6H", 5, 0x0100, 1, 0, 0, 0) + encode_name("db") + struct.pack("!2H", 1, 1)

    async def work() -> None:
        service = DnsService()
        service.serve("other", other, view)
        stop = asyncio.Event()

        def flood() -> None:
            with enter_netns(netns):
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            with sock:
                while not stop.is_set():
                    sock.sendto(message, ("127.0.0.11", 53))

        flooding = asyncio.get_running_loop().run_in_executor(None, flood)
        try:
            for _ in range(5):
                await in_thread(lambda: _assert_found(other))
        finally:
            stop.set()
            await flooding
            await service.aclose()

    serving(netns, view, work)
    os.close(other)


def _assert_found(netns: int) -> None:
    assert "10.1.0.2" in nslookup(netns, "db").stdout


def test_a_container_may_serve_names_itself(netns: int) -> None:
    """Port 53 of all its addresses is the container's; 127.0.0.11 stays ours."""
    view = Neighbours({"db": [ip_address("10.1.0.2")]})

    def ask() -> None:
        with enter_netns(netns):
            udp, tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
        with udp, tcp:
            for sock in (udp, tcp):
                sock.bind(("0.0.0.0", 53))
            tcp.listen()
            _assert_found(netns)
            assert by_tcp(netns, "db").endswith(ip_address("10.1.0.2").packed)
            with enter_netns(netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
                own.sendto(b"mine", ("127.0.0.1", 53))
            assert udp.recv(100) == b"mine"

    serving(netns, view, lambda: in_thread(ask))


def test_connections_tracked_by_the_container_do_not_matter(netns: int) -> None:
    view = Neighbours({"db": [ip_address("10.1.0.2")]})
    rules = (
        "add table ip own; add chain ip own o { type filter hook output priority 0; policy drop; };"
        "add rule ip own o ct state established accept; add rule ip own o udp dport 53 accept;"
        "add rule ip own o tcp dport 53 accept"
    )
    with enter_netns(netns):
        subprocess.run(["nft", rules], check=True)

    def ask() -> None:
        _assert_found(netns)
        assert by_tcp(netns, "db").endswith(ip_address("10.1.0.2").packed)

    serving(netns, view, lambda: in_thread(ask))


def test_the_next_engine_serves_where_the_last_one_did(netns: int) -> None:
    view = Neighbours({"db": [ip_address("10.1.0.2")]})
    serving(netns, view, lambda: in_thread(lambda: _assert_found(netns)))
    before = redirect.led_to(netns)
    assert before is not None
    serving(netns, view, lambda: in_thread(lambda: assert_tcp_found(netns)))
    serving(netns, view, lambda: in_thread(lambda: _assert_found(netns)))
    assert redirect.led_to(netns) == before
    with enter_netns(netns):
        intruder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with intruder:
        intruder.bind(("127.0.0.11", before.udp))
        serving(netns, view, lambda: in_thread(lambda: _assert_found(netns)))
    assert redirect.led_to(netns) != before


def assert_tcp_found(netns: int) -> None:
    assert by_tcp(netns, "db").endswith(ip_address("10.1.0.2").packed)


def test_connections_are_taken_again_when_there_are_descriptors_again(
    netns: int, caplog: pytest.LogCaptureFixture
) -> None:
    """One that there was no room for is not the end of the name server for this container."""
    question = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + encode_name("db") + struct.pack("!2H", 1, 1)

    async def work() -> None:
        with enter_netns(netns):
            client = socket.socket()
        with client:
            client.setblocking(False)
            limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            # The lowest number that is free: no further descriptor can be had.
            resource.setrlimit(resource.RLIMIT_NOFILE, (os.dup(netns), limits[1]))
            try:
                os.close(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
                await asyncio.get_running_loop().sock_connect(client, ("127.0.0.11", 53))
                await in_thread(lambda: wait_until(lambda: bool(caplog.records), "it has been tried"))
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(client, len(question).to_bytes(2, "big") + question)
            answer = await loop.sock_recv(client, 512)
            assert IPv4Address("10.1.0.2").packed in answer

    with caplog.at_level(logging.DEBUG, "scow"):
        serving(netns, Neighbours({"db": [ip_address("10.1.0.2")]}), work)

"""The relay by itself: what goes in comes out, and it rests when there is nothing to do."""

import fcntl
import random
import select
import socket
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from scow.network import relay
from tests.support.waiting import wait_until

_WAIT_S = 20.0
_LARGE_BYTES = 3 << 20


class Carried:
    """A relay process with one connection through it: ``client`` and ``server`` are its two ends."""

    def __init__(self, control: socket.socket, pid: int) -> None:
        self.pid, self._used = pid, ""
        with socket.create_server(("127.0.0.1", 0)) as front, socket.create_server(("127.0.0.1", 0)) as back:
            self.client = socket.create_connection(front.getsockname(), _WAIT_S)
            accepted, _ = front.accept()
            with accepted:
                message = relay.encode("tcp", *back.getsockname())
                socket.send_fds(control, [message], [accepted.fileno()])
            back.settimeout(_WAIT_S)
            self.server, _ = back.accept()
            self.server.settimeout(_WAIT_S)

    def is_at_rest(self) -> bool:
        """Whether it sleeps, and has since this was last asked."""
        with open(f"/proc/{self.pid}/stat") as stat, open(f"/proc/{self.pid}/schedstat") as times:
            state, used, self._used = stat.read().rpartition(")")[2].split()[0], self._used, times.read()
        return state == "S" and used == self._used

    def close(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture
def carried() -> Iterator[Carried]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _START, str(theirs.fileno()), relay.__file__],
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        connection = Carried(ours, process.pid)
        yield connection
        connection.close()
        ours.close()
        assert process.wait(_WAIT_S) == 0, "it leaves when nobody can send it more and nothing is left"


_START = (
    "import os, runpy, sys; os.dup2(int(sys.argv[1]), 3); runpy.run_path(sys.argv[2], run_name='__main__')"
)


@contextmanager
def sending(sock: socket.socket, data: bytes, pieces: random.Random) -> Iterator[None]:
    """Beside the test, in pieces from a byte to more than a pipe holds; then the end."""

    def send() -> None:
        at = 0
        while at < len(data):
            end = at + pieces.choice((1, 700, relay.COPIED_BYTES, relay.COPIED_BYTES + 1, 1 << 20))
            sock.sendall(data[at:end])
            at = end
        sock.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=send)
    thread.start()
    yield
    thread.join()


def received(sock: socket.socket) -> bytes:
    found = bytearray()
    while data := sock.recv(1 << 16):
        found += data
    return bytes(found)


@pytest.mark.parametrize("seed", range(3))
def test_both_directions_arrive_whole_and_end_by_themselves(carried: Carried, seed: int) -> None:
    pieces = random.Random(seed)
    there, back = pieces.randbytes(_LARGE_BYTES), pieces.randbytes(_LARGE_BYTES)
    with sending(carried.client, there, random.Random(seed)):
        assert received(carried.server) == there
    carried.server.sendall(b"still open")
    assert carried.client.recv(64) == b"still open"
    with sending(carried.server, back, random.Random(seed)):
        assert received(carried.client) == back


def test_small_pieces_are_not_held_back() -> None:
    """With Nagle's algorithm the second of two waits for as long as an ACK may be delayed: 40 ms."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ends = [socket.create_connection(listening.getsockname()), listening.accept()[0]]
    relay.Stream(*ends)
    assert all(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for sock in ends)
    for sock in ends:
        sock.close()


def test_a_slow_reader_gets_what_was_sent_before_the_sender_went(carried: Carried) -> None:
    """Both sides of the client's socket are shut, and what it sent waits in the relay: it waits quietly."""
    carried.server.shutdown(socket.SHUT_WR)
    assert carried.client.recv(1) == b""
    sent = filled(carried.client)
    carried.client.shutdown(socket.SHUT_WR)
    found = 0
    while unacknowledged(carried.client):
        found += len(carried.server.recv(1 << 16))
    wait_until(carried.is_at_rest, "it takes no time of a processor")
    assert found + len(received(carried.server)) == sent


def filled(sock: socket.socket) -> int:
    """Send as much as everything behind it takes while nobody reads."""
    sock.settimeout(0.5)
    sent = 0
    with suppress(TimeoutError):
        while True:
            sent += sock.send(bytes(1 << 16))
    return sent


def unacknowledged(sock: socket.socket) -> int:
    """Bytes, and the end, that the other kernel has not got (SIOCOUTQ, tcp(7))."""
    return int.from_bytes(fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


def test_a_reset_is_passed_on(carried: Carried) -> None:
    carried.client.shutdown(socket.SHUT_WR)
    assert carried.server.recv(1) == b""
    carried.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    carried.client.close()
    wait_until(lambda: _is_closed(carried.server), "the server learns of it")


def _is_closed(sock: socket.socket) -> bool:
    try:
        sock.send(b"x")
    except OSError:
        return True
    return False


def test_a_new_connection_is_not_taken_for_the_one_that_ended_in_the_same_round() -> None:
    """It gets the ended one's numbers, and there are still events of those to come."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, socket.create_server(("127.0.0.1", 0)) as back, two_clients() as (first, second):
        busy = relay.Relay(theirs)
        message = relay.encode("tcp", *back.getsockname())
        socket.send_fds(ours, [message], [first.fileno()])
        busy._serve([(theirs.fileno(), select.EPOLLIN)])
        client, server = (sock.fileno() for sock in next(iter(busy._ports)).sockets)
        accepted, _ = back.accept()
        busy._serve([(server, select.EPOLLOUT)])
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()
        socket.send_fds(ours, [message], [second.fileno()])
        ended = select.EPOLLIN | select.EPOLLERR | select.EPOLLHUP
        busy._serve([(server, ended), (theirs.fileno(), select.EPOLLIN), (client, select.EPOLLIN)])
        assert len(busy._ports) == 1, "the second one is carried"
        busy._drop(next(iter(busy._ports)))
        busy._epoll.close()


@contextmanager
def two_clients() -> Iterator[list[socket.socket]]:
    """The accepted ends of two connections."""
    with ExitStack() as stack:
        front = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        for _ in range(2):
            stack.enter_context(socket.create_connection(front.getsockname(), _WAIT_S))
        yield [stack.enter_context(front.accept()[0]) for _ in range(2)]

"""TLS in both directions at once: no byte and no end is lost, however full the sockets between are."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from scow.api.client.tls import TlsOptions, tunnel
from scow.api.http.tls import TlsConnection
from scow.api.http.tls_stream import TlsStream
from tests.support.certificates import Certificates, make_certificates

pytestmark = pytest.mark.needs("openssl")

SMALL_BUFFER = 8192
DEADLINE_S = 20.0


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates") / "tls")


@pytest.fixture(scope="module")
def server_context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server / "cert.pem", certificates.server / "key.pem")
    return context


@pytest.fixture(scope="module")
def options(certificates: Certificates) -> TlsOptions:
    return TlsOptions(str(certificates.ca), "", "", True)


@contextmanager
def tcp_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a TCP connection that holds as little as the kernel lets it."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        near = socket.socket()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
        near.connect(listener.getsockname())
        far, _ = listener.accept()
    near.settimeout(DEADLINE_S)
    far.settimeout(DEADLINE_S)
    with near, far:
        yield near, far


def read_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


@pytest.mark.parametrize("size", range(8_000, 64_000, 4_000))
def test_a_goodbye_waits_for_room(server_context: ssl.SSLContext, options: TlsOptions, size: int) -> None:
    """The other end reads only when nothing more fits; with some of these sizes the alert does not either."""
    full = threading.Event()

    def serve(far: socket.socket) -> bytes:
        with server_context.wrap_socket(far, server_side=True) as secured:
            assert full.wait(DEADLINE_S)
            got = read_all(secured)
            secured.sendall(b"done")
            return got

    with ExitStack() as stack, tcp_pair() as (near, far), ThreadPoolExecutor(1) as pool:
        served = pool.submit(serve, far)
        sock = stack.enter_context(tunnel(near, options, "127.0.0.1"))
        sock.sendall(bytes(size))
        sock.shutdown(socket.SHUT_WR)
        full.set()
        assert served.result(DEADLINE_S) == bytes(size)
        assert read_all(sock) == b"done"


@pytest.mark.parametrize("size", [20_000, 620_000, 2_600_000])
def test_what_comes_back_meanwhile_is_kept(
    server_context: ssl.SSLContext, options: TlsOptions, size: int
) -> None:
    data = bytes(range(256)) * (size // 256)

    def echo(far: socket.socket) -> None:
        with server_context.wrap_socket(far, server_side=True) as secured:
            while piece := secured.recv(65536):
                secured.sendall(piece)

    def send(sock: socket.socket) -> None:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)

    with ExitStack() as stack, tcp_pair() as (near, far), ThreadPoolExecutor(2) as pool:
        served = pool.submit(echo, far)
        sock = stack.enter_context(tunnel(near, options, "127.0.0.1"))
        sent = pool.submit(send, sock)
        assert read_all(sock) == data
        sent.result(DEADLINE_S)
        served.result(DEADLINE_S)


def test_an_answer_before_the_end_of_what_is_sent(
    server_context: ssl.SSLContext, options: TlsOptions
) -> None:
    """The other end answers and hangs up: the answer is read, the writer hears that nobody listens."""

    def refuse(far: socket.socket) -> None:
        with server_context.wrap_socket(far, server_side=True) as secured:
            secured.recv(100)
            secured.sendall(b"no")

    with ExitStack() as stack, tcp_pair() as (near, far), ThreadPoolExecutor(1) as pool:
        served = pool.submit(refuse, far)
        sock = stack.enter_context(tunnel(near, options, "127.0.0.1"))
        sock.settimeout(DEADLINE_S)
        with pytest.raises(BrokenPipeError):
            sock.sendall(bytes(64 << 20))
        served.result(DEADLINE_S)
        assert sock.recv(2) == b"no"


class SlowReader(asyncio.Protocol):
    """Takes one piece, and the next only when the loop comes round again."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.got += data
        self._transport.pause_reading()
        asyncio.get_running_loop().call_later(0.0001, self._transport.resume_reading)

    def eof_received(self) -> bool:
        self.ended.set_result(bytes(self.got))
        return False


@pytest.mark.parametrize("goodbye", [True, False])
def test_a_reader_that_pauses_gets_all_before_the_end(
    server_context: ssl.SSLContext, options: TlsOptions, goodbye: bool
) -> None:
    """What was decrypted while nobody read comes before the end, said or not."""
    data = bytes(range(256)) * 4000

    def send(address: tuple[str, int]) -> None:
        with socket.create_connection(address, DEADLINE_S) as sock:
            stream = TlsStream(options.context(), server_side=False, server_hostname="127.0.0.1")
            while not stream.shake_hands():
                sock.sendall(stream.take_output())
                stream.receive(sock.recv(65536))
            stream.write(data)
            if goodbye:
                stream.end_output()
            sock.sendall(stream.take_output())
            sock.shutdown(socket.SHUT_WR)
            read_all(sock)  # leaving something unread would reset the connection

    async def serve() -> bytes:
        loop = asyncio.get_running_loop()
        reader = SlowReader()
        server = await loop.create_server(lambda: TlsConnection(server_context, lambda: reader), "127.0.0.1")
        async with server:
            await asyncio.to_thread(send, server.sockets[0].getsockname())
            return await asyncio.wait_for(reader.ended, DEADLINE_S)

    assert asyncio.run(serve()) == data


def exchange(one: TlsStream, other: TlsStream) -> None:
    """Give each what the other has to say."""
    for source, target in ((one, other), (other, one)):
        if data := source.take_output():
            target.receive(data)


def test_each_direction_ends_by_itself(server_context: ssl.SSLContext, options: TlsOptions) -> None:
    client = TlsStream(options.context(), server_side=False, server_hostname="127.0.0.1")
    server = TlsStream(server_context, server_side=True)
    while not (client.shake_hands() & server.shake_hands()):
        exchange(client, server)
    exchange(client, server)
    assert (client.read(), server.read()) == (None, None)
    server.write(b"on the way")
    exchange(server, client)
    client.write(b"last")
    client.end_output()  # with something unread
    exchange(client, server)
    assert (server.read(), server.read()) == (b"last", b"")
    server.write(b"after it")
    exchange(server, client)
    assert client.read() == b"on the way"
    assert client.read() == b"after it"
    assert client.read() is None
    server.end_output()
    exchange(server, client)
    assert client.read() == b""

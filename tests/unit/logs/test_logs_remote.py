"""What drivers that send lines elsewhere make of a record, over real sockets."""

import asyncio
import base64
import functools
import json
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, ParamSpec

import msgspec
import pytest

from scow.logs.attributes import LogSource
from scow.logs.json_file import JsonFileWriter
from scow.logs.remote import journald
from scow.logs.remote.destination import Destination
from scow.logs.remote.drivers import remote_driver
from scow.logs.remote.forwarder import Forwarder
from scow.logs.remote.gelf import chunks
from scow.logs.remote.records import Record, origin_of, records
from tests.support.certificates import make_certificates

SOURCE = LogSource(
    container_id="0123456789abcdef" * 4,
    name="/web",
    image_name="nginx",
    labels={"a-b": "1", "_hidden": "2", "multi": "x\ny"},
)
# 2024-05-01T10:00:00.123456789Z
WHEN = 1_714_557_600_123_456_789


P = ParamSpec("P")


def in_a_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


def destination(driver: str, **options: str) -> Destination:
    given = {name.replace("_", "-"): value for name, value in options.items()}
    remote_driver(driver).check(given)
    return remote_driver(driver).make(given, origin_of(given, SOURCE))


@contextmanager
def datagrams(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        sock.settimeout(10)
        yield sock


async def send(to: Destination, *lines: Record) -> None:
    await to.open()
    await to.send(lines)
    to.close()


def test_records_of_a_block() -> None:
    block = b"".join(
        (
            b'{"log":"one\\n","stream":"stdout","time":"2024-05-01T10:00:00.123456789Z"}\n',
            b'{"log":"part","stream":"stderr","time":"2024-05-01T10:00:01Z"}\n',
            b'{"log":"\\n","stream":"stdout","time":"2024-05-01T10:00:01Z"}\n',
            b"none of ours\n",
        )
    )
    second = WHEN // 10**9 + 1
    assert records(block) == [Record("one", False, WHEN), Record("part", True, second * 10**9)]


@pytest.mark.parametrize(
    ("style", "head"),
    [
        ("", r"<\d+>May  1 \d\d:\d\d:00 01234"),
        ("rfc3164", r"<\d+>May  1 \d\d:\d\d:00 \S+ 01234"),
        ("rfc5424", r"<30>1 2024-05-01T10:00:00Z \S+ 0123456789ab \d+ 0123456789ab - hello\n"),
        ("rfc5424micro", r"<30>1 2024-05-01T10:00:00.123456Z \S+ "),
    ],
)
@in_a_loop
async def test_syslog_to_a_unix_socket(tmp_path: Path, style: str, head: str) -> None:
    with datagrams(tmp_path / "log") as sock:
        options = {"syslog_format": style} if style else {}
        await send(
            destination("syslog", syslog_address=f"unixgram://{tmp_path}/log", **options),
            Record("hello", False, WHEN),
        )
        assert re.match(head, sock.recv(4096).decode())


@in_a_loop
async def test_syslog_over_tls_counts_octets_and_knows_its_server(tmp_path: Path) -> None:
    files = make_certificates(tmp_path / "tls")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.server / "cert.pem", files.server / "key.pem")
    seen: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.put_nowait(await reader.read())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    address = f"tcp+tls://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        options = {"syslog_address": address, "syslog_format": "rfc5424"}
        stranger = destination("syslog", **options)
        with pytest.raises(OSError, match=r"^dial tcp 127\.0\.0\.1:\d+: "):
            await stranger.open()
        to = destination("syslog", **options, syslog_tls_ca_cert=str(files.ca))
        await send(to, Record("hello", False, WHEN))
        length, _, message = (await asyncio.wait_for(seen.get(), 10)).partition(b" ")
    assert int(length) == len(message)
    assert message.endswith(b" - hello\n")


def test_a_gelf_message_beyond_all_chunks_is_not_sent() -> None:
    assert list(chunks(b"x" * 1420)) == [b"x" * 1420]
    assert len(list(chunks(b"x" * 1421))) == 2
    assert len(list(chunks(b"x" * 128 * 1408))) == 128
    assert list(chunks(b"x" * (128 * 1408 + 1))) == []


@in_a_loop
async def test_journald_gets_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journald, "_SOCKET", str(tmp_path / "socket"))
    with datagrams(tmp_path / "socket") as sock:
        to = destination("journald", labels="a-b,_hidden,multi", tag="{{.Name}}")
        await send(to, Record("oops", True, WHEN))
        entry = sock.recv(1 << 16)
    for line in (
        b"CONTAINER_ID=0123456789ab\n",
        b"CONTAINER_NAME=web\n",
        b"CONTAINER_TAG=web\n",
        b"SYSLOG_IDENTIFIER=web\n",
        b"IMAGE_NAME=nginx\n",
        b"A_B=1\n",
        b"HIDDEN=2\n",
        b"PRIORITY=3\n",
        b"MESSAGE=oops\n",
        b"MULTI\n" + struct.pack("<Q", 3) + b"x\ny\n",
    ):
        assert line in entry


@asynccontextmanager
async def forward_server(path: Path, acknowledges: bool) -> AsyncIterator[list[Any]]:
    seen: list[Any] = []
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            event = msgspec.msgpack.decode(data)
            seen.append(event)
            if acknowledges:
                writer.write(msgspec.msgpack.encode({"ack": event[3]["chunk"]}))
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await asyncio.start_unix_server(serve, path)
    async with server:
        yield seen
        await ended.wait()


@in_a_loop
async def test_fluentd_waits_for_acknowledgements(tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/s"
    async with forward_server(tmp_path / "s", acknowledges=True) as seen:
        to = destination(
            "fluentd",
            fluentd_address=address,
            fluentd_request_ack="true",
            fluentd_sub_second_precision="true",
        )
        await send(to, Record("one", False, WHEN), Record("two", True, WHEN))
    assert [event[2]["log"] for event in seen] == ["one", "two"]
    seconds, nanoseconds = struct.unpack(">II", seen[0][1].data)
    assert (seconds, nanoseconds) == divmod(WHEN, 10**9)
    assert len(base64.b64decode(seen[0][3]["chunk"])) == 16


class Broken:
    """A destination that fails as often as it is told to, and then keeps what it gets."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.lines: list[str] = []

    async def open(self) -> None:
        pass

    async def send(self, records: Any) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("not now")
        self.lines += [record.line for record in records]

    def close(self) -> None:
        pass


def written(path: Path, *lines: str) -> None:
    writer = JsonFileWriter(str(path), max_bytes=-1, max_files=1, compress=False, attributes=b"", carry={})
    for line in lines:
        writer.write(1, f"{line}\n".encode())
    writer.close()


def done() -> "asyncio.Future[None]":
    future = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


@in_a_loop
async def test_a_forwarder_tries_again_and_the_next_one_goes_on(tmp_path: Path) -> None:
    log, bookmark = tmp_path / "log", tmp_path / "bookmark"
    written(log, "one", "two")
    first = Broken(failures=2)
    await Forwarder(str(log), bookmark, first).run(done())
    assert first.lines == ["one", "two"]
    written(log, "three")
    second = Broken(failures=0)
    await Forwarder(str(log), bookmark, second).run(done())
    assert second.lines == ["three"]


@in_a_loop
async def test_a_bookmark_of_a_file_that_is_gone_leads_to_the_next(tmp_path: Path) -> None:
    log, bookmark = tmp_path / "log", tmp_path / "bookmark"
    bookmark.write_text(json.dumps(["2024-05-01T10:00:00.000000000Z", 10_000]))
    written(log, "later")
    sink = Broken(failures=0)
    await Forwarder(str(log), bookmark, sink).run(done())
    assert sink.lines == ["later"]

"""What only BuildKit's protocol has: records of builds, what they told, and blobs that they name.

An engine speaks it on its own socket (``POST /grpc``), dockerd as well as scowd. asyncio and h2 take 0.1 s
to import, so commands import this module when they run.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from scow.api.client.build_values import progress_of, record_of
from scow.api.client.client import Client, Hijacked
from scow.api.grpc.buildkit.content import (
    CONTENT_INFO,
    READ_CONTENT,
    ContentInfoRequest,
    ContentInfoResponse,
    ContentPiece,
    ReadContent,
)
from scow.api.grpc.buildkit.history import (
    LISTEN_HISTORY,
    TIMESTAMP,
    UPDATE_HISTORY,
    EventKind,
    HistoryEventMessage,
    HistoryRequest,
    HistoryUpdated,
    UpdateHistory,
)
from scow.api.grpc.buildkit.progress import STATUS, StatusRequest, StatusResponse
from scow.api.grpc.client import Channel
from scow.api.grpc.http2 import Connection
from scow.api.grpc.status import CallError, Code, StatusMessage
from scow.errors import NotFoundError, ScowError
from scow.spec.build_history import BuildRecord, HistoryQuery
from scow.spec.build_progress import BuildProgress
from scow.spec.protobuf import WireError
from scow.tasks import run_blocking, run_in_own_thread, running

T = TypeVar("T")

_READ_BYTES = 1 << 16


def build_records(client: Client, query: HistoryQuery) -> tuple[list[BuildRecord], str]:
    """Records of builds that go on or have ended, and what time it is there. Raises ScowError."""
    request = HistoryRequest(query.active_only, query.ref, True, query.filters, query.limit)

    async def listen(channel: Channel) -> tuple[list[BuildRecord], str]:
        call = channel.call(LISTEN_HISTORY)
        await call.send(request)
        call.end()
        found: list[BuildRecord] = []
        moment = (await call.metadata()).get(TIMESTAMP, "")
        while (event := await call.receive(HistoryEventMessage)) is not None:
            if event.record is not None and event.kind != EventKind.DELETED:
                found.append(record_of(event.record))
        return found, moment

    return _talk(client, listen)


def delete_record(client: Client, ref: str) -> None:
    """Raises NotFoundError, ScowError."""
    change = UpdateHistory(ref, delete=True)
    _talk(client, lambda channel: channel.ask(UPDATE_HISTORY, change, HistoryUpdated))


def finalize_record(client: Client, ref: str) -> None:
    """Have its trace made whole now. Raises NotFoundError, ScowError."""
    change = UpdateHistory(ref, finalize=True)
    _talk(client, lambda channel: channel.ask(UPDATE_HISTORY, change, HistoryUpdated))


def follow_build(client: Client, ref: str, take: Callable[[BuildProgress], None]) -> None:
    """All that a build has told, and what it tells until it ends. Raises ScowError."""

    async def follow(channel: Channel) -> None:
        call = channel.call(STATUS)
        await call.send(StatusRequest(ref))
        call.end()
        while (message := await call.receive(StatusResponse)) is not None:
            for told in progress_of(message):
                take(told)

    _talk(client, follow)


def read_failure(client: Client, digest: str) -> list[tuple[str, bytes]]:
    """The details of an error that a record names: what kind each is, and its JSON. Raises ScowError."""
    try:
        details = StatusMessage.decode(read_blob(client, digest)).details
    except WireError as exc:
        raise ScowError(f"failed to unmarshal external error {digest}: {exc}") from exc
    return [(it.type_url, it.value) for it in details]


def read_blob(client: Client, digest: str) -> bytes:
    """What a record names. Raises NotFoundError, ScowError."""

    async def read(channel: Channel) -> bytes:
        call = channel.call(READ_CONTENT)
        await call.send(ReadContent(digest))
        call.end()
        pieces: list[bytes] = []
        while (piece := await call.receive(ContentPiece)) is not None:
            pieces.append(piece.data)
        return b"".join(pieces)

    return _talk(client, read)


def has_blob(client: Client, digest: str) -> bool:
    """Raises ScowError."""
    try:
        _talk(
            client,
            lambda channel: channel.ask(CONTENT_INFO, ContentInfoRequest(digest), ContentInfoResponse),
        )
    except NotFoundError:
        return False
    return True


def _talk(client: Client, work: Callable[[Channel], Awaitable[T]]) -> T:
    hijacked = client.hijack("/grpc", protocol="h2c")
    try:
        return asyncio.run(_connected(hijacked, work))
    except CallError as exc:
        kind = NotFoundError if exc.code == Code.NOT_FOUND else ScowError
        raise kind(exc.message) from exc
    finally:
        hijacked.sock.close()


async def _connected(hijacked: Hijacked, work: Callable[[Channel], Awaitable[T]]) -> T:
    connection = Connection(_SocketBytes(hijacked), client=True)
    async with running(connection.run(), name="http2"):
        return await work(Channel(connection))


class _SocketBytes:
    """A connection that was taken over, as ``ByteStream``. Threads wait for it: it may be TLS, or a pipe."""

    def __init__(self, hijacked: Hijacked) -> None:
        self._sock = hijacked.sock
        self._early = hijacked.early

    async def read(self) -> bytes:
        early, self._early = self._early, b""
        return early or await run_in_own_thread(self._sock.recv, _READ_BYTES)

    async def write(self, data: bytes) -> None:
        await run_blocking(self._sock.sendall, data)

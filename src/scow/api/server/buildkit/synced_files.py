"""A client's files, pulled over its session, and files pushed to it (fsutil's protocol).

Whoever has the files tells of all of them in the order of a walk, and sends the content of those that the
other asks for by number. Contents come side by side; here they are put in the order of the walk again. How
much is asked for ahead is bounded.
"""

import os
import stat
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlsplit

from scow.api.grpc.client import Metadata, OutgoingCall
from scow.api.grpc.status import CallError, Code
from scow.api.server.buildkit.session_messages import (
    FILE_SEND,
    FILE_SYNC,
    UPLOAD,
    BytesMessage,
    Packet,
    PacketKind,
    StatMessage,
)
from scow.api.server.buildkit.sessions import Session
from scow.errors import InvalidArgumentError, ScowError
from scow.spec.go_file_mode import go_file_mode, unix_file_mode
from scow.spec.sent_files import ALL_FILES, FileChoice, SentFile, SentFolder, nothing_known

_AHEAD_BYTES = 4 << 20
_AHEAD_FILES = 256
_MAX_FILES = 2_000_000
_PIECE_BYTES = 32 * 1024


async def pull_files(
    session: Session,
    folder: str,
    choice: FileChoice = ALL_FILES,
    knows: Callable[[SentFile], bool] = nothing_known,
) -> AsyncIterator[SentFile | bytes]:
    """See ``FileStream``. ``folder`` is the client's name for it: ``context``, ``dockerfile``. The content of
    a file that is known is not asked for.

    Raises InvalidArgumentError for what is no files, ScowError when the client cannot.
    """
    call = session.channel.call(FILE_SYNC, _metadata(folder, choice))
    try:
        async for item in _Pull(call, knows).items():
            yield item
    except CallError as exc:
        raise ScowError(f"failed to read {folder} from the client: {exc.message}") from exc
    finally:
        call.cancel()


def _metadata(folder: str, choice: FileChoice) -> Metadata:
    """Values that are not ASCII are sent as in a URL's query, and the header says so."""
    found: Metadata = {"dir-name": folder}
    for name, patterns in (
        ("include-patterns", choice.include),
        ("exclude-patterns", choice.exclude),
        ("followpaths", choice.follow),
    ):
        if all(pattern.isascii() for pattern in patterns):
            found[name] = patterns
        else:
            found[name] = tuple(quote_plus(pattern) for pattern in patterns)
            found[f"{name}-encoded"] = "1"
    return found


@dataclass(slots=True)
class _Awaited:
    """A file of the walk that has not been given on yet."""

    number: int
    file: SentFile
    pieces: deque[bytes] = field(default_factory=deque)
    asked: bool = False
    complete: bool = False


class _Pull:
    """One transfer towards us."""

    def __init__(self, call: OutgoingCall, knows: Callable[[SentFile], bool]) -> None:
        self._call = call
        self._knows = knows
        self._queue: deque[_Awaited] = deque()
        self._asked: dict[int, _Awaited] = {}
        self._asked_bytes = 0
        self._count = 0
        self._all_told = False

    async def items(self) -> AsyncIterator[SentFile | bytes]:
        while not (self._all_told and not self._queue):
            await self._ask()
            await self._receive()
            while self._queue:
                first = self._queue[0]
                if not first.complete and not first.pieces:
                    break
                async for item in self._give(first):
                    yield item
        await self._call.send(Packet(PacketKind.END))
        self._call.end()

    async def _give(self, first: _Awaited) -> AsyncIterator[SentFile | bytes]:
        """All of the first file, waiting for what is still to come of it."""
        yield first.file
        while True:
            while first.pieces:
                piece = first.pieces.popleft()
                self._asked_bytes -= len(piece)
                yield piece
            if first.complete:
                break
            await self._receive()
        self._queue.popleft()

    async def _ask(self) -> None:
        """Ask for the contents of the next files, as far as there is room for them."""
        for awaited in self._queue:
            if awaited.asked or awaited.complete:
                continue
            if self._asked and (
                self._asked_bytes + awaited.file.size > _AHEAD_BYTES or len(self._asked) >= _AHEAD_FILES
            ):
                return
            awaited.asked = True
            self._asked[awaited.number] = awaited
            self._asked_bytes += awaited.file.size
            await self._call.send(Packet(PacketKind.REQUEST, id=awaited.number))

    async def _receive(self) -> None:
        packet = await self._call.receive(Packet)
        if packet is None:
            raise ScowError("the client ended the transfer of files too early")
        match packet.kind:
            case PacketKind.STAT:
                self._told(packet.stat)
            case PacketKind.DATA:
                self._data(packet)
            case PacketKind.ERROR:
                raise ScowError(packet.data.decode(errors="replace"))
            case _:
                raise InvalidArgumentError(f"unexpected packet of kind {packet.kind}")

    def _told(self, told: StatMessage | None) -> None:
        if told is None:
            self._all_told = True
            return
        if self._count >= _MAX_FILES:
            raise InvalidArgumentError(f"build context has more than {_MAX_FILES} entries")
        file = _sent_file(told)
        complete = not _has_content(file) or self._knows(file)
        self._queue.append(_Awaited(self._count, file, complete=complete))
        self._count += 1

    def _data(self, packet: Packet) -> None:
        awaited = self._asked.get(packet.id)
        if awaited is None:
            raise InvalidArgumentError(f"content of a file that was not asked for: {packet.id}")
        if packet.data:
            awaited.pieces.append(packet.data)
        else:
            awaited.complete = True
            del self._asked[packet.id]


def _has_content(file: SentFile) -> bool:
    return stat.S_ISREG(file.mode) and not file.link


def _sent_file(told: StatMessage) -> SentFile:
    path = told.path.replace("\\", "/")
    parts = path.split("/")
    if not path or path.startswith("/") or ".." in parts or "" in parts:
        raise InvalidArgumentError(f'invalid path: "{told.path}" leads out of the build context')
    try:
        mode = unix_file_mode(told.mode)
    except ValueError as exc:
        raise InvalidArgumentError(f"{told.path}: {exc}") from exc
    return SentFile(
        path,
        mode,
        told.uid,
        told.gid,
        told.size,
        told.mtime_ns,
        told.link,
        os.makedev(told.device_major, told.device_minor) if told.device_major or told.device_minor else 0,
        tuple(sorted(told.xattrs.items())),
    )


async def pull_upload(session: Session, address: str) -> AsyncIterator[bytes]:
    """What a client has under an address of its own: a context that came from its standard input.

    Raises ScowError.
    """
    parts = urlsplit(address)
    call = session.channel.call(UPLOAD, {"urlpath": parts.path, "urlhost": parts.netloc})
    try:
        call.end()
        while (piece := await call.receive(BytesMessage)) is not None:
            yield piece.data
    except CallError as exc:
        raise ScowError(f"failed to read {address} from the client: {exc.message}") from exc
    finally:
        call.cancel()


async def push_file(session: Session, chunks: AsyncIterator[bytes], metadata: dict[str, str]) -> None:
    """Send one file, as ``--output type=tar`` and its like take it. Raises ScowError."""
    call = session.channel.call(FILE_SEND, {f"exporter-md-{name}": value for name, value in metadata.items()})
    try:
        async for piece in _pieces(chunks):
            await call.send(BytesMessage(piece))
        call.end()
        while await call.receive(BytesMessage) is not None:
            pass
    except CallError as exc:
        if exc.code != Code.ALREADY_EXISTS:
            raise ScowError(f"failed to send the result to the client: {exc.message}") from exc
    finally:
        call.cancel()


async def push_files(session: Session, folder: SentFolder) -> None:
    """Send a folder, as ``--output type=local`` takes it. Raises ScowError.

    The client asks for the files that it wants while it is being told of them; it is answered afterwards.
    """
    call = session.channel.call(FILE_SEND)
    try:
        told = await _tell(call, folder)
        while (packet := await call.receive(Packet)) is not None and packet.kind != PacketKind.END:
            if packet.kind == PacketKind.ERROR:
                raise ScowError(packet.data.decode(errors="replace"))
            if packet.kind == PacketKind.REQUEST and packet.id in told:
                async for piece in _pieces(folder.content(told.pop(packet.id))):
                    await call.send(Packet(PacketKind.DATA, id=packet.id, data=piece))
                await call.send(Packet(PacketKind.DATA, id=packet.id))
        await call.send(Packet(PacketKind.END))
        call.end()
        while await call.receive(Packet) is not None:
            pass
    except CallError as exc:
        raise ScowError(f"failed to send the result to the client: {exc.message}") from exc
    finally:
        call.cancel()


async def _pieces(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes, in messages of a size that every client takes."""
    async for chunk in chunks:
        for start in range(0, len(chunk), _PIECE_BYTES):
            yield chunk[start : start + _PIECE_BYTES]


async def _tell(call: OutgoingCall, folder: SentFolder) -> dict[int, SentFile]:
    """Tell of all files; those that can be asked for, by their numbers."""
    regular: dict[int, SentFile] = {}
    number = 0
    async for file in folder.files():
        await call.send(Packet(PacketKind.STAT, stat=_stat_message(file)))
        if _has_content(file):
            regular[number] = file
        number += 1
    await call.send(Packet(PacketKind.STAT))
    return regular


def _stat_message(file: SentFile) -> StatMessage:
    return StatMessage(
        file.path,
        go_file_mode(file.mode),
        file.uid,
        file.gid,
        file.size,
        file.mtime_ns,
        file.link,
        os.major(file.device),
        os.minor(file.device),
        dict(file.xattrs),
    )

"""A client's files, pulled over its session, and files pushed to it (fsutil's protocol).

Whoever has the files tells of all of them in the order of a walk, and sends the content of those that the
other asks for by number. Contents come side by side; here they are put in the order of the walk again. How
much is asked for ahead is bounded.
"""

import os
import stat
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
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
from scow.api.server.buildkit.told_files import file_of, plain_file_of
from scow.errors import InvalidArgumentError, ScowError
from scow.spec.go_file_mode import go_file_mode
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
class _Content:
    """Of a file that was asked for, as far as it has come and was not given on yet."""

    complete: bool = False
    came_bytes: int = 0
    pieces: list[bytes] = field(default_factory=list)


class _Pull:
    """One transfer towards us; as many packets at a time as are here, for most have a hundred bytes.

    Files are numbered as they are told of, and given on in that order.
    """

    def __init__(self, call: OutgoingCall, knows: Callable[[SentFile], bool]) -> None:
        self._call = call
        self._knows = knows
        self._queue: deque[SentFile] = deque()
        """Told of, and not given on whole."""
        self._first = 0
        """The number of the first of them; all have been given on before it."""
        self._first_begun = False
        self._wanted: deque[tuple[int, SentFile]] = deque()
        """Those of them that have not been asked for yet and will be."""
        self._asked: dict[int, SentFile] = {}
        self._asked_bytes = 0
        self._contents: dict[int, _Content] = {}
        self._all_told = False

    async def items(self) -> AsyncIterator[SentFile | bytes]:
        while not (self._all_told and not self._queue):
            await self._ask()
            await self._receive()
            for item in self._ready():
                yield item
        await self._call.send(Packet(PacketKind.END))
        self._call.end()

    def _ready(self) -> Iterator[SentFile | bytes]:
        """What can be given on: whole files, and what has come of the first that is not whole."""
        while self._queue:
            if not self._first_begun:
                self._first_begun = True
                yield self._queue[0]
            if self._wanted and self._wanted[0][0] == self._first:
                return
            if (content := self._contents.get(self._first)) is not None:
                for piece in content.pieces:
                    self._asked_bytes -= len(piece)
                    yield piece
                content.pieces.clear()
                if not content.complete:
                    return
                del self._contents[self._first]
            self._queue.popleft()
            self._first += 1
            self._first_begun = False

    async def _ask(self) -> None:
        """Ask for the contents of the next files, as far as there is room for them."""
        packets: list[Packet] = []
        while self._wanted:
            number, file = self._wanted[0]
            if self._asked and (
                self._asked_bytes + file.size > _AHEAD_BYTES or len(self._asked) >= _AHEAD_FILES
            ):
                break
            self._wanted.popleft()
            self._asked[number] = file
            self._contents[number] = _Content()
            self._asked_bytes += file.size
            packets.append(Packet(PacketKind.REQUEST, id=number))
        if packets:
            await self._call.send(*packets)

    async def _receive(self) -> None:
        found = await self._call.receive_some()
        if not found:
            raise ScowError("the client ended the transfer of files too early")
        for data in found:
            file = plain_file_of(data)
            if file is not None:
                self._told(file)
            else:
                self._take(self._call.decoded(Packet, data))

    def _take(self, packet: Packet) -> None:
        match packet.kind:
            case PacketKind.STAT if packet.stat is not None:
                self._told(file_of(packet.stat))
            case PacketKind.STAT:
                self._all_told = True
            case PacketKind.DATA:
                self._data(packet)
            case PacketKind.ERROR:
                raise ScowError(packet.data.decode(errors="replace"))
            case _:
                raise InvalidArgumentError(f"unexpected packet of kind {packet.kind}")

    def _told(self, file: SentFile) -> None:
        number = self._first + len(self._queue)
        if number >= _MAX_FILES:
            raise InvalidArgumentError(f"build context has more than {_MAX_FILES} entries")
        self._queue.append(file)
        if _has_content(file) and not self._knows(file):
            self._wanted.append((number, file))

    def _data(self, packet: Packet) -> None:
        file = self._asked.get(packet.id)
        if file is None:
            raise InvalidArgumentError(f"content of a file that was not asked for: {packet.id}")
        content = self._contents[packet.id]
        if packet.data:
            content.pieces.append(packet.data)
            content.came_bytes += len(packet.data)
        else:
            content.complete = True
            del self._asked[packet.id]
            # A file that somebody is writing to has another size than was told.
            self._asked_bytes += content.came_bytes - file.size


def _has_content(file: SentFile) -> bool:
    return stat.S_ISREG(file.mode) and not file.link


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
        await call.send(Packet(PacketKind.STAT, stat=stat_message(file)))
        if _has_content(file):
            regular[number] = file
        number += 1
    await call.send(Packet(PacketKind.STAT))
    return regular


def stat_message(file: SentFile) -> StatMessage:
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

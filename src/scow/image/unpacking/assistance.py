"""An unpacker lends small files to an assistant: a second unpacker, which makes them in the same folders.

    unpacker → assistant    whether folders are to be looked up afresh, and a batch of files
    assistant → unpacker    the places of those whose name was taken; or what went wrong

Both are one program, confined alike, and have read what the same stranger wrote: they believe each other.
"""

import _socket
import marshal
import os
from collections import deque
from collections.abc import Callable, Iterator

from scow.errors import ScowError
from scow.image.small_files import SmallFile, make_files
from scow.image.tar.reader import REGULAR, Entry
from scow.image.tree_maker import TreeMaker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LENGTH_BYTES = 4
# One that is being made, and one so that there is no pause after it.
_MAX_LENT = 4
# Batches. Starting an assistant costs as much as making five hundred files of them.
_FIRST_ASKED_AFTER = 16
_ASKED_AGAIN_AFTER = 64
_ENDED = "failed to register layer: the unpacker's assistant ended"


class Assistance:
    """An unpacker's side, for one layer: ``ask`` asks for an assistant, ``come`` gives the link to it."""

    def __init__(self, ask: Callable[[], None], come: Callable[[], _socket.socket | None]) -> None:
        self._ask = ask
        self._come = come
        self._alone = 0
        self._link: _socket.socket | None = None
        self._lent: deque[list[SmallFile]] = deque()
        self._is_stale = False

    def close(self) -> None:
        """The assistant ends its work."""
        if self._link is not None:
            self._link.close()

    def lend(self, files: list[SmallFile]) -> bool:
        """See ``Assistant``."""
        if self._link is None:
            self._link = self._come()
        if self._link is None:
            self._alone += 1
            if self._alone % _ASKED_AGAIN_AFTER == _FIRST_ASKED_AFTER:
                self._ask()
            return False
        if len(self._lent) >= _MAX_LENT:
            return False
        try:
            _send(self._link, (self._is_stale, [_row(file) for file in files]))
        except OSError as exc:
            raise ScowError(_ENDED) from exc
        self._is_stale = False
        self._lent.append(files)
        return True

    def collect(self, *, wait: bool) -> Iterator[tuple[list[SmallFile], list[int]]]:
        """See ``Assistant``."""
        while self._lent and self._link is not None:
            try:
                answer = _receive(self._link, 0 if wait else _socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            if not isinstance(answer, list):
                raise ScowError(answer or _ENDED)
            yield self._lent.popleft(), answer

    def forget_folders(self) -> None:
        """See ``Assistant``."""
        self._is_stale = True


def assist(link: _socket.socket, root: str) -> None:
    """An assistant's side: make files below ``root`` until the unpacker closes the link, then close it."""
    tree = TreeMaker(os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    try:
        while (request := _receive(link)) is not None:
            is_stale, rows = request
            if is_stale:
                tree.forget()
            try:
                answer: list[int] | str = make_files(tree, [_file(row) for row in rows])
            except ScowError as exc:
                answer = exc.message
            _send(link, answer)
    except OSError:
        pass  # the unpacker has given up, and nobody waits for an answer
    finally:
        tree.close()
        link.close()


def _row(file: SmallFile) -> "tuple[Any, ...]":
    entry = file.entry
    owner = (entry.uid, entry.gid)
    attributes = (entry.name, entry.mode, *owner, entry.mtime_ns, dict(entry.xattrs))
    return (file.folder, file.name, file.content, *attributes)


def _file(row: "tuple[Any, ...]") -> SmallFile:
    folder, name, content, entry_name, mode, uid, gid, mtime_ns, xattrs = row
    entry = Entry(
        name=entry_name,
        kind=REGULAR,
        mode=mode,
        uid=uid,
        gid=gid,
        size=len(content),
        mtime_ns=mtime_ns,
        link="",
        device=0,
        offset=0,
        xattrs=xattrs,
    )
    return SmallFile(entry, content, folder, name, 0)


def _send(link: _socket.socket, value: "Any") -> None:
    data = marshal.dumps(value)
    link.sendall(len(data).to_bytes(_LENGTH_BYTES, "little") + data)


def _receive(link: _socket.socket, flags: int = 0) -> "Any":
    """What was sent, None when the other side has gone. ``flags`` are for its beginning."""
    try:
        head = link.recv(_LENGTH_BYTES, flags)
    except ConnectionResetError:
        return None
    if not head:
        return None
    head += _exactly(link, _LENGTH_BYTES - len(head))
    return marshal.loads(_exactly(link, int.from_bytes(head, "little")))


def _exactly(link: _socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size and (piece := link.recv(size - len(data), _socket.MSG_WAITALL)):
        data += piece
    return bytes(data)

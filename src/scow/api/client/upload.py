"""Sending a request body from a thread of its own, so that progress can be shown while it goes out."""

import _socket
import _thread
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

_BLOCK_SIZE = 1 << 20


class BodyFraming:
    """How ``source`` will be sent: counted when it is a regular file (``size`` bytes left), else chunked."""

    __slots__ = ("headers", "size", "source")

    def __init__(self, source: "BinaryIO", size: int | None) -> None:
        self.source = source
        self.size = size
        self.headers = {"Transfer-Encoding": "chunked"} if size is None else {"Content-Length": str(size)}


def send_body(source: "BinaryIO") -> BodyFraming:
    """Choose the framing for what is left of ``source``."""
    info = os.fstat(source.fileno())
    if not stat.S_ISREG(info.st_mode):
        return BodyFraming(source, None)
    return BodyFraming(source, max(0, info.st_size - os.lseek(source.fileno(), 0, os.SEEK_CUR)))


def start_sending(sock: _socket.socket, framing: BodyFraming) -> None:
    """Send in the background. An engine that answers early and stops reading is no error here:
    its answer tells why."""
    # A descriptor of its own: the caller closes the file when the answer is there, which may be early.
    source = os.dup(framing.source.fileno())
    _thread.start_new_thread(
        _send, (sock, source, framing.size)
    )  # as a daemon of threading, without its 2 ms


def _send(sock: _socket.socket, source: int, size: int | None) -> None:
    try:
        if size is None:
            _send_chunked(sock, source)
        else:
            _send_counted(sock, source, size)
    except OSError:
        return
    finally:
        os.close(source)


def _send_counted(sock: _socket.socket, source: int, remaining: int) -> None:
    offset = os.lseek(source, 0, os.SEEK_CUR)
    while remaining:
        sent = os.sendfile(sock.fileno(), source, offset, remaining)
        if not sent:  # the file got shorter: without its bytes the request can only be given up
            sock.shutdown(_socket.SHUT_RDWR)
            return
        offset += sent
        remaining -= sent


def _send_chunked(sock: _socket.socket, source: int) -> None:
    while block := os.read(source, _BLOCK_SIZE):
        sock.sendall(b"%x\r\n%b\r\n" % (len(block), block))
    sock.sendall(b"0\r\n\r\n")


class BlockSender:
    """Sends blocks, none of them empty, that are made while they are sent.

    An engine that answers early and stops reading is no error here. ``check`` raises the OSError that the
    making of the blocks raised.
    """

    def __init__(self, blocks: "Iterable[bytes]") -> None:
        self._blocks = blocks
        self._failure: OSError | None = None

    def start(self, sock: _socket.socket) -> None:
        _thread.start_new_thread(self._send, (sock,))

    def check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _send(self, sock: _socket.socket) -> None:
        blocks = iter(self._blocks)
        while True:
            try:
                block = next(blocks, b"")
            except OSError as exc:
                self._failure = exc
                sock.shutdown(_socket.SHUT_RDWR)  # half a body must not look like a whole one
                return
            try:
                # A block may be large: it is not copied to be put between its marks.
                sock.sendall(b"%x\r\n" % len(block), _socket.MSG_MORE)
                sock.sendall(block, _socket.MSG_MORE)
                sock.sendall(b"\r\n")
            except OSError:
                return
            if not block:
                return

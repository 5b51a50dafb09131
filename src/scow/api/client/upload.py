"""Sending a request body from a thread of its own, so that progress can be shown while it goes out."""

import os
import socket
import stat
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
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


def start_sending(sock: socket.socket, framing: BodyFraming) -> None:
    """Send in the background. An engine that answers early and stops reading is no error here:
    its answer tells why."""
    send = _send_chunked if framing.size is None else _send_counted
    threading.Thread(target=send, args=(sock, framing), daemon=True, name="upload").start()


def _send_counted(sock: socket.socket, framing: BodyFraming) -> None:
    source = framing.source.fileno()
    offset = os.lseek(source, 0, os.SEEK_CUR)
    remaining = framing.size or 0
    try:
        while remaining:
            sent = os.sendfile(sock.fileno(), source, offset, remaining)
            if not sent:  # the file got shorter: without its bytes the request can only be given up
                sock.shutdown(socket.SHUT_RDWR)
                return
            offset += sent
            remaining -= sent
    except OSError:
        return


def _send_chunked(sock: socket.socket, framing: BodyFraming) -> None:
    try:
        while block := os.read(framing.source.fileno(), _BLOCK_SIZE):
            sock.sendall(b"%x\r\n%b\r\n" % (len(block), block))
        sock.sendall(b"0\r\n\r\n")
    except OSError:
        return

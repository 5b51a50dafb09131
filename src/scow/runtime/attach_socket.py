"""One client of a process's standard streams in scow-shim: a socket that takes output and gives input."""

from __future__ import annotations

import _socket
import fcntl
import select
import struct

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    from typing import Any, Protocol

    from scow.runtime.poller import Poller

    class AttachedTo(Protocol):
        """What an attach socket needs of the process's streams."""

        poller: Poller

        @property
        def takes_stdin(self) -> bool:
            """Whether input has anywhere to go."""

        @property
        def is_stdin_full(self) -> bool:
            """Whether input waits for the process."""

        def write_stdin(self, data: bytes) -> None:
            """Pass input on."""

        def client_ended_stdin(self) -> None:
            """End of file from a client."""

        def resume_output(self) -> None:
            """A client can take more output."""

        def detach(self, client: AttachSocket) -> None:
            """The client has gone, or has got everything: close it."""


_READ_BYTES = 32 * 1024
_SIOCOUTQ = 0x5411  # linux/sockios.h; unix(7)


class AttachSocket:
    """One attach socket."""

    def __init__(self, client_id: int, fd: int, options: dict[str, Any], container: AttachedTo) -> None:
        self.id = client_id
        # Bits, that are at the same time the stream numbers of Docker's frames: 1 stdout, 2 stderr.
        self.wants = (1 if options["stdout"] else 0) | (2 if options["stderr"] else 0)
        self.framed: bool = options["framed"]
        self.has_stdin: bool = options["stdin"] and container.takes_stdin
        self.pending = b""
        self._sock = _socket.socket(fileno=fd)
        self._sock.setblocking(False)
        self._container = container
        self._closing = False
        self._is_watched = False
        self._unread_bytes = -1
        self.update_events()

    def update_events(self) -> None:
        """Poll for what is wanted now; EPOLLHUP comes unasked."""
        poller, fd = self._container.poller, self._sock.fileno()
        input_waits = self.has_stdin and self._container.is_stdin_full
        events = select.EPOLLOUT if self.pending else 0
        if self.has_stdin and not input_waits:
            events |= select.EPOLLIN
        if input_waits and not events:
            # The peer may go away now, but not the input that it has left in the socket: hear of neither.
            poller.forget(fd)
            self._is_watched = False
        elif self._is_watched:
            poller.change(fd, events)
        else:
            poller.watch(fd, events, self._ready)
            self._is_watched = True

    def send(self, data: bytes) -> None:
        """Send, or keep what the socket does not take."""
        if not self.pending:
            try:
                data = data[self._sock.send(data) :]
            except BlockingIOError:
                pass
            except OSError:
                self._container.detach(self)
                return
            if not data:
                return
        self.pending += data
        self.update_events()

    def has_moved(self) -> bool:
        """Whether the peer has read anything since this was asked the last time."""
        before = self._unread_bytes
        (self._unread_bytes,) = struct.unpack("i", fcntl.ioctl(self._sock.fileno(), _SIOCOUTQ, bytes(4)))
        return self._unread_bytes != before

    def _ready(self, events: int) -> None:
        if events & select.EPOLLOUT and self.pending:
            self._flush()
        elif events & select.EPOLLIN and self.has_stdin:
            self._read_stdin(events)
        elif events & (select.EPOLLHUP | select.EPOLLERR):
            self._container.detach(self)

    def _flush(self) -> None:
        try:
            self.pending = self.pending[self._sock.send(self.pending) :]
        except BlockingIOError:
            return
        except OSError:
            self._container.detach(self)
            return
        if self.pending:
            return
        if self._closing:
            self._container.detach(self)
        else:
            self.update_events()
            self._container.resume_output()

    def _read_stdin(self, events: int) -> None:
        try:
            data = self._sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._container.detach(self)
            return
        if data:
            self._container.write_stdin(data)
        elif events & select.EPOLLHUP:
            # Gone altogether. That is no end of file: the engine may have died, the next one will
            # attach again.
            self._container.detach(self)
        else:
            self.has_stdin = False
            self.update_events()
            self._container.client_ended_stdin()

    def finish(self) -> bool:
        """No more output comes: close as soon as everything has been sent; whether that is now."""
        self._closing = True
        self.has_stdin = False
        if self.pending:
            self.update_events()
        return not self.pending

    def close(self) -> None:
        """Close both directions. Unread input is read first: the kernel would turn it into ECONNRESET."""
        self._container.poller.forget(self._sock.fileno())
        try:
            self._sock.shutdown(_socket.SHUT_RDWR)
            while self._sock.recv(_READ_BYTES):
                pass
        except OSError:
            pass
        self._sock.close()

"""A body that one thread reads straight from its socket, without the event loop between.

``docker cp`` sends a chunk for every header and every small file. The loop would wake for each, and wait for
the interpreter lock, which the thread that makes the files has: a third of an upload's processor time.
"""

import os
import select
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from scow.api.http.body_framing import BadBodyError, BodyDecoder

_READ_BYTES = 256 * 1024
_LAST_READS = 4


class DetachedBody:
    """``read`` belongs to one thread, ``stop`` and ``close`` to the loop."""

    def __init__(
        self, sock: socket.socket, decoder: BodyDecoder, pieces: list[bytes], give_back: Callable[[], None]
    ) -> None:
        """Takes over ``sock``, which does not block; ``pieces`` came before; ``give_back`` is for the end."""
        self._sock = sock
        self._decoder = decoder
        self._pieces = deque(pieces)
        self._taken = 0
        self._give_back = give_back
        self._stopped = os.eventfd(0, os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(sock.fileno(), select.POLLIN)
        self._poll.register(self._stopped, select.POLLIN)

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes, b"" at the end; waits for them. Raises BadBodyError, also when stopped."""
        while not self._pieces:
            if self._decoder.done:
                return b""
            if data := self._decoder.feed(self._receive()):
                self._pieces.append(data)
        first = self._pieces[0]
        piece = first[self._taken : self._taken + size]
        self._taken += len(piece)
        if self._taken == len(first):
            self._pieces.popleft()
            self._taken = 0
        return piece

    def _receive(self) -> bytes:
        while True:
            try:
                data = self._sock.recv(_READ_BYTES)
            except BlockingIOError:
                if self._stopped in [fd for fd, _ in self._poll.poll()]:
                    raise BadBodyError("unexpected EOF") from None
                continue
            except OSError as exc:
                raise BadBodyError("unexpected EOF") from exc
            if not data:
                raise BadBodyError("unexpected EOF")
            return data

    def stop(self) -> None:
        """A read that waits, or would, fails from now on."""
        os.eventfd_write(self._stopped, 1)

    def close(self) -> None:
        """The loop reads again. To be called when the thread has ended.

        What follows an archive is on its way with it, mostly: then the connection can take another request.
        """
        with suppress(OSError, BadBodyError):
            for _ in range(_LAST_READS):
                if self._decoder.done or not (data := self._sock.recv(_READ_BYTES)):
                    break
                self._decoder.feed(data)
        self._sock.close()
        os.close(self._stopped)
        self._give_back()

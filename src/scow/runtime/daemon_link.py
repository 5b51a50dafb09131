"""scow-reaper's side of scowd: one connection at a time, which may be gone at any moment."""

from __future__ import annotations

import _socket
import os
import select
import struct

from scow.runtime.polled_channel import PolledChannel

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    from collections.abc import Callable

    from scow.runtime.channel import Message
    from scow.runtime.poller import Poller

_UCRED = struct.Struct("iII")  # struct ucred, socket(7): pid, uid, gid


class DaemonLink:
    """The listening socket and the engine's connection, if there is one; a newer one replaces the older."""

    def __init__(
        self, poller: Poller, listener: _socket.socket, handle: Callable[[Message, list[int]], None]
    ) -> None:
        self._poller = poller
        self._listener = listener
        self._handle = handle
        self._channel: PolledChannel | None = None
        poller.watch(listener.fileno(), select.EPOLLIN, self._accept)

    def tell(self, message: Message) -> None:
        """Without an engine there is nobody to tell: the next one asks for the list."""
        if self._channel is not None:
            self._channel.tell(message)

    def _accept(self, _events: int) -> None:
        fd, _address = self._listener._accept()  # type: ignore[attr-defined]  # what socket.accept calls
        sock = _socket.socket(fileno=fd)
        credentials = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, _UCRED.size)
        _pid, uid, _gid = _UCRED.unpack(credentials)
        if uid not in (0, os.geteuid()):
            sock.close()
            return
        self._drop()
        self._channel = PolledChannel(self._poller, sock, self._handle, self._drop)

    def _drop(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

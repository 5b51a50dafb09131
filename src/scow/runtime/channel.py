"""Messages with descriptors between scowd, scow-reaper and scow-shim: one SOCK_SEQPACKET packet each.

A message is a dict of plain values, packed by ``marshal``: built in, and a megabyte less than ``json`` in
each of the small processes. Format version 2 has been read by every Python since 2.5, and the peer is
always this user's or root's process. Receivers ignore keys that they do not know, so that an engine may
talk to a reaper that is older than itself.
"""

from __future__ import annotations

import _socket
import marshal
import os
import select
import struct

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Message = dict[str, Any]

REAPER_SOCKET_NAME = "reaper.sock"
REAPER_LISTEN_FD = 3
"""What scow-reaper listens on for scowd, below the exec root, and the descriptor that it inherits."""

MAX_MESSAGE_BYTES = 128 * 1024  # below SO_SNDBUF's default of 208 KiB, above two partial lines of 16 KiB
_MAX_FDS = 8
_FORMAT = 2


class ChannelClosed(Exception):
    """The peer has gone."""


class Channel:
    """One end of a connection. Never waits: what the kernel does not take is kept for ``flush``."""

    def __init__(self, sock: _socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._waiting: list[tuple[bytes, list[int]]] = []

    def fileno(self) -> int:
        """The descriptor to poll."""
        return self._sock.fileno()

    @property
    def wanted_events(self) -> int:
        """What to poll for: messages, and EPOLLOUT, to be followed by ``flush``, while any are kept."""
        return select.EPOLLIN | (select.EPOLLOUT if self._waiting else 0)

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Send, or keep, ``message``; the caller keeps its ``fds``. Raises ``ChannelClosed``."""
        data = marshal.dumps(message, _FORMAT)
        if len(data) > MAX_MESSAGE_BYTES:
            raise ValueError(f"message of {len(data)} bytes is over the limit of {MAX_MESSAGE_BYTES}")
        if self._waiting or not self._send_now(data, fds):
            # Duplicates: the caller may close its own before these have gone out.
            self._waiting.append((data, [os.dup(fd) for fd in fds]))

    def flush(self) -> None:
        """Send what is kept, as far as the kernel takes it. Raises ``ChannelClosed``."""
        while self._waiting:
            data, fds = self._waiting[0]
            if not self._send_now(data, fds):
                return
            del self._waiting[0]
            for fd in fds:
                os.close(fd)

    def _send_now(self, data: bytes, fds: Sequence[int]) -> bool:
        rights = struct.pack(f"{len(fds)}i", *fds)
        ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)] if fds else []
        try:
            self._sock.sendmsg([data], ancillary, _socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return False
        except ConnectionError as exc:
            raise ChannelClosed from exc
        return True

    def receive(self) -> tuple[Message, list[int]] | None:
        """The next message and its descriptors (close-on-exec, now the caller's); ``None``: not yet.

        Raises ``ChannelClosed`` at the end.
        """
        try:
            data, ancillary = self._receive_packet()
        except BlockingIOError:
            return None
        except ConnectionError as exc:
            raise ChannelClosed from exc
        if not data:
            raise ChannelClosed
        fds: list[int] = []
        for level, kind, payload in ancillary:
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                fds.extend(struct.unpack(f"{len(payload) // 4}i", payload[: len(payload) // 4 * 4]))
        return marshal.loads(data), fds

    def _receive_packet(self) -> tuple[bytes, list[tuple[int, int, bytes]]]:
        try:
            return self._receive_once()
        except ConnectionResetError:
            # The peer has died with something unread. The kernel says so before it gives out what the peer
            # had sent until then, and once only (sock_error in net/core/sock.c).
            return self._receive_once()

    def _receive_once(self) -> tuple[bytes, list[tuple[int, int, bytes]]]:
        data, ancillary, _flags, _address = self._sock.recvmsg(
            MAX_MESSAGE_BYTES, _socket.CMSG_SPACE(4 * _MAX_FDS), _socket.MSG_CMSG_CLOEXEC
        )
        return data, ancillary

    def close(self) -> None:
        """Close, and drop what was kept. May be called twice."""
        for _data, fds in self._waiting:
            for fd in fds:
                os.close(fd)
        self._waiting.clear()
        self._sock.close()

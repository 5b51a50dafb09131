"""scow-reaper's side of scow-shim: starts it, talks to it, starts it again whenever it dies."""

from __future__ import annotations

import _socket
import os
import sys
import time

from scow.runtime.polled_channel import PolledChannel
from scow.runtime.small_python import ENVIRONMENT, FLAGS

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scow.runtime.channel import Message
    from scow.runtime.poller import Poller

CHANNEL_FD = 3

# A shim that cannot live is started again once a second, not as fast as the machine can.
_BURST = 20
_BURST_WINDOW_S = 10.0
_PAUSE_S = 1.0


def command_line(python: str) -> list[str]:
    """Of a scow-shim."""
    launcher = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launch.py")
    return [os.path.join(os.path.dirname(python), "scow-shim"), *FLAGS, launcher, "shim"]


class ShimLink:
    """The running shim, if there is one. ``hand_over`` gives a new one all that it must know."""

    def __init__(
        self,
        poller: Poller,
        python: str,
        hand_over: Callable[[], None],
        handle: Callable[[Message], None],
    ) -> None:
        self._poller = poller
        self._python = python
        self._hand_over = hand_over
        self._handle = handle
        self._channel: PolledChannel | None = None
        self._starts: list[float] = []
        self._due: float | None = None
        self.pid = 0

    def adopt(self, pid: int, sock: _socket.socket) -> None:
        """Take the shim that is there already; ``sock`` is our end of its channel."""
        self.pid = pid
        self._starts.append(time.monotonic())
        self._channel = PolledChannel(self._poller, sock, self._received, self._drop)

    def start(self) -> None:
        """Start a shim and hand it everything; after too many starts in a short time, pause first."""
        now = time.monotonic()
        self._starts = [at for at in self._starts if now - at < _BURST_WINDOW_S]
        if len(self._starts) >= _BURST and self._due is None:
            self._due = now + _PAUSE_S
            return
        self._due = None
        self._starts.append(now)
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        try:
            self.pid = self._spawn(theirs.fileno())
        except OSError as exc:
            sys.stderr.write(f"scow-shim: {exc.strerror}\n")
            ours.close()
            self._due = now + _PAUSE_S
            return
        finally:
            theirs.close()
        self._channel = PolledChannel(self._poller, ours, self._received, self._drop)
        self._hand_over()

    def _spawn(self, channel_fd: int) -> int:
        return os.posix_spawn(
            self._python,
            command_line(self._python),
            ENVIRONMENT,
            file_actions=[(os.POSIX_SPAWN_DUP2, channel_fd, CHANNEL_FD)],
        )

    def pause_left_s(self) -> float | None:
        """Seconds until ``start`` is due; ``None``: it is not."""
        return None if self._due is None else max(0.0, self._due - time.monotonic())

    def ended(self) -> None:
        """The process has been reaped: hear its last words and start the next one."""
        if self._channel is not None:
            self._channel.drain()
        self._drop()
        self.pid = 0
        self.start()

    def stop(self) -> None:
        """Wait for the shim to leave, as it does without a reaper and without a container."""
        self._drop()
        if self.pid:
            os.waitpid(self.pid, 0)

    def tell(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Without a shim there is nobody to tell: the next one is handed the whole state."""
        if self._channel is not None:
            self._channel.tell(message, fds)

    def _received(self, message: Message, _fds: list[int]) -> None:
        self._handle(message)

    def _drop(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

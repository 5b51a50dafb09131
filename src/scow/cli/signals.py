"""Signals of an attached command: passed on to the container, window sizes, and the third Ctrl-C.

Handlers talk to the engine on connections of their own, so they work while the pump is stuck in a write.
"""

import os

from scow.cli.terminal import leave_raw_mode, terminal_size
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from types import FrameType

    from scow.cli.invocation import Invocation
else:
    import _signal as signal  # without the enumerations, 4 ms of each attached run

_NOT_FORWARDED = frozenset(
    (
        signal.SIGKILL,
        signal.SIGSTOP,
        signal.SIGCHLD,
        signal.SIGPIPE,
        signal.SIGWINCH,
        signal.SIGURG,
        # Raised by our own doing: job control of a background process, and faults.
        signal.SIGTTIN,
        signal.SIGTTOU,
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
    )
)
_TERMINATION = (signal.SIGINT, signal.SIGTERM)
_TERMINATIONS_TO_FORCE = 3


class TerminationCounter:
    """Ends the program at the third SIGINT or SIGTERM, whatever it waits for."""

    def __init__(self, invocation: "Invocation") -> None:
        self._invocation = invocation
        self._count = 0

    def install(self) -> None:
        for number in _TERMINATION:
            signal.signal(number, self._received)

    def count(self, number: int) -> None:
        """Take note of a signal; does not return at the third."""
        self._count += number in _TERMINATION
        if self._count >= _TERMINATIONS_TO_FORCE:
            self._invocation.err.write("\ngot 3 SIGTERM/SIGINTs, forcefully exiting\n")
            leave_raw_mode()
            os._exit(1)

    def _received(self, number: int, frame: "FrameType | None") -> None:
        self.count(number)


class SignalForwarder:
    """Sends what this process receives to the container's process."""

    def __init__(self, invocation: "Invocation", container_id: str) -> None:
        self._invocation = invocation
        self._container_id = container_id
        self._counter = TerminationCounter(invocation)

    def install(self) -> None:
        for number in signal.valid_signals() - _NOT_FORWARDED:
            if signal.getsignal(number) != signal.SIG_IGN or number in _TERMINATION:
                signal.signal(number, self._received)

    def _received(self, number: int, frame: "FrameType | None") -> None:
        self._counter.count(number)
        client = self._invocation.new_client()
        try:
            path = f"/containers/{self._container_id}/kill"
            client.post(path, [("signal", signal_name(number))])
        except (ScowError, OSError):
            pass  # not running yet, or no longer
        finally:
            client.close()


def signal_name(number: int) -> str:
    """``INT``, ``RTMIN+3``."""
    if signal.SIGRTMIN < number < signal.SIGRTMAX:
        return f"RTMIN+{number - signal.SIGRTMIN}"
    from signal import Signals

    return Signals(number).name.removeprefix("SIG")


class WindowSize:
    """Keeps the size of a container's or an exec's terminal that of ours."""

    def __init__(self, invocation: "Invocation", path: str) -> None:
        """``path`` is the resize request's, ``/containers/<id>/resize``."""
        self._invocation = invocation
        self._path = path

    def follow(self) -> None:
        """Pass on every change from now on."""
        signal.signal(signal.SIGWINCH, self._changed)

    def send(self, *, grow: int = 0) -> bool:
        """Set the size, ``grow`` larger than ours; False when the engine refused."""
        rows, columns = terminal_size(self._invocation.out.fd)
        if not rows and not columns:
            return True
        client = self._invocation.new_client()
        try:
            client.post(self._path, [("h", str(rows + grow)), ("w", str(columns + grow))])
        except (ScowError, OSError):
            return False
        finally:
            client.close()
        return True

    def _changed(self, number: int, frame: "FrameType | None") -> None:
        self.send()

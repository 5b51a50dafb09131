"""The standard streams of one process in scow-shim: out to the log and attach sockets, in from the sockets.

Every read of the process's output becomes one call of the log and one frame for each attach socket, in this
order: what a client has seen is in the log, whoever is killed next, its unfinished line with scow-reaper. A
frame fits into one socket buffer (skb), so that the kernel takes it whole or not at all, and a shim that is
killed cannot leave half a frame in a stream.

A client that does not read stops the process's output, as with Docker: its socket's buffer
(`ATTACH_BUFFER_BYTES`) and one frame are all that is kept for it. It may do so for as long as it likes while
it is alone; where others wait for the same output, one that has stopped reading is let go.
"""

from __future__ import annotations

import select
import time

from scow.runtime.attach_socket import AttachSocket
from scow.runtime.process_input import Input
from scow.runtime.process_output import MAX_LAST_WORDS_BYTES, Output
from scow.spec import stdcopy

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from scow.runtime.poller import Poller

    class LogSink(Protocol):
        """Where output is logged. Never raises for want of space."""

        def write(self, stream: int, chunk: bytes) -> None:
            """Log a piece of output of ``stream`` (1 or 2) as it was read."""

        def carry(self) -> dict[int, bytes]:
            """The unfinished lines, by stream, that are in no file yet."""

        def close(self) -> None:
            """Log unfinished lines too, and close the file."""


STDOUT, STDERR = 1, 2

# Once the process is gone its output is read to the end. Somebody else may hold the pipe (`sh -c 'sleep
# 99 &'`): then it is enough that nothing came for a while. Docker waits two seconds in all.
_QUIET_S = 0.25
_MAX_DRAIN_S = 2.0
# For so long one client may keep others waiting without reading a byte.
STALL_S = 10.0


class Container:
    """The streams of one process, from ``open`` until ``drained`` has been told."""

    def __init__(
        self,
        key: str,
        stdio: dict[str, int],
        stdin_once: bool,
        log: LogSink | None,
        poller: Poller,
        tell: Callable[[dict[str, Any]], None],
        active: set[Container],
        held_up: set[Container],
    ) -> None:
        """``active``: where to be noted whenever something has been logged.

        ``held_up``: where to be noted while one client keeps others waiting; see ``let_stalled_go``.
        """
        self.key = key
        self.poller = poller
        self.log = log
        self.clients: list[AttachSocket] = []
        self.is_drained = False
        self._tell = tell
        self._active = active
        self._held_up = held_up
        self._held_until = 0.0
        self._told_carry: dict[int, bytes] = {}
        self._stdin_once = stdin_once
        self._has_ended = False
        self._is_flowing = False
        self._quiet_at = 0.0
        self._latest_at = 0.0
        master = stdio.get("master", -1)
        self._stdin = Input(
            poller,
            master if master >= 0 else stdio.get("stdin", -1),
            is_terminal=master >= 0,
            fullness_changed=self._stdin_fullness_changed,
            closed=self._stdin_closed,
        )
        if master >= 0:
            self._outputs = [Output(self, master, STDOUT)]
        else:
            self._outputs = [Output(self, stdio["stdout"], STDOUT), Output(self, stdio["stderr"], STDERR)]

    # ------------------------------------------------------------------ output

    def start_output(self) -> None:
        """Begin to read: the clients that were to see the first byte are attached."""
        self._is_flowing = True
        self.resume_output()

    @property
    def is_watched_by_clients(self) -> bool:
        """Whether what is read becomes frames for sockets."""
        return bool(self.clients)

    def deliver(self, stream: int, chunk: bytes) -> None:
        """Log one piece of output, then send it to everybody."""
        if self.log is not None:
            self.log.write(stream, chunk)
            self._active.add(self)
            if self.clients:
                self.tell_carry()
        frame = b""
        for client in self.clients[:]:
            if client.wants & stream:
                if client.framed and not frame:
                    frame = stdcopy.frame(stream, chunk)
                client.send(frame if client.framed else chunk)
        if self._has_ended:
            self._quiet_at = time.monotonic() + _QUIET_S
        if self.clients:
            self.resume_output()

    def tell_carry(self) -> None:
        """Tell the unfinished line of the log, if it is another one than last time."""
        if self.log is not None and (carry := self.log.carry()) != self._told_carry:
            self._told_carry = carry
            self._tell({"op": "carry", "key": self.key, "carry": carry})

    def resume_output(self) -> None:
        """Read on, or not, by what the clients have left to take."""
        allowed = MAX_LAST_WORDS_BYTES if self._has_ended else 0
        if not self._is_flowing:
            return
        is_blocked = any(len(client.pending) > allowed for client in self.clients)
        for output in self._outputs:
            output.pause(is_blocked)
        if not is_blocked or len(self.clients) < 2:
            self._held_up.discard(self)
        elif self not in self._held_up:
            self._held_up.add(self)
            self._wait_for_stalled()

    def _wait_for_stalled(self) -> None:
        self._held_until = time.monotonic() + STALL_S
        for client in self.clients:
            client.has_moved()

    def held_until(self) -> float:
        """When to call ``let_stalled_go``, on the monotonic clock, if it is still held up then."""
        return self._held_until

    def let_stalled_go(self) -> None:
        """End the clients that others have waited for, and that have not read a byte."""
        stalled = [client for client in self.clients if client.pending and not client.has_moved()]
        if len(stalled) == len(self.clients):
            stalled = []  # nobody is waiting
        for client in stalled:
            self.detach(client)
        self._wait_for_stalled()

    def output_ended(self, output: Output) -> None:
        """End of file on one of the outputs."""
        self._outputs.remove(output)
        if output.fd == self._stdin.fd:
            self._stdin.close()
        output.close()
        if not self._outputs and self._has_ended:
            self._finish()

    # ------------------------------------------------------------------ input

    @property
    def takes_stdin(self) -> bool:
        """Whether input has anywhere to go."""
        return self._stdin.is_open

    @property
    def is_stdin_full(self) -> bool:
        """Whether input waits for the process; while it does, no client's input is read."""
        return self._stdin.is_full

    def input_events(self, fd: int) -> int:
        """What to poll for on a master, besides its output."""
        return select.EPOLLOUT if fd == self._stdin.fd and self._stdin.is_full else 0

    def write_stdin(self, data: bytes) -> None:
        """Pass input on."""
        self._stdin.write(data)

    def flush_stdin(self) -> None:
        """The process takes input again."""
        self._stdin.flush()

    def client_ended_stdin(self) -> None:
        """End of file from a client: the process's too, if it was to have one client's input only."""
        if self._stdin_once:
            self.end_stdin()

    def end_stdin(self) -> None:
        """Give the process its end of file, after what is pending. A terminal has none."""
        self._stdin.end()

    def _stdin_fullness_changed(self) -> None:
        for output in self._outputs:
            output.update_events()
        for client in self.clients:
            client.update_events()

    def _stdin_closed(self) -> None:
        self._tell({"op": "stdin_closed", "key": self.key})

    # ------------------------------------------------------------------ clients and the end

    def attach(self, client_id: int, fd: int, options: dict[str, Any]) -> None:
        """Take in one more client."""
        self.clients.append(AttachSocket(client_id, fd, options, self))

    def detach(self, client: AttachSocket) -> None:
        """Let a client go, and with it what it kept the others waiting for."""
        self.clients.remove(client)
        client.close()
        self._tell({"op": "detached", "key": self.key, "id": client.id})
        self.resume_output()

    def process_ended(self) -> None:
        """The process is gone: read what it left, then finish."""
        self._has_ended = True
        now = time.monotonic()
        self._quiet_at, self._latest_at = now + _QUIET_S, now + _MAX_DRAIN_S
        self.resume_output()
        if not self._outputs:
            self._finish()

    def finish_at(self) -> float:
        """When to call ``finish_late`` of a process that has ended, on the monotonic clock."""
        return min(self._quiet_at, self._latest_at)

    def finish_at_end_of_output(self) -> None:
        """Nobody will say when the process ends."""
        self._has_ended = True
        self._quiet_at = self._latest_at = float("inf")
        self.start_output()
        if not self._outputs:
            self._finish()

    def finish_late(self) -> None:
        """Somebody else holds the pipe: take what is in it, and leave it."""
        for output in self._outputs[:]:
            output.read_rest()
        if not self.is_drained:
            self._finish()

    def _finish(self) -> None:
        """Log the rest, let the clients go when each has got everything, and tell."""
        self.is_drained = True
        self._held_up.discard(self)
        for output in self._outputs:
            output.close()
        self._outputs.clear()
        self._stdin.close()
        if self.log is not None:
            self.log.close()
        for client in self.clients[:]:
            if client.finish():
                self.detach(client)
        self._tell({"op": "drained", "key": self.key})

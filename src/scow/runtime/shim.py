"""scow-shim: pumps the standard streams of all containers, for their attach sockets and their logs.

A child of scow-reaper, which gives it copies of the descriptors and starts another one when it dies: nothing
is kept here that cannot be lost but the piece of output in hand. Single-threaded; asleep while no
container says anything.
"""

from __future__ import annotations

import _socket
import os
import time

from scow.logs.sinks import open_sink
from scow.runtime.polled_channel import PolledChannel
from scow.runtime.poller import Poller
from scow.runtime.rest import Rest
from scow.runtime.shim_link import CHANNEL_FD
from scow.runtime.stdio import Container

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    from scow.runtime.channel import Message


class Shim:
    """The state of the process; ``run`` is its life."""

    def __init__(self, sock: _socket.socket) -> None:
        self._poller = Poller()
        self._containers: dict[str, Container] = {}
        self._ending: set[Container] = set()
        self._active: set[Container] = set()  # have logged since the reaper was last told unfinished lines
        self._held_up: set[Container] = set()  # one client keeps others waiting
        self._has_reaper = True
        self._rest = Rest()
        self._channel = PolledChannel(self._poller, sock, self._handle, self._reaper_gone)

    def run(self) -> None:
        """Serve until the reaper has gone and no container is left."""
        while self._has_reaper or self._containers:
            # The reaper need not know every half of a line in a flood, only what is there in the quiet
            # after it.
            if not self._poller.run_once(0):
                self._tell_carries()
                self._poller.run_once(self._timeout_s())
            self._do_what_is_due()

    # ------------------------------------------------------------------ scow-reaper

    def _reaper_gone(self) -> None:
        """Nobody can attach any more, but containers must not die of a broken pipe: stay until they end."""
        self._has_reaper = False
        for container in list(self._containers.values()):
            container.finish_at_end_of_output()

    def _handle(self, message: Message, fds: list[int]) -> None:
        container = self._containers.get(message["key"])
        match message["op"]:
            case "open":
                self._open(message, fds)
            case "attach" if container is not None:
                container.attach(message["id"], fds[0], message)
            case "attach":
                self._refuse(message, fds[0])
            case "flow" if container is not None:
                container.start_output()
            case "close_stdin" if container is not None:
                container.end_stdin()
            case "ended" if container is not None:
                self._ending.add(container)
                container.process_ended()

    def _open(self, message: Message, fds: list[int]) -> None:
        self._rest.put_off()
        log = open_sink(message["log"], message["carry"]) if message["log"] else None
        stdio = dict(zip(message["stdio"], fds, strict=True))
        self._containers[message["key"]] = Container(
            message["key"],
            stdio,
            message["stdin_once"],
            log,
            self._poller,
            self._told_by_container,
            self._active,
            self._held_up,
        )

    def _refuse(self, message: Message, fd: int) -> None:
        """The process ended while the attach was on its way."""
        sock = _socket.socket(fileno=fd)
        try:
            sock.shutdown(_socket.SHUT_RDWR)
        except OSError:
            pass
        sock.close()
        self._channel.tell({"op": "detached", "key": message["key"], "id": message["id"]})

    # ------------------------------------------------------------------ containers

    def _told_by_container(self, message: Message) -> None:
        if message["op"] == "drained":
            self._rest.put_off()
            container = self._containers.pop(message["key"])
            self._ending.discard(container)
            self._active.discard(container)
        self._channel.tell(message)

    def _tell_carries(self) -> None:
        for container in self._active:
            container.tell_carry()
        self._active.clear()

    def _timeout_s(self) -> float | None:
        moments = [container.finish_at() for container in self._ending]
        moments += [container.held_until() for container in self._held_up]
        now = time.monotonic()
        lefts_s = [moment - now for moment in moments]
        if (left_s := self._rest.left_s()) is not None:
            lefts_s.append(left_s)
        return max(0.0, min(lefts_s)) if lefts_s else None

    def _do_what_is_due(self) -> None:
        self._rest.begin_if_due()
        if self._ending or self._held_up:
            now = time.monotonic()
            for container in [one for one in self._ending if one.finish_at() <= now]:
                container.finish_late()
            for container in [one for one in self._held_up if one.held_until() <= now]:
                container.let_stalled_go()


def main(_arguments: list[str]) -> None:
    """A channel to scow-reaper is descriptor 3."""
    os.set_inheritable(CHANNEL_FD, False)
    os.chdir("/")
    os.umask(0o027)  # logs have 0640, as with dockerd
    with open("/proc/self/comm", "w") as file:
        file.write("scow-shim")
    Shim(_socket.socket(fileno=CHANNEL_FD)).run()

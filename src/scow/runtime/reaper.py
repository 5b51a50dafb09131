"""scow-reaper: holds every pipe and pty end, starts the runtime, reaps, and records exit codes.

The parent of all container processes (child subreaper, prctl(2)) and the only process whose death costs
exit codes; so it does next to nothing, imports next to nothing, and is never reloaded. It never waits
for anybody but epoll: scowd and scow-shim may vanish at any moment and come back. One scowd at a time:
a newer connection replaces the older.

From scowd: ``spawn attach resize close_stdin forget list quit``. To scowd: ``spawned failed exited
entry listed done busy``. To scow-shim: ``open attach flow close_stdin ended``. From it: ``drained detached
stdin_closed carry``.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` is this plus enum, 0.9 MB
import _socket
import os
import select
import sys
import time

from scow.runtime import entry as states
from scow.runtime.daemon_link import DaemonLink
from scow.runtime.entry import Attachment, Entry
from scow.runtime.poller import Poller
from scow.runtime.rest import Rest
from scow.runtime.runtime_commands import RuntimeCommands
from scow.runtime.shim_link import ShimLink

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    from collections.abc import Callable

    from scow.runtime.channel import Message


class Reaper:
    """The state of the process; ``run`` is its life."""

    def __init__(self, listener: _socket.socket, exec_root: str, python: str) -> None:
        self._poller = Poller()
        self._entries: dict[str, Entry] = {}
        self._running: dict[int, Entry] = {}  # process's pid → entry
        self._commands = RuntimeCommands(
            self._poller, os.path.join(exec_root, "console"), self._started, self._failed
        )
        self._daemon = DaemonLink(self._poller, listener, self._handle_daemon)
        self._shim = ShimLink(self._poller, python, self._hand_over_all, self._handle_shim)
        self._rest = Rest()
        self._counter = 0
        self._quit = False

    def run(self, shim_pid: int, shim_channel: _socket.socket) -> None:
        """Serve until told to quit. A first scow-shim is there: its pid, and our end of its channel."""
        wake_read, wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        _signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        _signal.signal(_signal.SIGCHLD, lambda _number, _frame: None)
        self._poller.watch(wake_read, select.EPOLLIN, lambda _events: self._children_changed(wake_read))
        self._shim.adopt(shim_pid, shim_channel)
        self._children_changed(wake_read)  # of an end before the handler was there nobody has told
        while not self._quit:
            moments = (self._shim.pause_left_s(), self._rest.left_s())
            self._poller.run_once(min((left_s for left_s in moments if left_s is not None), default=None))
            if self._shim.pause_left_s() == 0:
                self._shim.start()
            self._rest.begin_if_due()
        self._shim.stop()

    # ------------------------------------------------------------------ scowd

    def _handle_daemon(self, message: Message, fds: list[int]) -> None:
        if message["op"] == "attach":
            self._attach(message, *fds)
        elif handler := _DAEMON_OPERATIONS.get(message["op"]):
            handler(self, message)
        else:
            # A newer engine than this process asks for something that came later.
            self._daemon.tell(
                {"op": "failed", "id": message.get("id", 0), "status": -1, "text": b"unknown operation"}
            )

    def _list(self, message: Message) -> None:
        for entry in self._entries.values():
            described: Message = {
                "op": "entry",
                "key": entry.key,
                "state": entry.state,
                "pid": entry.pid,
                "exit_code": entry.exit_code,
                "finished_at_ns": entry.finished_at_ns,
            }
            self._daemon.tell(described)
        self._daemon.tell({"op": "listed", "id": message["id"]})

    def _resize(self, message: Message) -> None:
        entry = self._entries.get(message["key"])
        if entry is not None:
            entry.size = (message["rows"], message["columns"])
            entry.apply_size()
        self._daemon.tell({"op": "done", "id": message["id"]})

    def _close_stdin(self, message: Message) -> None:
        entry = self._entries.get(message["key"])
        if entry is not None:
            entry.close_stdin()
            if entry.state == states.RUNNING:
                self._shim.tell({"op": "close_stdin", "key": entry.key})

    def _forget(self, message: Message) -> None:
        """Drop a record, or the attach sockets that wait for a spawn; a process that runs stays."""
        entry = self._entries.get(message["key"])
        if entry is not None and entry.state in (states.PENDING, states.EXITED):
            self._remove(entry)

    def _stop(self, message: Message) -> None:
        self._quit = not self._entries
        self._daemon.tell({"op": "done" if self._quit else "busy", "id": message["id"]})

    # ------------------------------------------------------------------ attach sockets

    def _attach(self, message: Message, fd: int) -> None:
        entry = self._entries.get(message["key"])
        if entry is None:
            entry = self._entries[message["key"]] = Entry(message["key"])
        self._counter += 1
        options = {name: message[name] for name in ("stdin", "stdout", "stderr", "framed")}
        attachment = Attachment(self._counter, fd, options)
        if entry.state == states.EXITED:
            attachment.end()
            return
        entry.attachments.append(attachment)
        if entry.state in (states.PENDING, states.STARTING):
            # No events but EPOLLHUP: a client that gives up before the start frees its socket at once.
            self._poller.watch(fd, 0, lambda _events: self._pending_client_left(entry, attachment))
        else:
            self._hand_attachment(entry, attachment)

    def _pending_client_left(self, entry: Entry, attachment: Attachment) -> None:
        self._end_attachment(entry, attachment)
        if entry.state == states.PENDING and not entry.attachments:
            self._remove(entry)

    def _end_attachment(self, entry: Entry, attachment: Attachment) -> None:
        entry.attachments.remove(attachment)
        self._poller.forget(attachment.fd)
        attachment.end()

    # ------------------------------------------------------------------ spawn

    def _spawn(self, message: Message) -> None:
        key = message["key"]
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = Entry(key)
        if entry.state != states.PENDING:
            known = f"process {key} is known already".encode()
            self._daemon.tell({"op": "failed", "id": message["id"], "status": -1, "text": known})
            return
        entry.request, entry.request_id = message, message["id"]
        entry.size = entry.size or message.get("size")
        entry.state = states.STARTING
        self._rest.put_off()
        self._commands.start(entry)

    def _started(self, entry: Entry, pid: int, end: tuple[int, int] | None) -> None:
        """The runtime says that the process runs; ``end`` is known already if it does not any more."""
        entry.pid = pid
        entry.state = states.RUNNING
        self._running[pid] = entry
        # First the shim: once the engine knows that it runs, its streams must live longer than this process.
        self._hand_over(entry)
        self._daemon.tell({"op": "spawned", "id": entry.request_id, "key": entry.key, "pid": pid})
        if end is not None:
            self._process_ended(entry, *end)

    def _failed(self, entry: Entry, status: int, text: bytes, errno: int) -> None:
        """The start failed: what was said before it did is no output of the container."""
        answer: Message = {
            "op": "failed",
            "id": entry.request_id,
            "key": entry.key,
            "status": status,
            "text": text,
            "errno": errno,
        }
        self._remove(entry)
        self._daemon.tell(answer)

    def _remove(self, entry: Entry) -> None:
        self._rest.put_off()
        del self._entries[entry.key]
        for attachment in entry.attachments[:]:
            if entry.state == states.EXITED:
                os.close(attachment.fd)  # scow-shim has its own copy, and still sends to a slow client
            else:
                self._end_attachment(entry, attachment)
        entry.close_stdio()

    # ------------------------------------------------------------------ children

    def _children_changed(self, wake_fd: int) -> None:
        try:
            os.read(wake_fd, 512)
        except BlockingIOError:
            pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            try:
                self._child_ended(pid, status)
            except Exception:
                # The other children must be reaped, whatever became of this one.
                sys.excepthook(*sys.exc_info())

    def _child_ended(self, pid: int, status: int) -> None:
        if self._commands.ended(pid, status):
            return
        if (entry := self._running.get(pid)) is not None:
            self._process_ended(entry, status, time.time_ns())
        elif pid == self._shim.pid:
            self._shim.ended()
        else:
            self._commands.note_unknown(pid, status, time.time_ns())

    def _process_ended(self, entry: Entry, status: int, finished_at_ns: int) -> None:
        code = os.waitstatus_to_exitcode(status)
        entry.exit_code = code if code >= 0 else 128 - code
        entry.finished_at_ns = finished_at_ns
        entry.state = states.ENDING
        del self._running[entry.pid]
        self._shim.tell({"op": "ended", "key": entry.key})

    # ------------------------------------------------------------------ scow-shim

    def _hand_over_all(self) -> None:
        """A new shim takes over every process, and has nothing to give to those that have ended."""
        for entry in list(self._entries.values()):
            try:
                if entry.state in (states.RUNNING, states.ENDING):
                    self._hand_over(entry)
                elif entry.state == states.EXITED:
                    for attachment in entry.attachments[:]:
                        self._end_attachment(entry, attachment)
            except Exception:
                # The others must be handed over, whatever is the matter with this one.
                sys.excepthook(*sys.exc_info())

    def _hand_over(self, entry: Entry) -> None:
        message: Message = {
            "op": "open",
            "key": entry.key,
            "stdio": list(entry.stdio),
            "stdin_once": entry.request["stdin_once"],
            "log": entry.request["log"],
            "carry": entry.carry,
        }
        self._shim.tell(message, list(entry.stdio.values()))
        for attachment in entry.attachments:
            self._hand_attachment(entry, attachment)
        # What is read before all of them are there would be missing from their streams.
        self._shim.tell({"op": "flow", "key": entry.key})
        if entry.state == states.ENDING:
            self._shim.tell({"op": "ended", "key": entry.key})

    def _hand_attachment(self, entry: Entry, attachment: Attachment) -> None:
        self._poller.forget(attachment.fd)
        message: Message = {"op": "attach", "key": entry.key, "id": attachment.id, **attachment.options}
        self._shim.tell(message, [attachment.fd])

    def _handle_shim(self, message: Message) -> None:
        entry = self._entries.get(message["key"])
        if entry is None:
            return
        match message["op"]:
            case "detached":
                for attachment in entry.attachments[:]:
                    if attachment.id == message["id"]:
                        self._end_attachment(entry, attachment)
            case "stdin_closed":
                entry.close_stdin()
            case "carry":
                entry.carry = message["carry"]
            case "drained" if entry.state == states.ENDING:
                self._drained(entry)

    def _drained(self, entry: Entry) -> None:
        entry.state = states.EXITED
        entry.close_stdio()
        entry.request = {}
        entry.carry = {}
        exited: Message = {
            "op": "exited",
            "key": entry.key,
            "exit_code": entry.exit_code,
            "finished_at_ns": entry.finished_at_ns,
        }
        self._daemon.tell(exited)


_DAEMON_OPERATIONS: dict[str, Callable[[Reaper, Message], None]] = {
    "spawn": Reaper._spawn,
    "resize": Reaper._resize,
    "close_stdin": Reaper._close_stdin,
    "forget": Reaper._forget,
    "list": Reaper._list,
    "quit": Reaper._stop,
}

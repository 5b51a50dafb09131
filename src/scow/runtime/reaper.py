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
import resource
import select
import sys
import time

from scow.runtime import entry as states
from scow.runtime.daemon_link import DaemonLink
from scow.runtime.entry import Attachment, Entry
from scow.runtime.poller import Poller
from scow.runtime.shim_link import ShimLink

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    from collections.abc import Callable

    from scow.runtime.channel import Message

LISTEN_FD = 3
SOCKET_NAME = "reaper.sock"
_FLAG_SUBREAPER_SET = "--subreaper-set"


class Reaper:
    """The state of the process; ``run`` is its life."""

    def __init__(self, listener: _socket.socket, exec_root: str, python: str) -> None:
        self._poller = Poller()
        self._console_dir = os.path.join(exec_root, "console")
        self._entries: dict[str, Entry] = {}
        self._starting: dict[int, Entry] = {}  # runtime command's pid → entry
        self._running: dict[int, Entry] = {}  # process's pid → entry
        # Ends of children that no entry knows (yet): a process may be gone before its runtime command is.
        self._unclaimed: dict[int, tuple[int, int]] = {}
        self._daemon = DaemonLink(self._poller, listener, self._handle_daemon)
        self._shim = ShimLink(self._poller, python, self._hand_over_all, self._handle_shim)
        self._counter = 0
        self._quit = False

    def run(self) -> None:
        """Serve until told to quit."""
        os.makedirs(self._console_dir, mode=0o700, exist_ok=True)
        for name in os.listdir(self._console_dir):
            os.unlink(os.path.join(self._console_dir, name))
        wake_read, wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        _signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        _signal.signal(_signal.SIGCHLD, lambda _number, _frame: None)
        self._poller.watch(wake_read, select.EPOLLIN, lambda _events: self._children_changed(wake_read))
        self._shim.start()
        while not self._quit:
            self._poller.run_once(self._shim.pause_left_s())
            if self._shim.pause_left_s() == 0:
                self._shim.start()
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
            self._apply_size(entry)
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
        try:
            self._start_runtime(entry)
        except OSError as exc:
            text = f"{exc.filename or entry.request['argv'][0]}: {exc.strerror}"
            self._fail(entry, -1, text.encode(), exc.errno or 0)

    def _start_runtime(self, entry: Entry) -> None:
        self._counter += 1
        console_path = os.path.join(self._console_dir, str(self._counter))
        request = entry.request
        try:
            os.unlink(request["pid_file"])
        except FileNotFoundError:
            pass
        child = entry.open_stdio(console_path)
        if entry.console is not None:
            self._watch_console(entry)
        argv = [console_path if word == "{console}" else word for word in request["argv"]]

        def spawn() -> int:
            return os.posix_spawn(
                argv[0],
                argv,
                request["env"],
                file_actions=[(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in enumerate(child)],
                setsigmask=(),
                setsigdef=(_signal.SIGPIPE, _signal.SIGCHLD, _signal.SIGXFSZ),
            )

        try:
            if hidden_mount := request.get("hidden_mount"):
                from scow.linux.hidden_mount import call_without_mount  # few hosts need it: 0.9 MB

                entry.runtime_pid = call_without_mount(hidden_mount, spawn)
            else:
                entry.runtime_pid = spawn()
        finally:
            for fd in child:
                os.close(fd)
        self._starting[entry.runtime_pid] = entry

    def _console_ready(self, entry: Entry) -> None:
        """The console socket is accepted when the runtime connects, and brings the master some time later."""
        if entry.console is None:
            return
        if entry.console_path:
            self._poller.forget(entry.console.fileno())
            if not entry.accept_console():
                self._watch_console(entry)
                return
        self._poller.forget(entry.console.fileno())
        entry.receive_master()
        if entry.console is not None:
            self._watch_console(entry)
        else:
            self._apply_size(entry)

    def _watch_console(self, entry: Entry) -> None:
        assert entry.console is not None
        self._poller.watch(entry.console.fileno(), select.EPOLLIN, lambda _events: self._console_ready(entry))

    def _runtime_ended(self, entry: Entry, status: int) -> None:
        exit_status = os.waitstatus_to_exitcode(status)
        self._console_ready(entry)
        pid = _read_pid(entry.request["pid_file"]) if exit_status == 0 else 0
        stdio_there = "master" in entry.stdio or not entry.request["tty"]
        if not pid or not stdio_there:
            self._fail(entry, exit_status, entry.take_diagnostics())
            return
        if entry.console is not None:
            self._poller.forget(entry.console.fileno())
        entry.close_console()
        entry.close_diagnostics()
        entry.pid = pid
        entry.state = states.RUNNING
        self._running[pid] = entry
        self._daemon.tell({"op": "spawned", "id": entry.request_id, "key": entry.key, "pid": pid})
        self._hand_over(entry)
        if (end := self._unclaimed.pop(pid, None)) is not None:
            self._process_ended(entry, *end)

    def _fail(self, entry: Entry, status: int, text: bytes, errno: int = 0) -> None:
        """The start failed: what was said before it did is no output of the container."""
        if entry.console is not None:
            self._poller.forget(entry.console.fileno())
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
        del self._entries[entry.key]
        for attachment in entry.attachments[:]:
            if entry.state == states.EXITED:
                os.close(attachment.fd)  # scow-shim has its own copy, and still sends to a slow client
            else:
                self._end_attachment(entry, attachment)
        entry.close_stdio()

    def _apply_size(self, entry: Entry) -> None:
        if entry.size is not None and (master := entry.stdio.get("master", -1)) >= 0:
            from scow.linux.pty import set_window_size  # most reapers never see a terminal

            set_window_size(master, *entry.size)

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
        if (entry := self._starting.pop(pid, None)) is not None:
            self._runtime_ended(entry, status)
            if not self._starting:
                self._unclaimed.clear()
        elif (entry := self._running.get(pid)) is not None:
            self._process_ended(entry, status, time.time_ns())
        elif pid == self._shim.pid:
            self._shim.ended()
        elif self._starting:
            self._unclaimed[pid] = (status, time.time_ns())

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
            if entry.state in (states.RUNNING, states.ENDING):
                self._hand_over(entry)
                if entry.state == states.ENDING:
                    self._shim.tell({"op": "ended", "key": entry.key})
            elif entry.state == states.EXITED:
                for attachment in entry.attachments[:]:
                    self._end_attachment(entry, attachment)

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


def _read_pid(path: str) -> int:
    """The pid that the runtime has written; 0: it has not."""
    try:
        with open(path, "rb") as file:
            return int(file.read())
    except (FileNotFoundError, ValueError):
        return 0


def _close_inherited() -> None:
    """Whatever else the engine, or who started it, has let slip through would be held open for ever."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > LISTEN_FD:
            try:
                os.close(int(name))
            except OSError:
                pass  # the directory's own


def main(arguments: list[str]) -> None:
    """``EXEC_ROOT PYTHON`` and a listening socket as descriptor 3.

    Starts over once: setting the subreaper flag needs ctypes, execve(2) keeps the flag and drops ctypes.
    """
    exec_root, python = arguments[:2]
    if _FLAG_SUBREAPER_SET not in arguments:
        from scow.linux import syscalls

        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
        os.execv(python, [*sys.orig_argv, _FLAG_SUBREAPER_SET])
    os.set_inheritable(LISTEN_FD, False)
    _close_inherited()
    # Three descriptors a container here, as many in scow-shim; the usual soft limit is 1024.
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.chdir("/")
    # The runtime's, too: crun makes directories of devices and mount points with it. Ours are in one of 0700.
    os.umask(0o022)
    with open("/proc/self/comm", "w") as file:
        file.write("scow-reaper")
    listener = _socket.socket(fileno=LISTEN_FD)
    listener.setblocking(False)
    Reaper(listener, exec_root, python).run()
    try:
        os.unlink(os.path.join(exec_root, SOCKET_NAME))
    except FileNotFoundError:
        pass

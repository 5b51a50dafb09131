"""Runtime commands at work: started, given their pipes or a console socket, and judged when they have ended.

A runtime command starts a process, detached, and exits. It has succeeded if it says so, has written the
process's pid, and has sent the master of its terminal if there is to be one.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` is this plus enum, 0.9 MB
import os
import select

from scow.runtime.sealed_program import SealedPrograms

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    from collections.abc import Callable

    from scow.runtime.entry import Entry
    from scow.runtime.poller import Poller

CONSOLE = "{console}"
"""Stands in a command line for the path of the console socket."""


class RuntimeCommands:
    """All of them, by their pids."""

    def __init__(
        self,
        poller: Poller,
        console_dir: str,
        on_started: Callable[[Entry, int, tuple[int, int] | None], None],
        on_failed: Callable[[Entry, int, bytes, int], None],
    ) -> None:
        """``on_started(entry, pid, end)``: with wait status and time, if the process has ended meanwhile.

        ``on_failed(entry, exit status, what was printed, errno)``: an errno if there was no command to run.
        """
        self._poller = poller
        self._console_dir = console_dir
        self._on_started = on_started
        self._on_failed = on_failed
        self._sealed = SealedPrograms()
        self._entries: dict[int, Entry] = {}
        # Ends of children that no entry knows (yet): a process may be gone before its runtime command is.
        self._unclaimed: dict[int, tuple[int, int]] = {}
        self._counter = 0
        os.makedirs(console_dir, mode=0o700, exist_ok=True)
        for name in os.listdir(console_dir):
            os.unlink(os.path.join(console_dir, name))

    def start(self, entry: Entry) -> None:
        """Run the command of the entry's request."""
        try:
            self._start(entry)
        except OSError as exc:
            self._forget_console(entry)
            text = f"{exc.filename or entry.request['argv'][0]}: {exc.strerror}"
            self._on_failed(entry, -1, text.encode(), exc.errno or 0)

    def ended(self, pid: int, status: int) -> bool:
        """Take note of a reaped child; whether it was one of these commands."""
        entry = self._entries.pop(pid, None)
        if entry is None:
            return False
        self._command_ended(entry, os.waitstatus_to_exitcode(status))
        if not self._entries:
            self._unclaimed.clear()
        return True

    def note_unknown(self, pid: int, status: int, ended_at_ns: int) -> None:
        """Take note of a reaped child that nobody knows: perhaps a command tells of it later."""
        if self._entries:
            self._unclaimed[pid] = (status, ended_at_ns)

    def _start(self, entry: Entry) -> None:
        self._counter += 1
        console_path = os.path.join(self._console_dir, str(self._counter))
        try:
            os.unlink(entry.request["pid_file"])
        except FileNotFoundError:
            pass
        child = entry.open_stdio(console_path)
        if entry.console is not None:
            self._watch_console(entry)
        argv = [console_path if word == CONSOLE else word for word in entry.request["argv"]]
        program = self._sealed.path_of(argv[0]) if entry.request.get("sealed") else argv[0]
        try:
            entry.runtime_pid = _spawn(entry, program, argv, child)
        finally:
            for fd in child:
                os.close(fd)
        self._entries[entry.runtime_pid] = entry

    def _command_ended(self, entry: Entry, exit_status: int) -> None:
        self._console_ready(entry)
        self._forget_console(entry)
        pid = _read_pid(entry.request["pid_file"]) if exit_status == 0 else 0
        stdio_there = "master" in entry.stdio or not entry.request["tty"]
        if not pid or not stdio_there:
            self._on_failed(entry, exit_status, entry.take_diagnostics(), 0)
            return
        entry.close_console()
        entry.close_diagnostics()
        self._on_started(entry, pid, self._unclaimed.pop(pid, None))

    def _console_ready(self, entry: Entry) -> None:
        """The console socket is accepted when the runtime connects, and brings the master some time later."""
        if entry.console is None:
            return
        self._forget_console(entry)
        if entry.console_path and not entry.accept_console():
            self._watch_console(entry)
            return
        entry.receive_master()
        if entry.console is not None:
            self._watch_console(entry)
        else:
            entry.apply_size()

    def _watch_console(self, entry: Entry) -> None:
        assert entry.console is not None
        self._poller.watch(entry.console.fileno(), select.EPOLLIN, lambda _events: self._console_ready(entry))

    def _forget_console(self, entry: Entry) -> None:
        if entry.console is not None:
            self._poller.forget(entry.console.fileno())


def _spawn(entry: Entry, program: str, argv: list[str], child: list[int]) -> int:
    def spawn() -> int:
        return os.posix_spawn(
            program,
            argv,
            entry.request["env"],
            file_actions=[(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in enumerate(child)],
            setsigmask=(),
            setsigdef=(_signal.SIGPIPE, _signal.SIGCHLD, _signal.SIGXFSZ),
        )

    if hidden_mount := entry.request.get("hidden_mount"):
        from scow.linux.hidden_mount import call_without_mount  # few hosts need it

        return call_without_mount(hidden_mount, spawn)
    return spawn()


def _read_pid(path: str) -> int:
    """The pid that the runtime has written; 0: it has not."""
    try:
        with open(path, "rb") as file:
            return int(file.read())
    except (FileNotFoundError, ValueError):
        return 0

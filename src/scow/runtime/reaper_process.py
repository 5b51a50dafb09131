"""How the process of scow-reaper becomes what it must be: a subreaper, with nothing it does not need."""

from __future__ import annotations

import _socket
import gc
import os
import resource
import sys

from scow.linux import syscalls
from scow.runtime import shim
from scow.runtime.channel import REAPER_LISTEN_FD, REAPER_SOCKET_NAME
from scow.runtime.reaper import Reaper
from scow.runtime.shim_link import CHANNEL_FD, command_line


def _close_inherited() -> None:
    """Whatever else the engine, or who started it, has let slip through would be held open for ever."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > REAPER_LISTEN_FD:
            try:
                os.close(int(name))
            except OSError:
                pass  # the directory's own


def _set_command_line(words: list[str]) -> None:
    """Have ps(1) show these, as far as there is room, and not what the process was started with."""
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[45]), int(fields[46])  # arg_start and arg_end, proc_pid_stat(5)
    text = b"".join(os.fsencode(word) + b"\0" for word in words)
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        os.pwrite(memory.fileno(), text[: end - start - 1].ljust(end - start, b"\0"), start)


def _fork_shim(python: str) -> tuple[int, _socket.socket]:
    """The first scow-shim: its pid, and our end of its channel.

    Forked, not executed, for what both have loaded is there once then: 2 MB. This is a process with one
    thread and nothing yet that scow-shim must not have. A later shim, after the end of this one, is a fresh
    program with the code that is installed then.
    """
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    gc.freeze()  # the collector would write to all that is shared
    pid = os.fork()  # noqa: TID251 - no other thread
    if pid:
        theirs.close()
        return pid, ours
    ours.close()
    assert CHANNEL_FD == REAPER_LISTEN_FD  # which it must not keep
    os.dup2(theirs.fileno(), CHANNEL_FD)
    theirs.close()
    _set_command_line(command_line(python))
    shim.main([])
    sys.exit()


def main(arguments: list[str]) -> None:
    """``EXEC_ROOT PYTHON`` and a listening socket as descriptor 3."""
    exec_root, python = arguments
    syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    os.set_inheritable(REAPER_LISTEN_FD, False)
    _close_inherited()
    # Three descriptors a container here, as many in scow-shim; the usual soft limit is 1024.
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.chdir("/")
    # The runtime's, too: crun makes directories of devices and mount points with it. Ours are in one of 0700.
    os.umask(0o022)
    shim_pid, shim_channel = _fork_shim(python)
    with open("/proc/self/comm", "w") as file:
        file.write("scow-reaper")
    listener = _socket.socket(fileno=REAPER_LISTEN_FD)
    listener.setblocking(False)
    Reaper(listener, exec_root, python).run(shim_pid, shim_channel)
    try:
        os.unlink(os.path.join(exec_root, REAPER_SOCKET_NAME))
    except FileNotFoundError:
        pass

"""Processes, told apart even when a pid is used again (proc_pid_stat(5), pidfd_open(2)).

A process is its pid and the time it started; both together are unique until the machine boots again,
and ``boot_id`` tells boots apart.
"""

import errno
import os


def start_time(pid: int) -> int:
    """When ``pid`` started, in clock ticks since boot. Raises ``ProcessLookupError``."""
    return int(_stat_fields(pid)[19])


def is_running(pid: int, started: int) -> bool:
    """Whether the process that is (``pid``, ``started``) still runs; a zombie does not."""
    try:
        fields = _stat_fields(pid)
    except ProcessLookupError:
        return False
    return int(fields[19]) == started and fields[0] not in (b"Z", b"X")


def open_pidfd(pid: int, started: int) -> int:
    """A descriptor of (``pid``, ``started``) for ``signal.pidfd_send_signal`` and for polling its end.

    Close-on-exec. Raises ``ProcessLookupError`` if it is gone, also when another process has the pid by now.
    """
    fd = os.pidfd_open(pid)
    # The descriptor came first: from here on the pid cannot change its meaning unnoticed.
    try:
        if start_time(pid) != started:
            raise ProcessLookupError(errno.ESRCH, "another process has this pid", str(pid))
    except BaseException:
        os.close(fd)
        raise
    return fd


def boot_id() -> str:
    """A random name for this boot of the machine."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def _stat_fields(pid: int) -> list[bytes]:
    """The fields of /proc/PID/stat from the third (state) on."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            text = file.read()
    except FileNotFoundError as exc:
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH), str(pid)) from exc
    # The second field is the command's name in parentheses, and may itself hold spaces and parentheses.
    return text[text.rindex(b")") + 2 :].split()

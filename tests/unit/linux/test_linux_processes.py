"""Processes, told apart by when they started."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from scow.linux import processes


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    ) as process:
        yield process
        process.kill()


def test_a_process_runs_until_it_is_a_zombie(child: subprocess.Popen[bytes]) -> None:
    started = processes.start_time(child.pid)
    assert processes.is_running(child.pid, started)
    pidfd = processes.open_pidfd(child.pid, started)
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOWAIT)
    finally:
        os.close(pidfd)
    assert not processes.is_running(child.pid, started)
    assert processes.start_time(child.pid) == started  # the zombie keeps its name until it is reaped
    child.wait()
    with pytest.raises(ProcessLookupError):
        processes.start_time(child.pid)


def test_a_pid_that_is_used_again_is_another_process(child: subprocess.Popen[bytes]) -> None:
    other = processes.start_time(child.pid) - 1
    before = len(os.listdir("/proc/self/fd"))
    assert not processes.is_running(child.pid, other)
    with pytest.raises(ProcessLookupError, match="another process has this pid"):
        processes.open_pidfd(child.pid, other)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_name_with_spaces_and_parentheses_does_not_confuse() -> None:
    code = "open('/proc/self/comm', 'w').write(') R 1 (x'); print(flush=True); import sys; sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert processes.start_time(process.pid) >= processes.start_time(os.getpid())
        process.kill()


def test_the_boot_has_a_name() -> None:
    assert processes.boot_id() == processes.boot_id()
    assert len(processes.boot_id()) == 36

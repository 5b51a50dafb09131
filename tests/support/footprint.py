"""What an engine takes while it does nothing: memory and wake-ups of its processes."""

import re
import shutil
import sys
import time
from pathlib import Path

from tests.support.daemons import Daemon, ScowDaemon
from tests.support.live_folders import entries
from tests.support.waiting import wait_until

QUIET_S = 3.5
"""Half a second more than the engine waits before it gives memory back."""


class OwnPythonDaemon(ScowDaemon):
    """scowd on a copy of the Python program, which nothing else on the machine shares with it."""

    def argv(self) -> list[str]:
        place = self.folder / "python"
        if not place.exists():
            (place / "bin").mkdir(parents=True)
            shutil.copy(Path(sys.executable).resolve(), place / "bin/python3")
            shutil.copy(Path(sys.prefix) / "pyvenv.cfg", place)
            (place / "lib").symlink_to(Path(sys.prefix) / "lib")
        return [str(place / "bin/python3"), "-I", "-m", "scow.daemon", *super().argv()[1:]]


def pss_of(pid: int) -> int:
    """KiB of a process, by the share of those who have a page (proc_pid_smaps(5)); 0 once it has ended."""
    return _pages(pid, "Pss")


def _pages(pid: int, field: str) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = re.findall(rf"^{field}:\s+(\d+)", text, re.M)
    return int(found[0]) if found else 0


def pss_kib(daemon: Daemon) -> int:
    """What all the engine's processes have."""
    return sum(map(pss_of, daemon.processes()))


def anonymous_kib(daemon: Daemon) -> int:
    """What the engine's processes have that is in no file, each page by the share of those who have it.

    The rest of their PSS is mostly the Python program and depends on who else on the machine runs it.
    """
    return sum(_pages(pid, "Pss_Anon") for pid in daemon.processes())


def switches(daemon: Daemon) -> int:
    """How often threads of the engine were given a processor; those that have ended do not count."""
    return sum(
        _switches_of(Path(f"/proc/{pid}/task/{thread}/status"))
        for pid in daemon.processes()
        for thread in entries(Path(f"/proc/{pid}/task"))
    )


def _switches_of(status: Path) -> int:
    try:
        return sum(map(int, re.findall(r"ctxt_switches:\s+(\d+)", status.read_text())))
    except (FileNotFoundError, ProcessLookupError):
        return 0


def wait_until_asleep(daemon: Daemon) -> None:
    """Nothing of the engine runs for a while: it has given back what it can."""
    latest = [switches(daemon), time.monotonic()]

    def asleep() -> bool:
        now = switches(daemon)
        if now != latest[0]:
            latest[:] = now, time.monotonic()
        return time.monotonic() - latest[1] > QUIET_S

    wait_until(asleep, f"{QUIET_S} seconds without a wake-up")

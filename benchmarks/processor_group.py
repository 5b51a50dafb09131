"""Processor time of an engine with all programs that it ever starts: that of a control group."""

import contextlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_VERSION_1 = (Path("/sys/fs/cgroup/cpuacct"), Path("/sys/fs/cgroup/cpu,cpuacct"))
_VERSION_2 = Path("/sys/fs/cgroup")


class ProcessorGroup:
    """Runtimes and shims that live for milliseconds count too; containers do not, they have other groups."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def processor_s(self) -> float:
        """Seconds of all members, the dead included."""
        usage = self._folder / "cpuacct.usage"
        if usage.exists():
            return int(usage.read_text()) / 1e9
        found = re.search(r"usage_usec (\d+)", (self._folder / "cpu.stat").read_text())
        return int(found[1]) / 1e6 if found else 0.0


@contextmanager
def processor_group(name: str, pids: Iterable[int]) -> Iterator[ProcessorGroup]:
    """A group with ``pids`` in it; afterwards its members are in the root's again, and it is gone."""
    root = next((folder for folder in _VERSION_1 if (folder / "cgroup.procs").exists()), _VERSION_2)
    folder = root / name
    folder.mkdir()
    try:
        _move(pids, folder)
        yield ProcessorGroup(folder)
    finally:
        _move(map(int, (folder / "cgroup.procs").read_text().split()), root)
        folder.rmdir()


def _move(pids: Iterable[int], folder: Path) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            (folder / "cgroup.procs").write_text(str(pid))

"""A head start for runtime commands: what the kernel makes them wait for is begun while they are loaded."""

import logging
from pathlib import Path

from scow.linux import cgroups
from scow.linux.cgroup_migration import move_self_nowhere, procs_file_of_self
from scow.tasks import TaskOwner, run_blocking

_log = logging.getLogger(__name__)


class HeadStart:
    """One at a time: who comes meanwhile has the same use of it."""

    def __init__(self, tasks: TaskOwner) -> None:
        self._tasks = tasks
        self._is_under_way = False
        self._procs_file = _find_procs_file()

    def give(self) -> None:
        """To be called when a command that moves a process into a control group is started."""
        if self._procs_file is not None and not self._is_under_way:
            self._is_under_way = True
            self._tasks.start(self._move(self._procs_file), name="head start")

    async def _move(self, procs_file: str) -> None:
        try:
            await run_blocking(move_self_nowhere, procs_file)
        except OSError as exc:
            _log.info("no head start for runtimes: %s", exc)
            self._procs_file = None
        finally:
            self._is_under_way = False


def _find_procs_file() -> str | None:
    try:
        return procs_file_of_self(cgroups.detect(), Path("/proc/self/cgroup").read_text())
    except OSError:
        return None

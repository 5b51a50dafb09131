"""News of ended processes, to whose they were."""

import time
from collections.abc import Iterable

from scow.engine.build_runs import BuildRuns
from scow.engine.containers.exits import Exits
from scow.engine.containers.recovery.reconcile import EXIT_UNKNOWN
from scow.engine.execs import Execs
from scow.runtime.supervisor import Exited
from scow.tasks import TaskOwner


class Ends:
    """Gives the news of an ended process to whose it was. The supervisor is there before its owners."""

    def __init__(self, tasks: TaskOwner) -> None:
        self._tasks = tasks
        self.execs: Execs
        self.exits: Exits
        self.builds: BuildRuns

    def report(self, ended: Exited) -> None:
        """Called by the supervisor, which speaks only after its ``start``."""
        self._tasks.start(self._owner(ended.key).exited(ended), name=f"exit of {ended.key[:12]}")

    def _owner(self, key: str) -> Execs | BuildRuns | Exits:
        if key in self.execs:
            return self.execs
        return self.builds if key in self.builds else self.exits

    def lost(self, keys: Iterable[str]) -> None:
        """The reaper died: nobody will ever learn how these end, so for the engine they have ended now."""
        for key in keys:
            self.report(Exited(key, EXIT_UNKNOWN, time.time_ns()))

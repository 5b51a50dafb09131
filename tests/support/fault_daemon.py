"""scowd with a fault point, and the loop that kills it before every step of an operation.

The steps are those of ``tests.support.fault_point``.
"""

import http.client
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.daemons import Daemon, ScowDaemon
from tests.support.environment import PROJECT
from tests.support.http import Answer
from tests.support.waiting import PATIENCE_S, wait_until

_MOST_STEPS = 150
# Every step of the long operations takes a minute of a core: every third one, unless asked for all.
SAMPLE = 1 if os.environ.get("SCOW_TEST_ALL_STEPS") else 3
# What an operation still does when it has been answered is done by then, on a machine however busy.
_AFTERMATH_S = 0.5


class FaultDaemon(ScowDaemon):
    """scowd with a fault point."""

    def argv(self) -> list[str]:
        scowd, *arguments = super().argv()
        launcher = PROJECT / "tests" / "support" / "fault_point.py"
        # -P: the launcher's folder has modules with names of the standard library's.
        return [str(Path(scowd).with_name("python")), "-P", str(launcher), str(self._order), *arguments]

    @property
    def _order(self) -> Path:
        return self.folder / "fault"

    def arm(self, step: int) -> None:
        """From now on scowd has ``step`` - 1 steps to live."""
        self._order.write_text(str(step))
        os.kill(self.pid, signal.SIGUSR1)
        wait_until(lambda: not self._order.exists(), "the fault point is armed")

    def survives(self, answered: bool) -> bool:
        """Whether it is there when all work is done; one that did not answer has died or is about to."""
        assert self.process is not None
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_AFTERMATH_S if answered else PATIENCE_S)
        return self.running


class NetworkFaultDaemon(FaultDaemon):
    """Counts the steps that are about networks, and no others."""

    def argv(self) -> list[str]:
        return ["env", "SCOW_TEST_FAULTS=network", *super().argv()]


def ask(engine: Daemon, method: str, target: str, body: object = None) -> Answer | None:
    """A request to an engine that may die of it."""
    try:
        return engine.api(method, target, body)
    except (OSError, http.client.HTTPException):
        return None


def do(engine: Daemon, method: str, target: str, body: object = None) -> Any:
    """A request that must succeed."""
    answer = engine.api(method, target, body)
    assert answer.status < 400, f"{method} {target}: {answer.status} {answer.message}"
    return answer


def at_every_step(
    engine: FaultDaemon,
    prepare: Callable[[], None],
    operate: Callable[[], Answer | None],
    check: Callable[[Answer | None], None],
    clean: Callable[[Daemon], None],
    stride: int = 1,
) -> None:
    """``check`` gets the answer, if there was one; ``clean`` removes all and fails if something is left."""
    for step in range(1, _MOST_STEPS, stride):
        prepare()
        engine.arm(step)
        answer = operate()
        if engine.survives(answer is not None):
            assert answer is not None
            engine.restart()
            check(answer)
            clean(engine)
            assert step > 2, "no step was seen"
            return
        engine.start()
        try:
            check(answer)
            clean(engine)
        except AssertionError as exc:
            raise AssertionError(f"killed at step {step}: {exc}") from exc
    raise AssertionError(f"more than {_MOST_STEPS} steps")

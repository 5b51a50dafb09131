"""Health checks: what is run, when, and what its results mean. Pure.

Docker's rules: a container is ``starting`` until its first success or until ``retries`` failures in a row.
Failures within the start period do not count; a success ends that period. After each change of status one
event. Nobody probes a container that is paused or down, and it counts as unhealthy until the next success.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from scow.spec.engine_api.container import ContainerConfig
from scow.spec.engine_api.container_views import HealthState, ProbeResult

STARTING: Final = "starting"
HEALTHY: Final = "healthy"
UNHEALTHY: Final = "unhealthy"

MAX_OUTPUT_BYTES: Final = 4096
MAX_RESULTS: Final = 5

_SECOND_NS: Final = 1_000_000_000
_SHELL: Final = ("/bin/sh", "-c")


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A container's check with Docker's defaults filled in. ``argv`` is run inside it; empty, it fails."""

    argv: tuple[str, ...]
    interval_s: float = 30.0
    timeout_s: float = 30.0
    start_period_s: float = 0.0
    start_interval_s: float = 5.0
    retries: int = 3

    def pause_s(self, status: str, up_s: float) -> float:
        """Seconds from the end of a probe to the next one, and before the first one.

        ``up_s`` is how long the container has been running.
        """
        is_early = up_s < self.start_period_s and status == STARTING
        return self.start_interval_s if is_early else self.interval_s


def health_check(config: ContainerConfig) -> HealthCheck | None:
    """The check of a container; None without one, for ``NONE``, and for a kind that nobody knows."""
    health = config.healthcheck
    if health is msgspec.UNSET or not health.test:
        return None
    kind, *argv = health.test
    if kind not in ("CMD", "CMD-SHELL"):
        return None
    if kind == "CMD-SHELL" and argv:
        argv = [*(config.shell or _SHELL), *argv]
    defaults = HealthCheck(())
    return HealthCheck(
        tuple(argv),
        interval_s=health.interval / _SECOND_NS or defaults.interval_s,
        timeout_s=health.timeout / _SECOND_NS or defaults.timeout_s,
        start_period_s=health.start_period / _SECOND_NS,
        start_interval_s=health.start_interval / _SECOND_NS or defaults.start_interval_s,
        retries=health.retries or defaults.retries,
    )


def started(before: HealthState | None) -> HealthState:
    """The health of a container that has just been started; it keeps the results of its last run."""
    return HealthState(status=STARTING, failing_streak=0, log=before.log if before else [])


def suspended(health: HealthState | None) -> None:
    """Nobody probes any more: what was true a moment ago is not known now."""
    if health is not None:
        health.status = UNHEALTHY


def record(health: HealthState, check: HealthCheck, result: ProbeResult, up_s: float) -> bool:
    """Add ``result`` of a probe that began ``up_s`` after the container; whether the status changed."""
    before = health.status
    health.log = [*health.log, result][-MAX_RESULTS:]
    if result.exit_code == 0:
        health.failing_streak = 0
        health.status = HEALTHY
    elif health.status != STARTING or up_s >= check.start_period_s:
        health.failing_streak += 1
        if health.failing_streak >= check.retries:
            health.status = UNHEALTHY
    return health.status != before


def output_text(data: bytes) -> str:
    """What a probe printed, as it is kept: not all of it, and valid text. ``data`` may hold more."""
    mark = "..." if len(data) > MAX_OUTPUT_BYTES else ""
    return data[:MAX_OUTPUT_BYTES].decode(errors="replace") + mark


def status_words(health: HealthState) -> str:
    """What stands in the STATUS column: ``healthy``, ``health: starting``."""
    return f"health: {STARTING}" if health.status == STARTING else health.status

"""Restart policies: whether and when a container that ended is started again. Pure.

Docker's rules: 100 ms before the first restart, doubled each time up to a minute, back to 100 ms after a
run of ten seconds. A container that a person stopped stays down until the daemon starts again: then
``always`` brings it back, and so does ``on-failure`` if stopping it ended in failure.
"""

from typing import Final

from scow.spec.engine_api.container import RestartPolicy

FIRST_DELAY_S: Final = 0.1
LONGEST_DELAY_S: Final = 60.0
LONG_RUN_S: Final = 10.0


def restarts_after_exit(
    policy: RestartPolicy, *, exit_code: int, restart_count: int, manually_stopped: bool
) -> bool:
    """Whether a container that ended by itself is started again."""
    if manually_stopped:
        return False
    match policy.name:
        case "always" | "unless-stopped":
            return True
        case "on-failure":
            return _may_retry(policy, exit_code, restart_count)
        case _:
            return False


def restarts_with_daemon(
    policy: RestartPolicy, *, exit_code: int, restart_count: int, manually_stopped: bool
) -> bool:
    """Whether a container that is down is started when the daemon starts."""
    match policy.name:
        case "always":
            return True
        case "unless-stopped":
            return not manually_stopped
        case "on-failure":
            return _may_retry(policy, exit_code, restart_count)
        case _:
            return False


def _may_retry(policy: RestartPolicy, exit_code: int, restart_count: int) -> bool:
    limit = policy.maximum_retry_count
    return exit_code != 0 and (limit <= 0 or restart_count < limit)


def next_delay(previous_s: float, ran_s: float) -> float:
    """Seconds to wait before the next start; ``previous_s`` is 0 before the first."""
    if previous_s == 0 or ran_s >= LONG_RUN_S:
        return FIRST_DELAY_S
    return min(previous_s * 2, LONGEST_DELAY_S)

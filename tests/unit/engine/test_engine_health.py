"""Health checks as a machine of states: settings, results, times."""

from typing import Any

import pytest

from scow.engine.containers import health
from scow.engine.containers.health import HealthCheck, health_check
from scow.spec.engine_api.container import ContainerConfig, HealthConfig
from scow.spec.engine_api.container_views import HealthState, ProbeResult

SECOND = 1_000_000_000


def check_of(*test: str, **times: int) -> HealthCheck | None:
    return health_check(ContainerConfig(healthcheck=HealthConfig(test=list(test), **times)))


class Machine:
    """A container's health, fed with exit codes at seconds after its start."""

    def __init__(self, **settings: Any) -> None:
        self.check = HealthCheck(("true",), **settings)
        self.state = health.started(None)

    def probe(self, exit_code: int, at_s: float = 0) -> bool:
        result = ProbeResult(start="", end="", exit_code=exit_code, output="")
        return health.record(self.state, self.check, result, at_s)


def test_a_command_is_run_as_it_is_and_text_by_the_shell() -> None:
    assert check_of("CMD", "curl", "-f", "x") == HealthCheck(("curl", "-f", "x"))
    assert check_of("CMD-SHELL", "a || b") == HealthCheck(("/bin/sh", "-c", "a || b"))
    config = ContainerConfig(healthcheck=HealthConfig(test=["CMD-SHELL", "x"]), shell=["/bin/bash", "-ec"])
    assert health_check(config) == HealthCheck(("/bin/bash", "-ec", "x"))


def test_a_check_without_a_command_exists_and_has_nothing_to_run() -> None:
    assert check_of("CMD") == check_of("CMD-SHELL") == HealthCheck(())


@pytest.mark.parametrize("test", [(), ("NONE",), ("NOSUCH", "x")])
def test_without_a_check_there_is_no_health(test: tuple[str, ...]) -> None:
    assert check_of(*test) is None
    assert health_check(ContainerConfig()) is None


def test_defaults_are_dockers() -> None:
    check = check_of("CMD", "x", interval=2 * SECOND, timeout=SECOND // 2)
    assert check == HealthCheck(("x",), 2.0, 0.5, 0.0, 5.0, 3)


def test_a_success_makes_healthy_and_only_failures_in_a_row_unhealthy() -> None:
    machine = Machine(retries=2)
    assert not machine.probe(1)
    assert machine.state.status == "starting"
    assert machine.probe(0)
    assert (machine.state.status, machine.state.failing_streak) == ("healthy", 0)
    assert not machine.probe(1)
    assert not machine.probe(0)
    assert not machine.probe(1)
    assert machine.probe(-1)
    assert (machine.state.status, machine.state.failing_streak) == ("unhealthy", 2)
    assert not machine.probe(1)
    assert machine.probe(0)


def test_failures_in_the_start_period_do_not_count_and_a_success_ends_it() -> None:
    machine = Machine(retries=1, start_period_s=10)
    assert not machine.probe(1, at_s=1)
    assert (machine.state.status, machine.state.failing_streak) == ("starting", 0)
    assert machine.probe(0, at_s=2)
    assert machine.probe(1, at_s=3)
    assert machine.state.status == "unhealthy"
    late = Machine(retries=1, start_period_s=10)
    assert late.probe(1, at_s=10)


def test_probes_come_quicker_until_the_first_success_in_the_start_period() -> None:
    check = HealthCheck(("true",), interval_s=30, start_period_s=20, start_interval_s=2)
    assert check.pause_s("starting", 0) == 2
    assert check.pause_s("healthy", 5) == 30
    assert check.pause_s("starting", 20) == 30


def test_the_last_five_results_are_kept_also_across_a_restart() -> None:
    machine = Machine()
    for code in range(7):
        machine.probe(code)
    assert [result.exit_code for result in machine.state.log] == [2, 3, 4, 5, 6]
    again = health.started(machine.state)
    assert (again.status, again.failing_streak, len(again.log)) == ("starting", 0, 5)


def test_what_is_not_probed_counts_as_unhealthy() -> None:
    state = HealthState(status="healthy")
    health.suspended(state)
    assert state.status == "unhealthy"
    health.suspended(None)


def test_output_is_cut_and_says_so() -> None:
    assert health.output_text(b"x" * 4096) == "x" * 4096
    assert health.output_text(b"x" * 4097) == "x" * 4096 + "..."
    assert health.output_text(b"\xff") == "\N{REPLACEMENT CHARACTER}"


def test_words_of_the_status_column() -> None:
    shown = [health.status_words(HealthState(status=s)) for s in ("starting", "healthy", "unhealthy")]
    assert shown == ["health: starting", "healthy", "unhealthy"]

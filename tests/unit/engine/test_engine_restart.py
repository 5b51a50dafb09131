"""Restart policies."""

import pytest

from scow.engine.containers.restart import next_delay, restarts_after_exit, restarts_with_daemon
from scow.spec.engine_api.container import RestartPolicy


def after_exit(name: str, *, code: int = 1, count: int = 0, stopped: bool = False, limit: int = 0) -> bool:
    policy = RestartPolicy(name=name, maximum_retry_count=limit)
    return restarts_after_exit(policy, exit_code=code, restart_count=count, manually_stopped=stopped)


@pytest.mark.parametrize("name", ["always", "unless-stopped"])
def test_always_and_unless_stopped_restart_after_any_exit_code(name: str) -> None:
    assert after_exit(name, code=0)
    assert after_exit(name, code=1)


@pytest.mark.parametrize("name", ["", "no"])
def test_without_a_policy_nothing_restarts(name: str) -> None:
    assert not after_exit(name)


def test_on_failure_restarts_only_failures_and_only_so_often() -> None:
    assert after_exit("on-failure")
    assert not after_exit("on-failure", code=0)
    assert after_exit("on-failure", count=2, limit=3)
    assert not after_exit("on-failure", count=3, limit=3)


@pytest.mark.parametrize("name", ["always", "unless-stopped", "on-failure"])
def test_what_a_person_stopped_stays_down(name: str) -> None:
    assert not after_exit(name, stopped=True)


def comes_back(name: str, *, code: int = 1, count: int = 0, stopped: bool = True, limit: int = 0) -> bool:
    policy = RestartPolicy(name=name, maximum_retry_count=limit)
    return restarts_with_daemon(policy, exit_code=code, restart_count=count, manually_stopped=stopped)


def test_a_stop_is_remembered_by_unless_stopped_only_when_the_daemon_starts() -> None:
    assert comes_back("always")
    assert not comes_back("unless-stopped")
    assert comes_back("unless-stopped", stopped=False)
    assert comes_back("on-failure", code=137)
    assert not comes_back("no", stopped=False)


def test_on_failure_comes_back_only_after_a_failure_and_while_it_may_be_tried_again() -> None:
    assert not comes_back("on-failure", code=0)
    assert comes_back("on-failure", count=1, limit=2)
    assert not comes_back("on-failure", count=2, limit=2)


def test_delays_double_to_a_minute_and_start_over_after_a_long_run() -> None:
    delays = [next_delay(0, 0)]
    for _ in range(12):
        delays.append(next_delay(delays[-1], 1))
    assert delays[:4] == [0.1, 0.2, 0.4, 0.8]
    assert delays[-1] == 60
    assert next_delay(60, 10) == 0.1

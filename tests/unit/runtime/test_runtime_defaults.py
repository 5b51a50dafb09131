from typing import Any

import pytest

from scow.config import load
from scow.runtime.defaults import fill_host_config
from scow.spec.engine_api.container import HostConfig, LogConfig
from tests.support.machine import host_facts

ENGINE = load(["--default-runtime", "runc", "--log-opt", "max-size=1m", "--config-file", "/dev/null"], {})


def filled(cgroup_version: int = 1, **asked: Any) -> HostConfig:
    return fill_host_config(HostConfig(**asked), ENGINE, host_facts(cgroup_version=cgroup_version))


def test_nothing_said_is_dockers_defaults() -> None:
    host = filled()
    assert host.shm_size == 64 << 20
    assert host.ipc_mode == "private"
    assert host.network_mode == "bridge"
    assert host.runtime == "runc"
    assert host.restart_policy.name == "no"
    assert host.oom_kill_disable is False
    assert host.log_config == LogConfig(type="json-file", config={"max-size": "1m"})
    assert host.masked_paths
    assert host.readonly_paths
    assert host.security_opt is None


def test_swap_is_as_much_again_as_memory() -> None:
    assert filled(memory=10 << 20).memory_swap == 20 << 20
    assert filled(memory=10 << 20, memory_swap=-1).memory_swap == -1


@pytest.mark.parametrize("limit", [0, -1, None])
def test_no_limit_of_processes_is_no_value(limit: int | None) -> None:
    assert filled(pids_limit=limit).pids_limit is None


@pytest.mark.parametrize(
    ("version", "privileged", "mode"),
    [(1, False, "host"), (1, True, "host"), (2, False, "private"), (2, True, "private")],
)
def test_the_cgroup_namespace_depends_on_the_version(version: int, privileged: bool, mode: str) -> None:
    assert filled(version, privileged=privileged).cgroupns_mode == mode


def test_the_engines_log_options_are_for_its_own_driver() -> None:
    assert filled(log_config=LogConfig(type="none")).log_config.config == {}
    own = filled(log_config=LogConfig(type="json-file", config={"max-file": "2"})).log_config.config
    assert own == {"max-size": "1m", "max-file": "2"}


@pytest.mark.parametrize("asked", [{"privileged": True}, {"pid_mode": "host"}, {"ipc_mode": "host"}])
def test_who_shares_with_the_host_has_no_label(asked: dict[str, Any]) -> None:
    assert filled(**asked).security_opt == ["label=disable"]
    assert filled(security_opt=["label=type:x"], **asked).security_opt == ["label=type:x"]


def test_privileged_containers_have_no_closed_paths() -> None:
    host = filled(privileged=True)
    assert host.masked_paths is None
    assert host.readonly_paths is None


def test_given_lists_of_paths_stay() -> None:
    host = filled(masked_paths=[], readonly_paths=["/a"])
    assert host.masked_paths == []
    assert host.readonly_paths == ["/a"]

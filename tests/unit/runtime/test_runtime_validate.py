import dataclasses
from typing import Any

import pytest

from scow.errors import InvalidArgumentError
from scow.linux.cgroup_features import CgroupFeatures
from scow.runtime.cpusets import parse_cpu_list
from scow.runtime.host_facts import HostFacts
from scow.runtime.validate import validate_container
from scow.runtime.validate_resources import validate_resources
from scow.spec.engine_api.container import (
    ContainerConfig,
    HealthConfig,
    HostConfig,
    PortBinding,
    Resources,
    RestartPolicy,
    ThrottleDevice,
    Ulimit,
)
from tests.support.machine import FEATURES, host_facts

MB = 1 << 20


def check(
    host: dict[str, Any] | None = None, config: dict[str, Any] | None = None, facts: HostFacts | None = None
) -> list[str]:
    return validate_container(
        ContainerConfig(**(config or {})), HostConfig(**(host or {})), facts or host_facts()
    )


def port(*host_ports: str) -> dict[str, list[PortBinding]]:
    return {"80/tcp": [PortBinding(host_port=number) for number in host_ports]}


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ({"memory": 1}, "Minimum memory limit allowed is 6MB"),
        ({"memory": -1}, "Minimum memory limit allowed is 6MB"),
        (
            {"memory": 10 * MB, "memory_swap": 9 * MB},
            "Minimum memoryswap limit should be larger than memory limit, see usage",
        ),
        (
            {"memory_swap": 9 * MB},
            "You should always set the Memory limit when using Memoryswap limit, see usage",
        ),
        ({"memory_swappiness": 101}, "Invalid value: 101, valid memory swappiness range is 0-100"),
        ({"memory_reservation": 1}, "Minimum memory reservation allowed is 6MB"),
        (
            {"memory": 10 * MB, "memory_swap": -1, "memory_reservation": 11 * MB},
            "Minimum memory limit can not be less than memory reservation limit, see usage",
        ),
        (
            {"nano_cpus": 1, "cpu_period": 1000},
            "Conflicting options: Nano CPUs and CPU Period cannot both be set",
        ),
        (
            {"nano_cpus": 1, "cpu_quota": 1000},
            "Conflicting options: Nano CPUs and CPU Quota cannot both be set",
        ),
        (
            {"nano_cpus": 2_000_000_001},
            "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
        ),
        ({"nano_cpus": -1}, "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"),
        (
            {"cpu_period": 999},
            "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
        ),
        ({"cpu_quota": 999}, "CPU cfs quota can not be less than 1ms (i.e. 1000)"),
        ({"cpu_shares": -1}, "invalid CPU shares (-1): value must be a positive integer"),
        (
            {"cpu_realtime_period": 1, "cpu_realtime_runtime": 2},
            "cpu real-time runtime cannot be higher than cpu real-time period",
        ),
        ({"cpuset_cpus": "0,7"}, "Requested CPUs are not available - requested 0,7, available: 0-1"),
        ({"cpuset_mems": "1"}, "Requested memory nodes are not available - requested 1, available: 0"),
        ({"cpuset_cpus": "a"}, "Invalid value a for cpuset cpus: invalid format: a"),
        ({"blkio_weight": 9}, "Range of blkio weight is from 10 to 1000"),
        ({"isolation": "hyperv"}, "invalid isolation (hyperv): linux only supports 'default'"),
        ({"ipc_mode": "x"}, "invalid IPC mode: x"),
        ({"pid_mode": "container:"}, "invalid PID mode: container:"),
        ({"uts_mode": "x"}, "invalid UTS mode: x"),
        ({"cgroupns_mode": "x"}, "invalid cgroup namespace mode: x"),
        ({"shm_size": -1}, "SHM size can not be less than 0"),
        ({"oom_score_adj": 1001}, "Invalid value 1001, range for oom score adj is [-1000, 1000]"),
        ({"cap_add": ["fly"]}, 'invalid CapAdd: unknown capability: "CAP_FLY"'),
        ({"cap_drop": ["fly"]}, 'invalid CapDrop: unknown capability: "CAP_FLY"'),
        ({"extra_hosts": ["a"]}, 'bad format for add-host: "a"'),
        (
            {"annotations": {"": "x"}},
            "invalid Annotations: the empty string is not permitted as an annotation key",
        ),
        ({"tmpfs": {"/": ""}}, "invalid specification: destination can't be '/'"),
        ({"tmpfs": {"a": ""}}, "invalid mount path: 'a' mount path must be absolute"),
        ({"port_bindings": port("abc")}, 'invalid port specification: "abc"'),
        ({"port_bindings": port("9-8")}, 'invalid port specification: "9-8"'),
        ({"port_bindings": port("65536")}, 'invalid port specification: "65536"'),
        ({"port_bindings": {"None/tcp": []}}, 'invalid port specification: "None/tcp"'),
        ({"port_bindings": {"0/tcp": []}}, 'invalid port specification: "0/tcp"'),
        (
            {"auto_remove": True, "restart_policy": RestartPolicy(name="always")},
            "can't create 'AutoRemove' container with restart policy",
        ),
        (
            {"restart_policy": RestartPolicy(name="always", maximum_retry_count=1)},
            "invalid restart policy: maximum retry count can only be used with 'on-failure'",
        ),
        (
            {"restart_policy": RestartPolicy(name="no", maximum_retry_count=-1)},
            "invalid restart policy: maximum retry count can only be used with 'on-failure' and cannot be "
            "negative",
        ),
        (
            {"restart_policy": RestartPolicy(name="on-failure", maximum_retry_count=-1)},
            "invalid restart policy: maximum retry count cannot be negative",
        ),
        (
            {"restart_policy": RestartPolicy(name="never")},
            "invalid restart policy: unknown policy 'never'; use one of 'no', 'always', 'on-failure', or "
            "'unless-stopped'",
        ),
        ({"ulimits": [Ulimit(name="x")]}, "invalid ulimit type: x"),
        ({"security_opt": ["x"]}, 'invalid --security-opt 1: "x"'),
    ],
)
def test_settings_that_cannot_be_right(host: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        check(host)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("host", "config", "what"),
    [
        ({"uts_mode": "host"}, {"hostname": "a"}, "hostname and the UTS mode"),
        ({"network_mode": "container:x"}, {"hostname": "a"}, "hostname and the network mode"),
        ({"network_mode": "container:x", "dns": ["1.1.1.1"]}, {}, "dns and the network mode"),
        (
            {"network_mode": "container:x", "publish_all_ports": True},
            {},
            "port publishing and the container type network mode",
        ),
        (
            {"network_mode": "container:x"},
            {"exposed_ports": {"80/tcp": {}}},
            "port exposing and the container type network mode",
        ),
        (
            {"network_mode": "container:x", "extra_hosts": ["a:1.1.1.1"]},
            {},
            "custom host-to-IP mapping and the network mode",
        ),
        (
            {"network_mode": "host", "links": ["a"]},
            {},
            "host type networking can't be used with links. This would result in undefined behavior",
        ),
    ],
)
def test_settings_that_exclude_each_other(host: dict[str, Any], config: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        check(host, config)
    assert caught.value.message == f"conflicting options: {what}"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"hostname": "x" * 65}, f'hostname "{"x" * 65}" is too long (maximum 64 bytes)'),
        ({"env": ["=x"]}, "invalid environment variable: =x"),
        ({"env": [""]}, "invalid environment variable: "),
        ({"healthcheck": HealthConfig(interval=999_999)}, "Interval in Healthcheck cannot be less than 1ms"),
        ({"healthcheck": HealthConfig(retries=-1)}, "Retries in Healthcheck cannot be negative"),
    ],
)
def test_configs_that_cannot_be_right(config: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        check(config=config)
    assert caught.value.message == message


def test_ordinary_settings_pass_without_a_word() -> None:
    host: dict[str, Any] = {
        "memory": 64 * MB,
        "memory_swap": 128 * MB,
        "nano_cpus": 1_500_000_000,
        "cpuset_cpus": "0-1",
        "pids_limit": 100,
        "isolation": "default",
        "port_bindings": port("8080-8090", "", "1"),
        "restart_policy": RestartPolicy(name="on-failure", maximum_retry_count=3),
        "memory_swappiness": -1,
    }
    assert check(host, {"hostname": "web", "env": ["A", "B=c"]}) == []


def test_limits_the_kernel_lacks_are_dropped_with_a_warning() -> None:
    limits = Resources(
        memory=64 * MB,
        memory_swap=128 * MB,
        memory_swappiness=1,
        memory_reservation=32 * MB,
        oom_kill_disable=True,
        pids_limit=5,
        cpu_shares=5,
        cpu_period=5000,
        cpuset_cpus="0",
        blkio_weight=100,
        blkio_device_read_bps=[ThrottleDevice(path="/dev/x", rate=1)],
    )
    warnings = validate_resources(limits, host_facts(features=CgroupFeatures()))
    assert len(warnings) == 10
    assert limits == Resources(memory_swap=-1, blkio_device_read_bps=[])


def test_limits_without_swap_accounting_are_of_memory_alone() -> None:
    limits = Resources(memory=64 * MB, memory_swap=128 * MB)
    facts = host_facts(features=dataclasses.replace(FEATURES, swap_limit=False))
    (warning,) = validate_resources(limits, facts)
    assert warning.endswith("Memory limited without swap.")
    assert limits.memory_swap == -1


def test_version_2_drops_oom_kill_disable_in_silence_if_it_is_off() -> None:
    limits = Resources(oom_kill_disable=False)
    facts = host_facts(features=dataclasses.replace(FEATURES, oom_kill_disable=False))
    assert validate_resources(limits, facts) == []
    assert limits.oom_kill_disable is None


def test_an_update_may_change_swap_alone() -> None:
    assert validate_resources(Resources(memory_swap=128 * MB), host_facts(), update=True) == []


def test_published_ports_in_the_hosts_network_are_a_warning() -> None:
    warnings = check({"network_mode": "host", "port_bindings": port("1")})
    assert warnings == ["Published ports are discarded when using host network mode"]


def test_a_limit_above_the_engines_own_is_a_warning() -> None:
    facts = host_facts(hard_limits={"nofile": 10})
    assert len(check({"ulimits": [Ulimit(name="nofile", soft=1, hard=11)]}, facts=facts)) == 1


@pytest.mark.parametrize(
    ("text", "numbers"), [("", set()), ("0", {0}), ("0-2,4", {0, 1, 2, 4}), ("1,1", {1}), ("3-3", {3})]
)
def test_cpu_lists(text: str, numbers: set[int]) -> None:
    assert parse_cpu_list(text) == numbers


@pytest.mark.parametrize("text", ["a", "1-", "-1", "2-1", "1,,2", "0-99999999999", "9999"])
def test_cpu_lists_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"invalid format|out of range"):
        parse_cpu_list(text)

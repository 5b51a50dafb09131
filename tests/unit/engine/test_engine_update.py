"""What update makes of limits and policies: Docker's conflicts, and nothing lost that was not named."""

import pytest

from scow.engine.containers.update import merge_limits
from scow.errors import ConflictError
from scow.spec.engine_api.container import ContainerUpdate, HostConfig, RestartPolicy, ThrottleDevice

MIB = 1 << 20


def test_only_what_is_named_changes() -> None:
    host = HostConfig(memory=64 * MIB, memory_swap=128 * MIB, cpu_shares=512, binds=["/a:/b"])
    merged = merge_limits(host, ContainerUpdate(memory=96 * MIB, pids_limit=0))
    assert (merged.memory, merged.memory_swap, merged.cpu_shares) == (96 * MIB, 128 * MIB, 512)
    assert (merged.pids_limit, merged.binds) == (0, ["/a:/b"])
    assert host.memory == 64 * MIB


def test_an_empty_list_of_devices_is_named_and_a_missing_one_is_not() -> None:
    host = HostConfig(blkio_device_read_bps=[ThrottleDevice(path="/dev/sda", rate=1)])
    assert merge_limits(host, ContainerUpdate()).blkio_device_read_bps
    assert merge_limits(host, ContainerUpdate(blkio_device_read_bps=[])).blkio_device_read_bps == []


@pytest.mark.parametrize("swap", [-1, 0, 50 * MIB])
def test_memory_above_the_limit_with_swap_needs_both(swap: int) -> None:
    with pytest.raises(ConflictError, match="update the memoryswap at the same time"):
        merge_limits(HostConfig(memory_swap=swap), ContainerUpdate(memory=64 * MIB))
    both = ContainerUpdate(memory=64 * MIB, memory_swap=64 * MIB)
    assert merge_limits(HostConfig(memory_swap=swap), both).memory_swap == 64 * MIB


@pytest.mark.parametrize(
    ("host", "asked", "words"),
    [
        (
            HostConfig(cpu_period=1000),
            ContainerUpdate(nano_cpus=1),
            "Nano CPUs cannot.* as CPU Period",
        ),
        (
            HostConfig(cpu_quota=1000),
            ContainerUpdate(nano_cpus=1),
            "Nano CPUs cannot.* as CPU Quota",
        ),
        (
            HostConfig(nano_cpus=1),
            ContainerUpdate(cpu_period=1000),
            "CPU Period cannot.* as NanoCPUs",
        ),
        (HostConfig(nano_cpus=1), ContainerUpdate(cpu_quota=1000), "CPU Quota cannot be updated as NanoCPUs"),
    ],
)
def test_one_way_of_limiting_cpu_time_excludes_the_other(
    host: HostConfig, asked: ContainerUpdate, words: str
) -> None:
    with pytest.raises(ConflictError, match=words):
        merge_limits(host, asked)


def test_a_policy_is_replaced_but_not_that_of_a_container_that_removes_itself() -> None:
    policy = RestartPolicy(name="on-failure", maximum_retry_count=3)
    assert merge_limits(HostConfig(), ContainerUpdate(restart_policy=policy)).restart_policy == policy
    kept = merge_limits(HostConfig(restart_policy=policy), ContainerUpdate(cpu_shares=2))
    assert kept.restart_policy == policy
    with pytest.raises(ConflictError, match="AutoRemove is enabled"):
        merge_limits(HostConfig(auto_remove=True), ContainerUpdate(restart_policy=policy))
    no = ContainerUpdate(restart_policy=RestartPolicy(name="no"))
    assert merge_limits(HostConfig(auto_remove=True), no).restart_policy.name == "no"

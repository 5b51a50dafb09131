"""``scow update``."""

from scow.api.client.client import object_path
from scow.cli.command import Command, at_least
from scow.cli.exits import CommandError, join_errors
from scow.cli.flags import INT, STRING, UINT16, Flag
from scow.cli.options.container_flags import BYTES, CPUS, SWAP_BYTES
from scow.cli.options.policies import restart_policy
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Changes limits and restart policies, of running containers too."""
    if not flags.changed:
        raise CommandError("you must provide one or more flags when using this command")
    body = update_body(flags)
    errors = []
    warnings: list[str] = []
    for name in flags.arguments:
        try:
            path = object_path("container", name, "update")
            answer = invocation.client.post(path, body=body) or {}
            warnings += answer.get("Warnings") or ()
            invocation.out.line(name)
        except ScowError as exc:
            errors.append(exc)
    invocation.out.write("".join(f"{warning}\n" for warning in warnings))
    join_errors(errors)


def update_body(flags: "Flags") -> "dict[str, Any]":
    """All the limits there are, those that were not given zero or null, which leaves them as they are."""
    policy = restart_policy(flags["restart"]) if flags["restart"] else None
    body: dict[str, Any] = {
        "CpuShares": flags["cpu-shares"],
        "Memory": flags["memory"],
        "NanoCpus": flags["cpus"],
        "CgroupParent": "",
        "BlkioWeight": flags["blkio-weight"],
        "BlkioWeightDevice": None,
        "BlkioDeviceReadBps": None,
        "BlkioDeviceWriteBps": None,
        "BlkioDeviceReadIOps": None,
        "BlkioDeviceWriteIOps": None,
        "CpuPeriod": flags["cpu-period"],
        "CpuQuota": flags["cpu-quota"],
        "CpuRealtimePeriod": flags["cpu-rt-period"],
        "CpuRealtimeRuntime": flags["cpu-rt-runtime"],
        "CpusetCpus": flags["cpuset-cpus"],
        "CpusetMems": flags["cpuset-mems"],
        "Devices": None,
        "DeviceCgroupRules": None,
        "DeviceRequests": None,
        "MemoryReservation": flags["memory-reservation"],
        "MemorySwap": flags["memory-swap"],
        "MemorySwappiness": None,
        "OomKillDisable": None,
        "PidsLimit": flags["pids-limit"] or None,
        "Ulimits": None,
        "CpuCount": 0,
        "CpuPercent": 0,
        "IOMaximumIOps": 0,
        "IOMaximumBandwidth": 0,
        "RestartPolicy": policy or {"Name": "", "MaximumRetryCount": 0},
    }
    if flags["kernel-memory"]:
        body["KernelMemory"] = flags["kernel-memory"]
    return body


COMMAND = Command(
    run,
    "[OPTIONS] CONTAINER [CONTAINER...]",
    "Update configuration of one or more containers",
    flags=(
        Flag(
            "blkio-weight",
            UINT16,
            "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)",
        ),
        Flag("cpu-period", INT, "Limit CPU CFS (Completely Fair Scheduler) period"),
        Flag("cpu-quota", INT, "Limit CPU CFS (Completely Fair Scheduler) quota"),
        Flag("cpu-rt-period", INT, "Limit the CPU real-time period in microseconds", since="1.25"),
        Flag("cpu-rt-runtime", INT, "Limit the CPU real-time runtime in microseconds", since="1.25"),
        Flag("cpuset-cpus", STRING, "CPUs in which to allow execution (0-3, 0,1)"),
        Flag("cpuset-mems", STRING, "MEMs in which to allow execution (0-3, 0,1)"),
        Flag("cpu-shares", INT, "CPU shares (relative weight)", short="c"),
        Flag("memory", BYTES, "Memory limit", short="m"),
        Flag("memory-reservation", BYTES, "Memory soft limit"),
        Flag(
            "memory-swap",
            SWAP_BYTES,
            "Swap limit equal to memory plus swap: -1 to enable unlimited swap",
        ),
        Flag("kernel-memory", BYTES, "Kernel memory limit (deprecated)", hidden=True),
        Flag("restart", STRING, "Restart policy to apply when a container exits"),
        Flag("pids-limit", INT, "Tune container pids limit (set -1 for unlimited)", since="1.40"),
        Flag("cpus", CPUS, "Number of CPUs", since="1.29"),
    ),
    arguments=at_least(1),
    spellings=("container update", "update"),
)

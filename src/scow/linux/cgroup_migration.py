"""The wait at the first move of a process between control groups, taken beside other work.

Writing to ``cgroup.procs`` takes for writing a lock that every fork and exit reads
(cgroup_threadgroup_rwsem, kernel/cgroup/cgroup.c). After some 10 ms without such a write, the next one waits
for an RCU grace period first, asleep: 10 ms, half of a start or an exec. It is as good a wait if somebody
else begins it while the runtime is still being loaded.
"""

import os

from scow.linux.cgroups import CgroupHost


def procs_file_of_self(host: CgroupHost, memberships: str) -> str | None:
    """The ``cgroup.procs`` of a group that this process is in; ``memberships`` is ``/proc/self/cgroup``.

    None if no hierarchy shows it, as from within a cgroup namespace.
    """
    for line in memberships.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            mount = host.mounts.get(controller) if controller else host.unified
            if mount is not None and os.path.isfile(file := f"{mount}{path.rstrip('/')}/cgroup.procs"):
                return file
    return None


def move_self_nowhere(procs_file: str) -> None:
    """Move this process to the group where it is. Sleeps for as long as a real move would. Raises OSError."""
    fd = os.open(procs_file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, b"0")  # 0 is who writes
    finally:
        os.close(fd)

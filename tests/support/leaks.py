"""What a test run left on the machine: looked for once, when all its tests are done.

Things of ours are known by the run's id or folders. A cgroup is a leak when it was not there before and
has no process: running containers of others have processes. What goes away while we look again was on its
way: the kernel is not done with all of it when a process has ended.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

from tests.support.disks import mount_points_below
from tests.support.environment import disk_dir, run_dir, run_id

_CGROUP_ROOT = Path("/sys/fs/cgroup")
_PATIENCE_S = 30.0

_before: set[str] = set()


def begin() -> None:
    """Remember what others left here earlier."""
    _before.update(_empty_cgroups())


def _processes() -> list[str]:
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            line = Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(run_dir()) in line and int(entry) != os.getpid():
            found.append(f"process {entry}: {line.strip()}")
    return found


def _network_namespaces() -> list[str]:
    folder = Path("/run/netns")
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    return [f"network namespace {name}" for name in names if name.startswith(run_id())]


def _mounts() -> list[str]:
    points = mount_points_below(run_dir()) + mount_points_below(disk_dir())
    return [f"mount {point}" for point in points]


def _loop_devices() -> list[str]:
    listed = subprocess.run(["losetup", "-lnO", "NAME,BACK-FILE"], capture_output=True, text=True).stdout
    return [f"loop device {line}" for line in listed.splitlines() if str(disk_dir()) in line]


def _tables() -> list[str]:
    listed = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True).stdout
    return [f"nft {line}" for line in listed.splitlines() if f"scow_test_{run_id()}" in line]


def _empty_cgroups() -> set[str]:
    """Control groups of containers that hold no process. Groups may come and go while we look."""
    empty = set()
    for parent, _, _ in os.walk(_CGROUP_ROOT):
        if os.path.basename(parent) == "scow":
            for group in next(os.walk(parent), ("", [], []))[1]:
                if not _has_process(os.path.join(parent, group)):
                    empty.add(f"cgroup {parent}/{group}")
    return empty


def _has_process(group: str) -> bool:
    for folder, _, _ in os.walk(group):
        try:
            if Path(folder, "cgroup.procs").read_text():
                return True
        except OSError:
            continue
    return False


def _present() -> list[str]:
    cgroups = sorted(_empty_cgroups() - _before)
    return _processes() + _network_namespaces() + _mounts() + _loop_devices() + _tables() + cgroups


def _remaining() -> list[str]:
    """What is there, and still is when its time is up."""
    deadline = time.monotonic() + _PATIENCE_S
    left = _present()
    while left and time.monotonic() < deadline:
        time.sleep(0.2)
        present = set(_present())
        left = [one for one in left if one in present]
    return left


def find() -> list[str]:
    """Everything this run left behind, in words; also removes the run's folders when nothing holds them."""
    if os.geteuid() != 0:
        return []
    found = _remaining()
    if not found:
        for folder in (run_dir(), disk_dir()):
            shutil.rmtree(folder, ignore_errors=True)
    return found

"""Which control group's list a process writes itself to that goes nowhere."""

from pathlib import Path

import pytest

from scow.linux.cgroup_migration import procs_file_of_self
from scow.linux.cgroups import CgroupHost


def make(root: Path, *groups: str) -> None:
    for group in groups:
        (root / group).mkdir(parents=True)
        (root / group / "cgroup.procs").touch()


@pytest.mark.parametrize(
    ("memberships", "found"),
    [
        ("9:name=systemd:/\n8:pids:/a/b\n", "pids/a/b"),
        ("3:cpu,cpuacct:/c\n", "cpu,cpuacct/c"),
        ("8:pids:/../..\n3:cpu,cpuacct:/c\n", "cpu,cpuacct/c"),
        ("8:pids:/gone\n0::/u\n", "unified/u"),
        ("0::/\n", "unified"),
        ("8:pids:/gone\n", None),
        ("", None),
    ],
)
def test_the_first_group_that_can_be_seen_is_taken(
    tmp_path: Path, memberships: str, found: str | None
) -> None:
    make(tmp_path, "pids/a/b", "cpu,cpuacct/c", "unified", "unified/u")
    mounts = {"pids": f"{tmp_path}/pids", "cpu": f"{tmp_path}/cpu,cpuacct"}
    host = CgroupHost(1, mounts, f"{tmp_path}/unified")
    file = procs_file_of_self(host, memberships)
    assert file == (f"{tmp_path}/{found}/cgroup.procs" if found is not None else None)

"""A move to where a process is already, on this host."""

from pathlib import Path

from scow.linux.cgroup_migration import move_self_nowhere, procs_file_of_self
from scow.linux.cgroups import detect

OWN = Path("/proc/self/cgroup")


def test_it_changes_nothing() -> None:
    before = OWN.read_text()
    file = procs_file_of_self(detect(), before)
    assert file is not None
    move_self_nowhere(file)
    assert OWN.read_text() == before

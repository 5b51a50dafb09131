"""mountinfo, as kernels write it."""

import pytest

from scow.linux import mounts

_TEXT = """\
22 27 0:21 / /proc rw,relatime shared:5 - proc proc rw
36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
37 35 98:0 / /with\\040space\\011and\\134 ro shared:7 master:8 propagate_from:2 - ext4 /dev/my\\040disk ro
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
1043 1030 0:4 net:[4026532247] /run/netns/x rw shared:9 - nsfs nsfs rw
"""


def test_every_field_of_a_line_is_read() -> None:
    entry = mounts.parse_mountinfo(_TEXT)[1]
    assert entry == mounts.MountInfo(
        mount_id=36,
        parent_id=35,
        device="98:0",
        root="/mnt1",
        mountpoint="/mnt2",
        options=("rw", "noatime"),
        tags=("master:1",),
        fstype="ext3",
        source="/dev/root",
        super_options=("rw", "errors=continue"),
    )


def test_octal_escapes_are_undone() -> None:
    entry = mounts.parse_mountinfo(_TEXT)[2]
    assert (entry.mountpoint, entry.source) == ("/with space\tand\\", "/dev/my disk")


def test_propagation_follows_the_optional_fields() -> None:
    assert [entry.propagation for entry in mounts.parse_mountinfo(_TEXT)] == [
        "shared",
        "slave",
        "shared",
        "private",
        "shared",
    ]


@pytest.mark.parametrize(
    "line", ["", "garbage", "1 2 3:4 / / rw", "x 2 3:4 / / rw - ext4 a rw", "1 2 3:4 / / rw - ext4"]
)
def test_a_line_of_another_format_is_refused(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - also int()'s own
        mounts.parse_mountinfo(line + "\n")


def test_proc_is_a_mount_point_and_what_is_in_it_is_not() -> None:
    assert mounts.is_mountpoint("/")
    assert mounts.is_mountpoint("/proc")
    assert not mounts.is_mountpoint("/proc/self")
    assert mounts.propagation_of("/proc/self")[0] == "/proc"


def test_a_path_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        mounts.is_mountpoint("/proc/nope")


def test_a_failed_call_says_which_and_on_what() -> None:
    with pytest.raises(OSError, match=r"umount2: .*: '/proc/nope'") as caught:
        mounts.unmount("/proc/nope")
    assert caught.value.filename == "/proc/nope"

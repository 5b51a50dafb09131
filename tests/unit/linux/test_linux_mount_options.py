"""Options of mount(8), taken apart."""

import pytest

from scow.linux import mounts as ms
from scow.linux.mount_options import MountOptions, parse_mount_options


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", MountOptions()),
        ("defaults", MountOptions()),
        ("bind", MountOptions(ms.MS_BIND)),
        ("rbind,ro", MountOptions(ms.MS_BIND | ms.MS_REC | ms.MS_RDONLY)),
        ("ro,rw,nodev", MountOptions(ms.MS_NODEV)),
        ("addr=1.2.3.4,rw,vers=4", MountOptions(0, 0, "addr=1.2.3.4,vers=4")),
        ("rshared,bind", MountOptions(ms.MS_BIND, ms.MS_SHARED | ms.MS_REC)),
        ("size=1m,,noexec", MountOptions(ms.MS_NOEXEC, 0, "size=1m")),
    ],
)
def test_what_is_for_whom(text: str, expected: MountOptions) -> None:
    assert parse_mount_options(text) == expected

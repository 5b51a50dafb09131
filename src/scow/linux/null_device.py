"""A /dev/null to give away: whoever holds it can read it, and not even root can change the device by it."""

import os

from scow.linux import syscalls

NULL_DEVICE_KERNEL = (5, 12)
"""The first version that can do it."""


def open_read_only_null() -> int:
    """A descriptor of ``/dev/null`` on a mount of its own that is read-only and in no namespace.

    crun before 1.2x gives the standard streams of an exec to the process's user with fchown(2): on an
    ordinary descriptor that is the host's device. On this one it is EROFS, which crun ignores.

    Needs CAP_SYS_ADMIN and Linux 5.12. Raises ``OSError``.
    """
    tree = syscalls.open_tree("/dev/null")
    try:
        syscalls.mount_setattr(tree, syscalls.MOUNT_ATTR_RDONLY)
        return os.open(f"/proc/self/fd/{tree}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(tree)

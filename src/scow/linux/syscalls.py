"""System calls that Python 3.11 has no function for.

Each function is one call with its C arguments, releases the interpreter lock while the kernel works,
and raises ``OSError`` with errno, the call's name and the path it was about. Nothing here decides. Light:
scow-reaper imports this.
"""

from __future__ import annotations

import os
import struct

from scow.linux.c_library import Long, LongLong, address_of, call, check, pointer_to

TYPE_CHECKING = False  # `typing` would cost scow-reaper 1.8 MB
if TYPE_CHECKING:
    from collections.abc import Sequence

    from scow.linux.c_library import Argument

AT_FDCWD = -100

# clone(2)
CLONE_FS = 0x00000200
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

# prctl(2)
PR_SET_PDEATHSIG = 1
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_GET_CHILD_SUBREAPER = 37
PR_SET_NO_NEW_PRIVS = 38

# capset(2)
_LINUX_CAPABILITY_VERSION_3 = 0x20080522

# openat2(2)
RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10

# open_tree(2), mount_setattr(2)
AT_EMPTY_PATH = 0x1000
OPEN_TREE_CLONE = 1
MOUNT_ATTR_RDONLY = 0x01

# fsopen(2), fsconfig(2), fsmount(2)
_FSOPEN_CLOEXEC = 1
_FSCONFIG_CMD_CREATE = 6
_FSMOUNT_CLOEXEC = 1

# sync_file_range(2)
SYNC_FILE_RANGE_WRITE = 2

# rename(2)
RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2

# Numbers from 424 on are the same on every architecture that Linux has (alpha apart).
_SYS_OPEN_TREE = 428
_SYS_FSOPEN = 430
_SYS_FSCONFIG = 431
_SYS_FSMOUNT = 432
_SYS_OPENAT2 = 437
_SYS_MOUNT_SETATTR = 442
_SYS_QUOTACTL_FD = 443

# socket(7)
_SOL_SOCKET = 1
_SO_ATTACH_FILTER = 26


def mount(source: str, target: str, fstype: str | None, flags: int, data: str | None) -> None:
    """mount(2). ``data`` is limited to one page, its final NUL included."""
    result = call(
        "mount",
        os.fsencode(source),
        os.fsencode(target),
        None if fstype is None else os.fsencode(fstype),
        Long(flags),
        None if data is None else os.fsencode(data),
    )
    check(result, "mount", target)


def umount2(target: str, flags: int) -> None:
    """umount2(2)."""
    check(call("umount2", os.fsencode(target), flags), "umount2", target)


def pivot_root(new_root: str, put_old: str) -> None:
    """pivot_root(2): for all of the calling thread's mount namespace. ``"."`` twice stacks the old root."""
    result = call("pivot_root", os.fsencode(new_root), os.fsencode(put_old))
    check(result, "pivot_root", new_root)


def unshare(flags: int) -> None:
    """unshare(2): of the calling thread only, for the namespaces that the kernel allows that for."""
    check(call("unshare", flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """setns(2): the calling thread joins the namespace of ``fd``, which must be a ``kind`` (CLONE_NEW…)."""
    check(call("setns", fd, kind), "setns")


def prctl(option: int, argument: int = 0) -> int:
    """prctl(2), for options with one plain argument."""
    return check(call("prctl", option, Long(argument), Long(0), Long(0), Long(0)), "prctl")


def capset(mask: int) -> None:
    """capset(2): ``mask`` becomes the calling thread's effective and permitted set, nothing inheritable."""
    header = bytearray(struct.pack("Ii", _LINUX_CAPABILITY_VERSION_3, 0))
    low, high = mask & 0xFFFFFFFF, mask >> 32
    data = struct.pack("6I", low, low, 0, high, high, 0)
    check(call("capset", pointer_to(header), data), "capset")


def openat2(dir_fd: int, path: str, flags: int, mode: int, resolve: int) -> int:
    """openat2(2), Linux 5.6 and later; the new descriptor is close-on-exec, as all of Python's are."""
    how = struct.pack("QQQ", flags | os.O_CLOEXEC, mode, resolve)  # struct open_how
    name = os.fsencode(path)
    return check(_system_call(_SYS_OPENAT2, dir_fd, name, how, Long(len(how))), "openat2", path)


def open_tree(path: str) -> int:
    """open_tree(2), Linux 5.2 and later: a copy of the mount at ``path``, attached nowhere."""
    flags = OPEN_TREE_CLONE | os.O_CLOEXEC
    return check(_system_call(_SYS_OPEN_TREE, AT_FDCWD, os.fsencode(path), flags), "open_tree", path)


def detached_mount(fstype: str) -> int:
    """fsopen(2), fsconfig(2) and fsmount(2), Linux 5.2 and later: a file system, mounted but nowhere."""
    context = check(_system_call(_SYS_FSOPEN, os.fsencode(fstype), _FSOPEN_CLOEXEC), "fsopen", fstype)
    try:
        result = _system_call(_SYS_FSCONFIG, context, _FSCONFIG_CMD_CREATE, None, None, 0)
        check(result, "fsconfig", fstype)
        return check(_system_call(_SYS_FSMOUNT, context, _FSMOUNT_CLOEXEC, 0), "fsmount", fstype)
    finally:
        os.close(context)


def mount_setattr(fd: int, attributes: int) -> None:
    """mount_setattr(2), Linux 5.12 and later: set ``attributes`` (MOUNT_ATTR_…) on the mount of ``fd``."""
    attr = struct.pack("QQQQ", attributes, 0, 0, 0)  # struct mount_attr
    result = _system_call(_SYS_MOUNT_SETATTR, fd, b"", AT_EMPTY_PATH, attr, Long(len(attr)))
    check(result, "mount_setattr")


def renameat2(old_dir_fd: int, old: str, new_dir_fd: int, new: str, flags: int) -> None:
    """renameat2(2): ``RENAME_NOREPLACE`` or ``RENAME_EXCHANGE``; EINVAL where the file system cannot."""
    result = call("renameat2", old_dir_fd, os.fsencode(old), new_dir_fd, os.fsencode(new), flags)
    check(result, "renameat2", old, new)


def quotactl_fd(fd: int, command: int, number: int, data: bytearray) -> None:
    """quotactl_fd(2), Linux 5.14 and later: on the file system of ``fd``; the answer is in ``data``."""
    check(_system_call(_SYS_QUOTACTL_FD, fd, command, number, pointer_to(data)), "quotactl_fd")


def sync_file_system(folder: str) -> None:
    """syncfs(2): everything written to the file system that ``folder`` is on reaches the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        check(call("syncfs", fd), "syncfs")
    finally:
        os.close(fd)


def start_writing_back(fd: int, offset: int, size: int) -> None:
    """sync_file_range(2) with SYNC_FILE_RANGE_WRITE: these pages go to the disk from now on, nobody waits."""
    result = call("sync_file_range", fd, LongLong(offset), LongLong(size), SYNC_FILE_RANGE_WRITE)
    check(result, "sync_file_range")


def inotify_init1(flags: int) -> int:
    """inotify_init1(2)."""
    return check(call("inotify_init1", flags), "inotify_init1")


def inotify_add_watch(fd: int, path: str, mask: int) -> int:
    """inotify_add_watch(2); returns the watch descriptor."""
    return check(call("inotify_add_watch", fd, os.fsencode(path), mask), "inotify_add_watch", path)


def inotify_rm_watch(fd: int, watch: int) -> None:
    """inotify_rm_watch(2)."""
    check(call("inotify_rm_watch", fd, watch), "inotify_rm_watch")


FilterInstruction = tuple[int, int, int, int]
"""Of classic BPF: code, two jump offsets, operand."""


def attach_filter(fd: int, program: Sequence[FilterInstruction]) -> None:
    """setsockopt(2) with SO_ATTACH_FILTER: what ``program`` returns 0 for never reaches the socket."""
    instructions = pointer_to(bytearray().join(struct.pack("=HBBI", *instruction) for instruction in program))
    option = struct.pack("HP", len(program), address_of(instructions))  # struct sock_fprog
    result = call("setsockopt", fd, _SOL_SOCKET, _SO_ATTACH_FILTER, option, len(option))
    check(result, "setsockopt SO_ATTACH_FILTER")


def _system_call(number: int, *arguments: Argument) -> int:
    return call("syscall", Long(number), *arguments)

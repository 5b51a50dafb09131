"""System calls that Python 3.11 has no function for: the only ctypes of scow.

Each function is one call with its C arguments, releases the interpreter lock while the kernel works,
and raises ``OSError`` with errno, the call's name and the path it was about. Nothing here decides.
"""

import ctypes
import os
import struct
from collections.abc import Sequence

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

# sync_file_range(2)
SYNC_FILE_RANGE_WRITE = 2

# rename(2)
RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2

# Numbers from 424 on are the same on every architecture that Linux has (alpha apart).
_SYS_OPEN_TREE = 428
_SYS_OPENAT2 = 437
_SYS_MOUNT_SETATTR = 442
_SYS_QUOTACTL_FD = 443

# socket(7)
_SOL_SOCKET = 1
_SO_ATTACH_FILTER = 26

_libc = ctypes.CDLL(None, use_errno=True)
_int, _uint, _ulong = ctypes.c_int, ctypes.c_uint, ctypes.c_ulong
_text = ctypes.c_char_p

_libc.mount.argtypes = (_text, _text, _text, _ulong, _text)
_libc.umount2.argtypes = (_text, _int)
_libc.pivot_root.argtypes = (_text, _text)
_libc.unshare.argtypes = (_int,)
_libc.setns.argtypes = (_int, _int)
_libc.prctl.argtypes = (_int, _ulong, _ulong, _ulong, _ulong)
_libc.renameat2.argtypes = (_int, _text, _int, _text, _uint)
_libc.syncfs.argtypes = (_int,)
_libc.sync_file_range.argtypes = (_int, ctypes.c_int64, ctypes.c_int64, _uint)
_libc.setsockopt.argtypes = (_int, _int, _int, ctypes.c_void_p, _uint)
_libc.inotify_init1.argtypes = (_int,)
_libc.inotify_add_watch.argtypes = (_int, _text, ctypes.c_uint32)
_libc.inotify_rm_watch.argtypes = (_int, _int)
_libc.syscall.restype = ctypes.c_long


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def mount(source: str, target: str, fstype: str | None, flags: int, data: str | None) -> None:
    """mount(2). ``data`` is limited to one page, its final NUL included."""
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        None if fstype is None else os.fsencode(fstype),
        flags,
        None if data is None else os.fsencode(data),
    )
    _check(result, "mount", target)


def umount2(target: str, flags: int) -> None:
    """umount2(2)."""
    _check(_libc.umount2(os.fsencode(target), flags), "umount2", target)


def pivot_root(new_root: str, put_old: str) -> None:
    """pivot_root(2): for all of the calling thread's mount namespace. ``"."`` twice stacks the old root."""
    _check(_libc.pivot_root(os.fsencode(new_root), os.fsencode(put_old)), "pivot_root", new_root)


def unshare(flags: int) -> None:
    """unshare(2): of the calling thread only, for the namespaces that the kernel allows that for."""
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """setns(2): the calling thread joins the namespace of ``fd``, which must be a ``kind`` (CLONE_NEW…)."""
    _check(_libc.setns(fd, kind), "setns")


def prctl(option: int, argument: int = 0) -> int:
    """prctl(2), for options with one plain argument."""
    return _check(_libc.prctl(option, argument, 0, 0, 0), "prctl")


def capset(mask: int) -> None:
    """capset(2): ``mask`` becomes the calling thread's effective and permitted set, nothing inheritable."""
    header = (ctypes.c_uint32 * 2)(_LINUX_CAPABILITY_VERSION_3, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    data = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    _check(_libc.capset(header, data), "capset")


def openat2(dir_fd: int, path: str, flags: int, mode: int, resolve: int) -> int:
    """openat2(2), Linux 5.6 and later; the new descriptor is close-on-exec, as all of Python's are."""
    how = _OpenHow(flags | os.O_CLOEXEC, mode, resolve)
    name = ctypes.c_char_p(os.fsencode(path))
    result = _libc.syscall(
        ctypes.c_long(_SYS_OPENAT2),
        _int(dir_fd),
        name,
        ctypes.byref(how),
        ctypes.c_size_t(ctypes.sizeof(how)),
    )
    return _check(result, "openat2", path)


def open_tree(path: str) -> int:
    """open_tree(2), Linux 5.2 and later: a copy of the mount at ``path``, attached nowhere."""
    flags = OPEN_TREE_CLONE | os.O_CLOEXEC
    name = ctypes.c_char_p(os.fsencode(path))
    result = _libc.syscall(ctypes.c_long(_SYS_OPEN_TREE), _int(AT_FDCWD), name, _uint(flags))
    return _check(result, "open_tree", path)


def mount_setattr(fd: int, attributes: int) -> None:
    """mount_setattr(2), Linux 5.12 and later: set ``attributes`` (MOUNT_ATTR_…) on the mount of ``fd``."""
    attr = _MountAttr(attributes)
    result = _libc.syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        _int(fd),
        ctypes.c_char_p(b""),
        _uint(AT_EMPTY_PATH),
        ctypes.byref(attr),
        ctypes.c_size_t(ctypes.sizeof(attr)),
    )
    _check(result, "mount_setattr")


def renameat2(old_dir_fd: int, old: str, new_dir_fd: int, new: str, flags: int) -> None:
    """renameat2(2): ``RENAME_NOREPLACE`` or ``RENAME_EXCHANGE``; EINVAL where the file system cannot."""
    result = _libc.renameat2(old_dir_fd, os.fsencode(old), new_dir_fd, os.fsencode(new), flags)
    _check(result, "renameat2", old, new)


def quotactl_fd(fd: int, command: int, number: int, data: bytearray) -> None:
    """quotactl_fd(2), Linux 5.14 and later: on the file system of ``fd``; the answer is in ``data``."""
    address = (ctypes.c_char * len(data)).from_buffer(data)
    result = _libc.syscall(
        ctypes.c_long(_SYS_QUOTACTL_FD), _int(fd), _uint(command), _int(number), ctypes.byref(address)
    )
    _check(result, "quotactl_fd")


def sync_file_system(folder: str) -> None:
    """syncfs(2): everything written to the file system that ``folder`` is on reaches the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _check(_libc.syncfs(fd), "syncfs")
    finally:
        os.close(fd)


def start_writing_back(fd: int, offset: int, size: int) -> None:
    """sync_file_range(2) with SYNC_FILE_RANGE_WRITE: these pages go to the disk from now on, nobody waits."""
    _check(_libc.sync_file_range(fd, offset, size, SYNC_FILE_RANGE_WRITE), "sync_file_range")


def inotify_init1(flags: int) -> int:
    """inotify_init1(2)."""
    return _check(_libc.inotify_init1(flags), "inotify_init1")


def inotify_add_watch(fd: int, path: str, mask: int) -> int:
    """inotify_add_watch(2); returns the watch descriptor."""
    return _check(_libc.inotify_add_watch(fd, os.fsencode(path), mask), "inotify_add_watch", path)


def inotify_rm_watch(fd: int, watch: int) -> None:
    """inotify_rm_watch(2)."""
    _check(_libc.inotify_rm_watch(fd, watch), "inotify_rm_watch")


FilterInstruction = tuple[int, int, int, int]
"""Of classic BPF: code, two jump offsets, operand."""


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def attach_filter(fd: int, program: Sequence[FilterInstruction]) -> None:
    """setsockopt(2) with SO_ATTACH_FILTER: what ``program`` returns 0 for never reaches the socket."""
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    instructions = ctypes.create_string_buffer(packed, len(packed))
    option = _FilterProgram(len(program), ctypes.addressof(instructions))
    size = ctypes.sizeof(option)
    result = _libc.setsockopt(fd, _SOL_SOCKET, _SO_ATTACH_FILTER, ctypes.byref(option), size)
    _check(result, "setsockopt SO_ATTACH_FILTER")


def _check(result: int, call: str, path: str | None = None, path2: str | None = None) -> int:
    if result >= 0:
        return result
    errno = ctypes.get_errno()
    message = f"{call}: {os.strerror(errno)}"
    if path2 is not None:
        raise OSError(errno, message, path, None, path2)
    if path is not None:
        raise OSError(errno, message, path)
    raise OSError(errno, message)

"""Mounting, and reading what is mounted (mount(2), proc_pid_mountinfo(5))."""

import errno
import os
import re
from dataclasses import dataclass
from typing import Literal

from scow.linux import syscalls

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_SYNCHRONOUS = 16
MS_REMOUNT = 32
MS_MANDLOCK = 64
MS_DIRSYNC = 128
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MS_RELATIME = 1 << 21
MS_STRICTATIME = 1 << 24

_MNT_DETACH = 2
_UMOUNT_NOFOLLOW = 8

Propagation = Literal["shared", "slave", "private"]
_PROPAGATION_TAGS: tuple[tuple[Propagation, str], ...] = (("shared", "shared:"), ("slave", "master:"))


@dataclass(frozen=True, slots=True)
class MountInfo:
    """One line of mountinfo. ``root`` is the part of the file system that shows at ``mountpoint``."""

    mount_id: int
    parent_id: int
    device: str
    root: str
    mountpoint: str
    options: tuple[str, ...]
    tags: tuple[str, ...]
    fstype: str
    source: str
    super_options: tuple[str, ...]

    @property
    def propagation(self) -> Propagation:
        """What happens to mounts made below; "shared" also for a shared mount that is somebody's slave."""
        for kind, tag in _PROPAGATION_TAGS:
            if any(field.startswith(tag) for field in self.tags):
                return kind
        return "private"


def mount(
    source: str, target: str, *, fstype: str | None = None, flags: int = 0, data: str | None = None
) -> None:
    """Mount ``source`` on ``target``; ``data`` is the file system's option string, under one page long."""
    syscalls.mount(source, target, fstype, flags, data)


def unmount(path: str, *, lazy: bool = False) -> None:
    """Unmount what is on top at ``path``, never through a symlink.

    ``lazy`` takes it out of sight now and frees it with its last user. EINVAL: not a mount point.
    """
    syscalls.umount2(path, _UMOUNT_NOFOLLOW | (_MNT_DETACH if lazy else 0))


def parse_mountinfo(text: str) -> list[MountInfo]:
    """Parse the text of a mountinfo file. Raises ``ValueError`` for a line that is not of that format."""
    return [_parse_line(line) for line in text.splitlines()]


def mountinfo() -> list[MountInfo]:
    """The mounts of this thread's mount namespace, in the order they were made."""
    # Names are bytes to the kernel: what is not UTF-8 must come back out as the same bytes.
    with open("/proc/thread-self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return parse_mountinfo(file.read())


def is_mountpoint(path: str) -> bool:
    """Whether something is mounted exactly at ``path``: bind mounts and mounts on files count too.

    Costs the same however many mounts there are. Raises ``OSError`` if ``path`` does not exist.
    """
    path = os.path.abspath(path)
    if path == "/":
        return True
    return _mount_id(path) != _mount_id(os.path.dirname(path))


def has_mounts_below(path: str) -> bool:
    """Whether something is mounted at directory ``path`` or anywhere below it; also if it does not exist."""
    path = os.path.abspath(path)
    return any(entry.mountpoint == path or entry.mountpoint.startswith(f"{path}/") for entry in mountinfo())


def mount_of(path: str) -> MountInfo:
    """The mount that ``path`` lives on. By its id: on btrfs device numbers tell subvolumes apart instead."""
    wanted = _mount_id(os.path.realpath(path))
    for entry in mountinfo():
        if entry.mount_id == wanted:
            return entry
    raise FileNotFoundError(errno.ENOENT, "no mount holds this path", path)


def propagation_of(path: str) -> tuple[str, Propagation]:
    """The mount point that ``path`` lives under, and that mount's propagation."""
    entry = mount_of(path)
    return entry.mountpoint, entry.propagation


def _mount_id(path: str) -> int:
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with open(f"/proc/thread-self/fdinfo/{fd}", encoding="ascii") as file:
            for line in file:
                key, _, value = line.partition(":")
                if key == "mnt_id":
                    return int(value)
    finally:
        os.close(fd)
    raise OSError(errno.EOPNOTSUPP, "the kernel gives no mnt_id in fdinfo", path)  # before Linux 3.15


def _parse_line(line: str) -> MountInfo:
    # Optional fields of unknown number end with a lone dash, and no earlier field can be one.
    head, separator, tail = line.partition(" - ")
    fields = head.split(" ")
    rest = tail.split(" ")
    if not separator or len(fields) < 6 or len(rest) < 3:
        raise ValueError(f"not a mountinfo line: {line!r}")
    return MountInfo(
        mount_id=int(fields[0]),
        parent_id=int(fields[1]),
        device=fields[2],
        root=_unescape(fields[3]),
        mountpoint=_unescape(fields[4]),
        options=tuple(fields[5].split(",")),
        tags=tuple(fields[6:]),
        fstype=_unescape(rest[0]),
        source=_unescape(rest[1]),
        super_options=tuple(_unescape(rest[2]).split(",")),
    )


def _unescape(field: str) -> str:
    """Undo the kernel's octal escapes: ``\\040`` for space, and so for tab, newline, backslash and hash."""
    if "\\" not in field:
        return field
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)

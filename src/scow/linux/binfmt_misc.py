"""The kernel's interpreters for programs that it does not know (Documentation/admin-guide/binfmt-misc.rst).

A registration says by which first bytes such programs are known and which interpreter runs them. They are of
a whole user namespace; where its file system is mounted they are files. They go with its last mount (Linux
6.7 and later).
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from scow.linux import syscalls
from scow.linux.mounts import MS_NODEV, MS_NOEXEC, MS_NOSUID, mount

PLACE = Path("/proc/sys/fs/binfmt_misc")
FIXED = "F"
"""The flag by which the interpreter is opened when it is registered: containers need no copy of it."""
_FILE_SYSTEM = "binfmt_misc"
_STATUS, _REGISTER = "status", "register"
_SWITCHED_OFF = "disabled"
_REMOVE, _ENABLE = "-1", "1"


@dataclass(frozen=True, slots=True)
class Registration:
    """``magic`` is compared with first bytes where ``mask`` has ones; empty: programs are known by a name."""

    name: str
    enabled: bool
    interpreter: str
    flags: str
    magic: bytes
    mask: bytes


def is_mounted(folder: Path = PLACE) -> bool:
    """Whether the file system is there. Asking mounts it where systemd does that on demand."""
    return (folder / _STATUS).exists()


def mount_here(folder: Path = PLACE) -> None:
    """Mount it unless it is there. Raises OSError: ENODEV of a kernel without it, EPERM in a container."""
    if not is_mounted(folder):
        flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
        mount(_FILE_SYSTEM, str(folder), fstype=_FILE_SYSTEM, flags=flags)


def is_switched_off(folder: Path = PLACE) -> bool:
    """Whether the kernel uses none of its registrations. Raises OSError."""
    return (folder / _STATUS).read_text().strip() == _SWITCHED_OFF


def read_registrations(folder: Path = PLACE) -> list[Registration]:
    """All of them by name, none where the file system is not mounted; what is not understood is left out."""
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    found = [_read(folder / name) for name in names if name not in (_STATUS, _REGISTER)]
    return [it for it in found if it is not None]


def register(line: str, folder: Path = PLACE) -> None:
    """``:name:M:offset:magic:mask:interpreter:flags``. Raises OSError: EEXIST, ENOENT (no interpreter), …"""
    _write(folder / _REGISTER, line)


def remove(name: str, folder: Path = PLACE) -> None:
    """Programs that run go on. Raises OSError."""
    _write(folder / name, _REMOVE)


def enable(name: str, folder: Path = PLACE) -> None:
    """Use a registration again that was switched off. Raises OSError."""
    _write(folder / name, _ENABLE)


class HeldRegistrations:
    """Keeps what privileged containers register while this process lives, where the machine does not.

    Programs that register mount the file system for as long as they take. If that is the only mount of it,
    their registrations would go with it, before anybody could use them.
    """

    def __init__(self, place: Path = PLACE) -> None:
        self.place = place
        self._fd = -1
        self._lock = Lock()

    def hold(self) -> None:
        """Nothing is done where the machine has it mounted, or cannot have it."""
        with self._lock, suppress(OSError):
            if self._fd < 0 and not is_mounted(self.place):
                self._fd = syscalls.detached_mount(_FILE_SYSTEM)

    @property
    def folder(self) -> Path:
        """Where registrations are to be read."""
        if self._fd < 0 or is_mounted(self.place):
            return self.place
        return Path(f"/proc/self/fd/{self._fd}")


def _write(path: Path, text: str) -> None:
    """In one write: the kernel takes each for a whole command."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _read(path: Path) -> Registration | None:
    """Lines are ``enabled`` or ``disabled``, ``interpreter …``, ``flags: …``, ``magic <hex>`` and others."""
    try:
        lines = path.read_text(errors="replace").splitlines()
        fields = dict(line.partition(" ")[::2] for line in lines)
        magic = bytes.fromhex(fields.get("magic", ""))
        mask = bytes.fromhex(fields.get("mask", ""))
    except (OSError, ValueError):
        return None
    enabled, interpreter = "enabled" in fields, fields.get("interpreter", "")
    return Registration(path.name, enabled, interpreter, fields.get("flags:", ""), magic, mask)

"""Control groups as an OCI runtime lays them out: found, listed, frozen, killed, removed (cgroups(7)).

Limits are the runtime's to write. A container's path is the same below every mount point:

    version 1   <mount point of each controller><path>; and <unified mount point><path> on a hybrid host
    version 2   /sys/fs/cgroup<path>

A hybrid host (version 1 controllers, version 2 mounted beside them) counts as version 1, as it does for runc.
All calls are short file operations on the calling thread; ``freeze`` and ``remove`` may wait up to a second.
"""

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scow.linux.mounts import parse_mountinfo

_SYS_FS_CGROUP = "/sys/fs/cgroup"
# What runc waits for: a freezer that does not settle, a group whose last process is not yet reaped.
_SETTLE_S = 1.0
_SETTLE_STEP_S = 0.002
# A group may gain processes while we kill those of the last list.
_KILL_ROUNDS = 16
# Which hierarchy to list processes from: any would do, these are the ones no kernel lacks.
_LISTING_ORDER = ("pids", "memory", "cpu", "devices", "freezer")
# Options of a version 1 mount that are not controllers (cgroup-v1.c, cgroup1_show_options).
_MOUNT_OPTIONS = frozenset(
    ("rw", "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode", "favordynmods")
)


@dataclass(frozen=True, slots=True)
class CgroupHost:
    """What is mounted on this host. ``mounts``: version 1 controller (or "name=systemd") → mount point."""

    version: int
    mounts: dict[str, str] = field(default_factory=dict)
    unified: str | None = None

    def directories(self, path: str) -> dict[str, str]:
        """Each controller's directory of the group ``path``; version 2 is under the key ""."""
        found = {name: mount + path for name, mount in self.mounts.items()}
        if self.unified is not None:
            found[""] = self.unified + path
        return found


def detect(root: str = "") -> CgroupHost:
    """Look at what is mounted. ``root`` is put before every path (a recorded host, in tests).

    ENODEV: no cgroup file system is mounted.
    """
    text = Path(f"{root}/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    mounts: dict[str, str] = {}
    unified: str | None = None
    pure = False
    for entry in parse_mountinfo(text):
        if entry.mountpoint == _SYS_FS_CGROUP:
            pure = entry.fstype == "cgroup2"
        if entry.fstype == "cgroup2":
            unified = unified or root + entry.mountpoint
        elif entry.fstype == "cgroup":
            for name in filter(_is_controller, entry.super_options):
                mounts.setdefault(name, root + entry.mountpoint)
    if pure:
        return CgroupHost(2, {}, root + _SYS_FS_CGROUP)
    if not mounts:
        raise OSError(errno.ENODEV, "no cgroup file system is mounted", root + _SYS_FS_CGROUP)
    return CgroupHost(1, mounts, unified)


class Cgroup:
    """The control group of one container in every hierarchy of ``host``. Making one touches nothing."""

    def __init__(self, host: CgroupHost, path: str) -> None:
        """``path`` is absolute, as in the OCI document. ``ValueError``: not absolute, or the root group."""
        if not path.startswith("/") or os.path.normpath(path).strip("/") == "" or ".." in path.split("/"):
            raise ValueError(f"not the path of a control group below the root: {path!r}")
        self.host = host
        self.path = os.path.normpath("/" + path.lstrip("/"))
        self.directories = host.directories(self.path)

    def directory(self, controller: str) -> str | None:
        """Where ``controller`` has this group; on version 2 one directory has them all."""
        return self.directories.get("" if self.host.version == 2 else controller)

    def exists(self) -> bool:
        """Whether any hierarchy has this group."""
        return any(os.path.isdir(directory) for directory in self.directories.values())

    def processes(self) -> list[int]:
        """The pids in this group and all groups below, zombies included; empty if there is no group."""
        top = self._listing_directory()
        return [] if top is None else [pid for place in _walk(top) for pid in _pids_of(place)]

    def oom_kill_count(self) -> int:
        """How often the kernel killed a process here for its memory limit; 0 if there is no group."""
        directory = self.directory("memory")
        if directory is None:
            return 0
        text = _read_optional(
            directory + ("/memory.events" if self.host.version == 2 else "/memory.oom_control")
        )
        for line in text.splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
        return 0

    def freeze(self) -> None:
        """Stop every process until ``thaw``; returns when all are stopped. ETIMEDOUT after a second."""
        self._set_frozen(True)

    def thaw(self) -> None:
        """Let the processes run again; not an error if they do."""
        self._set_frozen(False)

    def is_frozen(self) -> bool:
        """Whether all processes are stopped by ``freeze`` (or by the runtime's pause)."""
        directory = self.directory("freezer")
        if directory is None:
            return False
        if self.host.version == 2:
            return "frozen 1" in _read_optional(f"{directory}/cgroup.events").splitlines()
        return _read_optional(f"{directory}/freezer.state").strip() == "FROZEN"

    def kill_all(self) -> None:
        """Send SIGKILL to every process, frozen ones included, without waiting for them to be gone."""
        if self.host.version == 2 and os.path.exists(kill := f"{self.directories['']}/cgroup.kill"):
            _write(kill, "1")  # Linux 5.14
            return
        self._kill_one_by_one()
        if self.is_frozen():  # a version 1 freezer holds back even SIGKILL
            self.thaw()

    def remove(self) -> None:
        """Remove the group, with empty groups below, from every hierarchy; not an error if it is not there.

        EBUSY: a process is still in it, a second after the first try.
        """
        for top in set(self.directories.values()):
            for place in reversed(list(_walk(top))):
                _remove_directory(place)

    def _listing_directory(self) -> str | None:
        for controller in ("", *_LISTING_ORDER) if self.host.version == 2 else (*_LISTING_ORDER, ""):
            directory = self.directories.get(controller)
            if directory is not None and os.path.isdir(directory):
                return directory
        return next((place for place in self.directories.values() if os.path.isdir(place)), None)

    def _set_frozen(self, frozen: bool) -> None:
        directory = self.directory("freezer")
        if directory is None:
            raise OSError(errno.EOPNOTSUPP, "this host has no freezer", self.path)
        if self.host.version == 2:
            _write(f"{directory}/cgroup.freeze", "1" if frozen else "0")
            settled = _wait(lambda: self.is_frozen() == frozen)
        else:
            # The version 1 freezer can stick at FREEZING beside a fork; as runc, write again.
            settled = _wait(lambda: self._write_freezer_state(directory, frozen))
        if frozen and not settled:
            raise TimeoutError(errno.ETIMEDOUT, "processes did not freeze", directory)

    def _write_freezer_state(self, directory: str, frozen: bool) -> bool:
        _write(f"{directory}/freezer.state", "FROZEN" if frozen else "THAWED")
        return self.is_frozen() == frozen

    def _kill_one_by_one(self) -> None:
        """Kill what is listed until nothing new turns up; stopped first, where that works, so nothing can."""
        try:
            self.freeze()
        except OSError:
            pass  # no freezer, no group, or a process in uninterruptible sleep: the rounds below do it
        seen: set[int] = set()
        for _ in range(_KILL_ROUNDS):
            fresh = set(self.processes()) - seen
            if not fresh:
                return
            for pid in fresh:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            seen |= fresh


def _is_controller(option: str) -> bool:
    """Tell "memory" and "name=systemd" from the other mount options ("rw", "release_agent=/x", …)."""
    return option.startswith("name=") or (option not in _MOUNT_OPTIONS and "=" not in option)


def _walk(top: str) -> Iterator[str]:
    """``top`` and every directory below, parents first; nothing if it is not there.

    Not by recursion: a container that may make groups nests them as deep as it likes.
    """
    ahead = [top]
    while ahead:
        place = ahead.pop()
        try:
            with os.scandir(place) as entries:
                ahead += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            continue
        yield place


def _pids_of(directory: str) -> list[int]:
    try:
        return [int(line) for line in _read_optional(f"{directory}/cgroup.procs").split()]
    except OSError as exc:
        if exc.errno == errno.EOPNOTSUPP:  # a threaded group: its processes show in the group above
            return []
        raise


def _read_optional(path: str) -> str:
    """The text of a cgroup file; "" if the file or its group is not (or no longer) there."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as exc:
        if exc.errno in (errno.ENOENT, errno.ENODEV, errno.ENOTDIR):
            return ""
        raise


def _write(path: str, value: str) -> None:
    """One write(2), as control files want it; never makes a file."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)


def _wait(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _SETTLE_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_SETTLE_STEP_S)
    return True


def _remove_directory(directory: str) -> None:
    def gone() -> bool:
        try:
            os.rmdir(directory)
        except FileNotFoundError:
            pass
        except OSError as exc:
            if exc.errno != errno.EBUSY:
                raise
            return False
        return True

    if not _wait(gone):
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), directory)

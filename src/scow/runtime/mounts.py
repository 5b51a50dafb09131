"""The mounts of a container, in the order the runtime makes them.

First Docker's own (/proc, /dev, /sys, …) but for those a user's mount replaces, then the init program, then
the user's by the depth of their destination, so that none covers another that is mounted below it.
"""

import os
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from scow.errors import ScowError
from scow.spec.engine_api.container import TmpfsOptions
from scow.spec.oci_runtime import Mount

INIT_PATH = "/sbin/docker-init"
"""Where ``--init`` shows its program inside; Docker's name, which tools look for."""

PROPAGATIONS = frozenset({"private", "rprivate", "shared", "rshared", "slave", "rslave"})

_TMPFS_BASE = ("noexec", "nosuid", "nodev", "rprivate")
_TMPFS_KEYS = frozenset({"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"})
# Words that contradict each other: of one group, the last wins.
_FLAG_GROUPS = (
    ("ro", "rw"),
    ("suid", "nosuid"),
    ("dev", "nodev"),
    ("exec", "noexec"),
    ("sync", "async"),
    ("dirsync",),
    ("remount",),
    ("mand", "nomand"),
    ("atime", "noatime"),
    ("diratime", "nodiratime"),
    ("relatime", "norelatime"),
    ("strictatime", "nostrictatime"),
    ("bind", "rbind", "unbindable", "runbindable", *sorted(PROPAGATIONS)),
)
_FLAGS = {word: group for group, words in enumerate(_FLAG_GROUPS) for word in words}


_HOST_FLAGS = {
    "ro": os.ST_RDONLY,
    "nosuid": os.ST_NOSUID,
    "nodev": os.ST_NODEV,
    "noexec": os.ST_NOEXEC,
    "noatime": os.ST_NOATIME,
    "nodiratime": os.ST_NODIRATIME,
}


@dataclass(frozen=True, slots=True)
class MountSpec:
    """One mount as the runtime takes it; make it with ``bind_mount`` or ``tmpfs_mount``."""

    type: str
    source: str
    destination: str
    options: tuple[str, ...] = ()


def bind_mount(
    source: str,
    destination: str,
    *,
    writable: bool = True,
    propagation: str = "rprivate",
    recursive: bool = True,
    read_only: Literal["ro", "rro"] = "ro",
    host_flags: Sequence[str] = (),
) -> MountSpec:
    """A host file or directory. ``propagation`` "": what the source has (named volumes).

    ``read_only`` says how far a mount that is not ``writable`` reaches: ``rro`` makes the mounts below the
    source read-only too, which takes Linux 5.12 and a runtime that knows it (``read_only_option``).
    ``host_flags`` are those of the mount that the source is on (``flags_of_host``).
    """
    options = ["rbind" if recursive else "bind"]
    if not writable:
        options.append(read_only)
    options += [flag for flag in host_flags if flag not in options]
    if propagation:
        # Without mounts below it both words say the same, but crun takes "rprivate" for "rbind".
        options.append(propagation if recursive else propagation.removeprefix("r"))
    return MountSpec("bind", source, destination, tuple(options))


def flags_of_host(source: str) -> list[str]:
    """What the host forbids on the mount that ``source`` is on; a container must not lift it by a bind.

    crun 1.8 mounts a bind anew with the flags it is given and no others. Raises ``OSError``.
    """
    given = os.statvfs(source).f_flag
    return [word for word, flag in _HOST_FLAGS.items() if given & flag]


def read_only_option(
    *, supported: bool, non_recursive: bool = False, force_recursive: bool = False
) -> Literal["ro", "rro"]:
    """How a read-only bind is written: recursively where that is possible, unless told otherwise.

    Raises ScowError with Docker's messages.
    """
    if non_recursive and force_recursive:
        raise ScowError("mount options conflict: ReadOnlyNonRecursive && ReadOnlyForceRecursive")
    if force_recursive and not supported:
        raise ScowError("rro is not supported by the kernel or the runtime")
    return "rro" if supported and not non_recursive else "ro"


def tmpfs_mount(destination: str, options: str = "") -> MountSpec:
    """``--tmpfs``: Docker's options with the user's over them. Raises ScowError for an unknown option."""
    merged = merge_tmpfs_options([*_TMPFS_BASE, *(options.split(",") if options else [])])
    return MountSpec("tmpfs", "tmpfs", destination, tuple(merged))


def merge_tmpfs_options(options: Sequence[str]) -> list[str]:
    """``options`` without those that a later one overrides. Raises ScowError for one that tmpfs lacks."""
    seen: set[int | str] = set()
    kept: list[str] = []
    for option in reversed(options):
        if option == "defaults":
            continue
        name, assigned, _ = option.partition("=")
        key: int | str | None = _FLAGS.get(option)
        if key is None:
            if not assigned or name not in _TMPFS_KEYS:
                raise ScowError(f'invalid tmpfs option "{name}"')
            key = name
        if key not in seen:
            seen.add(key)
            kept.append(option)
    return kept[::-1]


def tmpfs_option_text(options: TmpfsOptions | None, *, read_only: bool) -> str:
    """The options of a ``--mount type=tmpfs``, written as ``--tmpfs`` takes them.

    Raises ScowError with Docker's messages.
    """
    words = ["ro"] if read_only else []
    if options is None:
        return ",".join(words)
    if options.mode:
        words.append(f"mode={options.mode:o}")
    if options.size_bytes:
        words.append(f"size={_short_size(options.size_bytes)}")
    for option in options.options:
        if not 1 <= len(option) <= 2:
            raise ScowError("invalid option array length")
        if option[0] not in ("exec", "noexec"):
            raise ScowError(f"invalid option: {option[0]}")
        words.append("=".join(option))
    return ",".join(words)


def _short_size(size_bytes: int) -> str:
    for suffix, unit in (("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)):
        if size_bytes % unit == 0:
            return f"{size_bytes // unit}{suffix}"
    return str(size_bytes)


def all_mounts(
    own: Iterable[MountSpec],
    *,
    shm_size_bytes: int | None,
    writable_sys: bool,
    writable_cgroups: bool,
    init_path: str | None,
) -> list[Mount]:
    """Every mount of the document.

    ``shm_size_bytes`` None: no /dev/shm. ``init_path`` is the init program on the host, if one is wanted.
    """
    ordered = sorted(own, key=lambda mount: posixpath.normpath(mount.destination).count("/"))
    taken = {mount.destination for mount in ordered}
    mounts = [
        mount
        for mount in _default_mounts(shm_size_bytes, writable_sys, writable_cgroups)
        if mount.destination not in taken and not ("/dev" in taken and mount.destination.startswith("/dev/"))
    ]
    if init_path is not None:
        mounts.append(MountSpec("bind", init_path, INIT_PATH, ("bind", "ro")))
    return [_to_oci(mount) for mount in mounts + ordered]


def _default_mounts(
    shm_size_bytes: int | None, writable_sys: bool, writable_cgroups: bool
) -> list[MountSpec]:
    closed = ("nosuid", "noexec", "nodev")
    devpts = ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")
    mounts = [
        MountSpec("proc", "proc", "/proc", closed),
        MountSpec("tmpfs", "tmpfs", "/dev", ("nosuid", "strictatime", "mode=755", "size=65536k")),
        MountSpec("devpts", "devpts", "/dev/pts", devpts),
        MountSpec("sysfs", "sysfs", "/sys", closed if writable_sys else (*closed, "ro")),
        MountSpec("cgroup", "cgroup", "/sys/fs/cgroup", closed if writable_cgroups else ("ro", *closed)),
        MountSpec("mqueue", "mqueue", "/dev/mqueue", closed),
    ]
    if shm_size_bytes is not None:
        mounts.append(MountSpec("tmpfs", "shm", "/dev/shm", (*closed, "mode=1777", f"size={shm_size_bytes}")))
    return mounts


def _to_oci(mount: MountSpec) -> Mount:
    return Mount(
        destination=mount.destination, type=mount.type, source=mount.source, options=list(mount.options)
    )


def root_propagation(mounts: Iterable[MountSpec]) -> str | None:
    """What the root mount must be, so that the propagation of the mounts below can work; None: as usual."""
    asked = {option for mount in mounts for option in mount.options}
    if asked & {"shared", "rshared"}:
        return "shared"
    return "rslave" if asked & {"slave", "rslave"} else None


def check_source_propagation(propagation: str, source: str, mountpoint: str, kind: str) -> None:
    """Whether the host's mount (``kind``: shared, slave or private) can give ``propagation``.

    Raises ScowError with Docker's message.
    """
    if propagation in ("shared", "rshared") and kind != "shared":
        raise ScowError(f"path {source} is mounted on {mountpoint} but it is not a shared mount")
    if propagation in ("slave", "rslave") and kind not in ("shared", "slave"):
        raise ScowError(f"path {source} is mounted on {mountpoint} but it is not a shared or slave mount")

"""Which storage driver this data root can have: asked of the kernel by trying, not by reading versions."""

import errno
import os
import secrets
from dataclasses import dataclass

from scow.image.trees import remove_path
from scow.linux import mounts

# Names of Docker's driver table where they differ from mountinfo's.
_BACKING_NAMES = {"ext2": "extfs", "ext3": "extfs", "ext4": "extfs", "fuse.fuse-overlayfs": "fuse-overlayfs"}
_PARAMETERS = "/sys/module/overlay/parameters"


@dataclass(frozen=True, slots=True)
class OverlayHost:
    """How overlayfs is to be used here. ``mount_options`` begins with a comma or is empty."""

    backing: str
    user_xattrs: bool
    mount_options: str


def backing_filesystem(path: str) -> str:
    """The kind of file system that holds ``path``, in Docker's words: "extfs", "xfs", "tmpfs", …"""
    try:
        kind = mounts.mount_of(path).fstype
    except FileNotFoundError:
        return "<unknown>"
    return _BACKING_NAMES.get(kind, kind)


def in_user_namespace() -> bool:
    """Whether root here is somebody else outside (user_namespaces(7))."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return file.read().split() != ["0", "0", "4294967295"]


def probe_overlay(root: str) -> OverlayHost | str:
    """Try overlayfs in directory ``root``: how to use it, or why it cannot be.

    Leaves nothing behind. Raises ``OSError`` if ``root`` cannot be written.
    """
    backing = backing_filesystem(root)
    place = os.path.join(root, f"check-overlayfs-support-{secrets.token_hex(4)}")
    os.mkdir(place, 0o700)
    try:
        user_xattrs = in_user_namespace()
        options = _options(user_xattrs)
        failure = _try_overlay(place, options)
        if failure is not None:
            return f"overlay2 is not supported over {backing}: {failure}"
        return OverlayHost(backing, user_xattrs, options)
    finally:
        remove_path(place)


def _options(user_xattrs: bool) -> str:
    if user_xattrs:
        return ",userxattr"  # the kernel then refuses to hear of the others
    wanted = (("index", "off"), ("metacopy", "off"), ("redirect_dir", "off"))
    return "".join(f",{key}={value}" for key, value in wanted if os.path.exists(f"{_PARAMETERS}/{key}"))


def _try_overlay(place: str, options: str) -> str | None:
    """Mount two layers, delete a file that the lower one has, look; says what went wrong."""
    for name in ("lower", "upper", "work", "merged"):
        os.mkdir(f"{place}/{name}")
    with open(f"{place}/lower/file", "x", encoding="ascii"):
        pass
    merged = f"{place}/merged"
    place_fd = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # By descriptor: the path may have characters that are syntax in overlayfs' options.
        at = f"/proc/self/fd/{place_fd}"
        data = f"lowerdir={at}/lower,upperdir={at}/upper,workdir={at}/work{options}"
        mounts.mount("overlay", merged, fstype="overlay", data=data)
    except OSError as exc:
        reason = "the kernel has no overlayfs" if exc.errno == errno.ENODEV else exc.strerror
        return reason or str(exc)
    finally:
        os.close(place_fd)
    try:
        os.unlink(f"{merged}/file")
        # Where directories do not tell types (XFS with ftype=0), overlayfs shows its own whiteouts.
        return "its directories have no d_type" if os.listdir(merged) else None
    except OSError as exc:
        return exc.strerror or str(exc)
    finally:
        mounts.unmount(merged, lazy=True)

"""File systems of a test's own: an ext4 on a loop device, or a tmpfs; gone when the block ends."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _call(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")


def mount_points_below(folder: Path) -> list[Path]:
    """Mount points under ``folder`` (and ``folder`` itself), deepest first."""
    with open("/proc/self/mountinfo") as mountinfo:
        points = [Path(line.split()[4].encode().decode("unicode_escape")) for line in mountinfo]
    return [point for point in reversed(points) if point.is_relative_to(folder)]


def unmount_all(folder: Path) -> list[Path]:
    """Unmount everything mounted below ``folder``, not ``folder`` itself; returns what there was."""
    found = [point for point in mount_points_below(folder) if point != folder]
    for point in found:
        subprocess.run(["umount", "-l", str(point)], capture_output=True)
    return found


@contextmanager
def mounted_btrfs(folder: Path, backing_file: Path, size: str = "512M") -> Iterator[Path]:
    """A fresh btrfs at ``folder``, which must not exist yet, on a sparse ``backing_file``."""
    backing_file.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True)
    try:
        _call("truncate", "-s", size, str(backing_file))
        _call("mkfs.btrfs", "-q", "--mixed", "-m", "single", "-d", "single", str(backing_file))
        _call("mount", "-o", "loop", str(backing_file), str(folder))
        yield folder
    finally:
        _unmount(folder)
        backing_file.unlink(missing_ok=True)


def _unmount(folder: Path) -> None:
    unmount_all(folder)
    # A lazy unmount ends the test even when a process of a failed test still has a file open here.
    busy = os.path.ismount(folder) and subprocess.run(["umount", str(folder)], capture_output=True).returncode
    if busy:
        _call("umount", "-l", str(folder))
    folder.rmdir()


@contextmanager
def mounted_tmpfs(folder: Path, size: str = "2g") -> Iterator[Path]:
    """A tmpfs at ``folder``, which must not exist yet."""
    folder.mkdir(parents=True)
    _call("mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _unmount(folder)


@contextmanager
def mounted_ext4(folder: Path, backing_file: Path, size: str = "8G") -> Iterator[Path]:
    """A fresh ext4 at ``folder``, which must not exist yet, on a sparse ``backing_file``.

    Creating a file on the root disk of some virtual machines takes 40 times longer than on such a disk.
    The loop device detaches itself with the unmount.
    """
    backing_file.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True)
    try:
        _call("truncate", "-s", size, str(backing_file))
        _call("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=1,nodiscard", str(backing_file))
        _call("mount", "-o", "loop", str(backing_file), str(folder))
        yield folder
    finally:
        _unmount(folder)
        backing_file.unlink(missing_ok=True)


@contextmanager
def full(folder: Path, room_bytes: int = 0) -> Iterator[None]:
    """The file system of ``folder`` without a free block, or with ``room_bytes`` of them."""
    ballast = folder / "ballast"
    with open(ballast, "wb") as file:
        step, size = 1 << 30, 0
        while step >= 4096:
            try:
                os.posix_fallocate(file.fileno(), size, step)
                size += step
            except OSError:
                step //= 2
        os.ftruncate(file.fileno(), max(0, size - room_bytes))
    try:
        yield
    finally:
        ballast.unlink()

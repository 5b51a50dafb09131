"""Sizes of volumes where the file system counts, and where it does not."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scow.engine.volumes.local_driver import LocalDriver
from scow.engine.volumes.model import VolumeRecord
from scow.engine.volumes.snapshot_folders import RESTORED
from scow.errors import InvalidArgumentError, ScowError
from scow.linux import syscalls
from scow.linux.mounts import is_mountpoint
from scow.linux.tree_copy import copy_path
from tests.support.environment import disk_dir

_SIZE = 16 << 20
_KINDS = {
    "btrfs": (["mkfs.btrfs", "-q"], "loop"),
    "ext4 with projects": (
        ["mkfs.ext4", "-q", "-O", "quota,project", "-E", "quotatype=prjquota"],
        "loop,prjquota",
    ),
    "ext4": (["mkfs.ext4", "-q"], "loop"),
}


@contextmanager
def mounted(kind: str, place: Path) -> Iterator[Path]:
    make, options = _KINDS[kind]
    disk = disk_dir() / "sizes.img"
    disk.parent.mkdir(parents=True, exist_ok=True)
    place.mkdir()
    try:
        subprocess.run(["truncate", "-s", "300M", disk], check=True)
        subprocess.run([*make, disk], check=True, capture_output=True)
        if subprocess.run(["mount", "-o", options, disk, place], capture_output=True).returncode:
            pytest.skip(f"this kernel does not mount {kind}")
        try:
            yield place
        finally:
            subprocess.run(["umount", "-R", place], check=True)
    finally:
        disk.unlink(missing_ok=True)


def fill(path: Path) -> int:
    """Write until it is full, and once more after that; returns what there was room for."""
    written = 0
    with open(path, "wb", buffering=0) as file:
        while written < 4 * _SIZE:
            try:
                written += file.write(os.urandom(1 << 20))
                os.fsync(file.fileno())
            except OSError:
                break
    return written


@pytest.mark.needs("mkfs.btrfs", "mkfs.ext4")
@pytest.mark.parametrize("kind", list(_KINDS))
def test_a_volume_holds_what_it_was_made_for(tmp_path: Path, kind: str) -> None:
    with mounted(kind, tmp_path / "disk") as disk:
        local = LocalDriver(disk / "volumes")
        local.root.mkdir()
        options = {"size": str(_SIZE)}
        local.check("small", options)
        record = VolumeRecord(name="small", options=options)
        local.make(record)
        local.make(record)
        data = local.data("small")
        local.sizes.mount(data)
        assert os.listdir(data) == []
        data.chmod(0o711)
        local.make(record)
        assert data.stat().st_mode & 0o777 == 0o711
        assert _SIZE // 4 < fill(data / "big") <= _SIZE
        if not is_mountpoint(str(data)):
            # A restore's folder has a limit of its own, and takes the place of the data in one step.
            (data / "big").unlink()
            (data / "kept").write_text("kept")
            new = local.folder("small") / RESTORED
            new.mkdir()
            local.sizes.like(data, new, _SIZE)
            copy_path(str(data), str(new))
            here = syscalls.AT_FDCWD
            syscalls.renameat2(here, str(new), here, str(data), syscalls.RENAME_EXCHANGE)
            assert (data / "kept").read_text() == "kept"
            assert fill(data / "big") <= _SIZE
        local.clear("small")
        assert os.listdir(local.root) == []


@contextmanager
def copies_of_mounts() -> Iterator[None]:
    """For the block somebody has a copy of every mount, as a container has for a moment while it starts."""
    words = ["unshare", "-m", "--propagation", "private", "sh", "-c", "echo ready; exec cat"]
    holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"ready\n"
    try:
        yield
    finally:
        holder.communicate(timeout=120)


@pytest.mark.needs("mkfs.ext4")
def test_what_was_written_is_seen_while_somebody_still_has_the_old_mount(tmp_path: Path) -> None:
    with mounted("ext4", tmp_path / "disk") as disk:
        local = LocalDriver(disk / "volumes")
        local.root.mkdir()
        record = VolumeRecord(name="small", options={"size": str(_SIZE)})
        local.make(record)
        data = Path(asyncio.run(local.mount(record, "first")))
        with copies_of_mounts():
            (data / "file").write_text("written")
            asyncio.run(local.unmount(record, "first", last=True))
            assert not is_mountpoint(str(data))
            asyncio.run(local.mount(record, "second"))
            assert (data / "file").read_text() == "written"
        asyncio.run(local.unmount(record, "second", last=True))
        local.clear("small")


@pytest.mark.needs("mkfs.ext4")
def test_a_size_that_cannot_be_made_leaves_no_folder_that_has_the_name(tmp_path: Path) -> None:
    with mounted("ext4", tmp_path / "disk") as disk:
        local = LocalDriver(disk / "volumes")
        local.root.mkdir()
        huge = VolumeRecord(name="huge", options={"size": str(1 << 50)})
        with pytest.raises(ScowError, match="cannot limit volume path"):
            local.make(huge)
        assert os.listdir(local.root) == []
        kept = local.data("huge") / "kept"
        kept.parent.mkdir(parents=True)
        kept.touch()
        with pytest.raises(ScowError, match="cannot limit volume path"):
            local.make(huge)
        assert kept.exists(), "what was there before is somebody's"


def test_less_than_a_file_system_takes_is_refused(tmp_path: Path) -> None:
    local = LocalDriver(tmp_path)
    with pytest.raises(InvalidArgumentError, match="must be at least"):
        local.check("tiny", {"size": "1k"})

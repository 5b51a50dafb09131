"""Trees are copied whole: sparse, shared where the file system can, never by following links in them."""

import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from scow.linux import syscalls
from scow.linux.tree_copy import copy_path
from tests.support.environment import disk_dir


def test_everything_there_is(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir(mode=0o2750)
    target.mkdir()
    (source / "file").write_bytes(b"x" * 5000)
    os.setxattr(source / "file", "user.note", b"kept")
    os.chown(source / "file", 5, 6)
    os.link(source / "file", source / "other")
    os.symlink("/etc/passwd", source / "link")
    os.setxattr(source / "link", "trusted.note", b"of the link", follow_symlinks=False)
    os.mkfifo(source / "pipe", 0o640)
    os.mknod(source / "null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(source / "socket"))
    with open(source / "sparse", "wb") as file:
        file.seek(50 << 20)
        file.write(b"end")
        file.truncate(60 << 20)
    os.utime(source, (1, 2))
    copy_path(str(source), str(target))
    assert sorted(os.listdir(target)) == ["file", "link", "null", "other", "pipe", "sparse"]
    assert (target / "file").read_bytes() == b"x" * 5000
    assert (target / "file").samefile(target / "other")
    assert os.getxattr(target / "file", "user.note") == b"kept"
    assert os.readlink(target / "link") == "/etc/passwd"
    assert os.getxattr(target / "link", "trusted.note", follow_symlinks=False) == b"of the link"
    for name in ("file", "pipe", "null", "."):
        old, new = os.lstat(source / name), os.lstat(target / name)
        assert (old.st_mode, old.st_uid, old.st_gid, old.st_mtime_ns) == (
            new.st_mode,
            new.st_uid,
            new.st_gid,
            new.st_mtime_ns,
        )
    sparse = os.stat(target / "sparse")
    assert sparse.st_size == 60 << 20
    assert sparse.st_blocks * 512 < 1 << 20
    assert (target / "sparse").read_bytes()[50 << 20 : (50 << 20) + 3] == b"end"


def test_deeper_than_python_recurses(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    fd = os.open(source, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=fd)
        inner = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)
    copy_path(str(source), str(target))
    assert (
        subprocess.run(["sh", "-c", f"find {target} | wc -l"], capture_output=True, text=True).stdout.strip()
        == "1501"
    )
    # pytest would recurse when it clears away the folders of earlier sessions.
    subprocess.run(["rm", "-rf", source, target], check=True)


@pytest.mark.needs("mkfs.btrfs")
def test_content_is_shared_where_the_file_system_can(tmp_path: Path) -> None:
    disk, place = disk_dir() / "reflink.btrfs", tmp_path / "btrfs"
    disk.parent.mkdir(parents=True, exist_ok=True)
    place.mkdir()
    subprocess.run(["truncate", "-s", "200M", disk], check=True)
    subprocess.run(["mkfs.btrfs", "-q", disk], check=True, capture_output=True)
    subprocess.run(["mount", "-o", "loop", disk, place], check=True)
    try:
        (place / "source").mkdir()
        (place / "target").mkdir()
        (place / "source" / "file").write_bytes(os.urandom(40 << 20))
        syscalls.sync_file_system(str(place))
        free = shutil.disk_usage(place).free
        copy_path(str(place / "source"), str(place / "target"))
        syscalls.sync_file_system(str(place))
        assert free - shutil.disk_usage(place).free < 4 << 20
        assert (place / "target" / "file").stat().st_size == 40 << 20
    finally:
        subprocess.run(["umount", place], check=True)
        disk.unlink()

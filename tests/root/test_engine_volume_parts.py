"""Parts of volumes that are held for a start, and copies into volumes that somebody else may change."""

import os
import stat
from pathlib import Path

import pytest

from scow.engine.containers.held_parts import hold_part, release_all_parts, release_part
from scow.engine.containers.mounts.copy_up import copy_up
from scow.errors import ScowError


def test_a_part_is_held_although_its_name_becomes_a_symlink(tmp_path: Path) -> None:
    volume, folder = tmp_path / "volume", tmp_path / "parts"
    (volume / "sub").mkdir(parents=True)
    (volume / "sub" / "x").write_text("inside")
    held = hold_part(folder, str(volume), "sub")
    (volume / "sub").rename(volume / "moved")
    (volume / "sub").symlink_to("/etc")
    assert (held / "x").read_text() == "inside"
    release_part(held)
    assert list(folder.iterdir()) == []
    assert (volume / "moved" / "x").exists()


def test_what_an_engine_left_behind_is_given_up_and_the_volume_stays(tmp_path: Path) -> None:
    volume, folder = tmp_path / "volume", tmp_path / "parts"
    volume.mkdir()
    (volume / "file").write_text("kept")
    held = [hold_part(folder, str(volume), part) for part in ("file", ".")]
    assert held[0].read_text() == "kept"
    release_all_parts(folder)
    assert list(folder.iterdir()) == []
    assert (volume / "file").read_text() == "kept"
    release_all_parts(tmp_path / "never-made")


def test_a_part_is_sought_inside_the_volume_only(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (tmp_path / "secret").mkdir()
    (volume / "out").symlink_to("../secret")
    (volume / "absolute").symlink_to(tmp_path / "secret")
    for name in ("out", "absolute", "missing"):
        with pytest.raises(
            ScowError,
            match=f"^cannot access path {volume}/{name}: lstat {volume}/{name}: no such file or directory$",
        ):
            hold_part(tmp_path / "parts", str(volume), name)


def test_copy_up_keeps_links_owners_and_attributes_and_follows_no_symlink(tmp_path: Path) -> None:
    rootfs, volume = tmp_path / "rootfs", tmp_path / "volume"
    source = rootfs / "data"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "file").write_text("text")
    os.link(source / "sub" / "file", source / "again")
    (source / "sub" / "file").chmod(0o4750)
    os.setxattr(source / "sub" / "file", "user.colour", b"blue")
    os.mkfifo(source / "fifo")
    (source / "fifo").chmod(0o620)
    (source / "link").symlink_to("/etc/passwd")
    os.chown(source, 1000, 33)
    (rootfs / "way").symlink_to("/data")
    volume.mkdir()
    copy_up(rootfs, "/way", volume)
    copied = volume / "sub" / "file"
    assert (volume / "again").samefile(copied)
    assert stat.S_IMODE(copied.stat().st_mode) == 0o4750
    assert os.getxattr(copied, "user.colour") == b"blue"
    assert stat.S_IMODE((volume / "fifo").lstat().st_mode) == 0o620
    assert os.readlink(volume / "link") == "/etc/passwd"
    assert (volume.stat().st_uid, volume.stat().st_gid) == (1000, 33)
    (volume / "again").unlink()
    copy_up(rootfs, "/data", volume)
    assert not (volume / "again").exists(), "not empty any more"


def test_copy_up_into_a_part_stays_in_the_volume(tmp_path: Path) -> None:
    rootfs, volume, outside = tmp_path / "rootfs", tmp_path / "volume", tmp_path / "outside"
    (rootfs / "data").mkdir(parents=True)
    (rootfs / "data" / "file").touch()
    outside.mkdir()
    (volume / "part").mkdir(parents=True)
    (volume / "out").symlink_to(outside)
    copy_up(rootfs, "/data", volume, "out")
    copy_up(rootfs, "/data", volume, "missing")
    assert list(outside.iterdir()) == []
    copy_up(rootfs, "/data", volume, "part")
    assert (volume / "part" / "file").exists()

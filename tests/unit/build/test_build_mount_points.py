"""What a RUN's mounts leave in its layer: nothing of what was made for them, and everything else."""

import os
from pathlib import Path

import pytest

from scow.build.execute.mount_points import missing_mount_points, remove_made

_EARLY_NS = 1_000_000_000


def left(root: Path) -> list[str]:
    """Every path below ``root``."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_what_was_made_to_mount_on_goes_with_the_folders_above_it(tmp_path: Path) -> None:
    missing = missing_mount_points(str(tmp_path), ["/new/x/y", "/new/file", "//two"])
    (tmp_path / "new/x/y").mkdir(parents=True)
    (tmp_path / "two").mkdir()
    (tmp_path / "new/file").touch()
    remove_made(str(tmp_path), missing)
    assert left(tmp_path) == []


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_was_there_stays_though_it_is_empty(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "data"
    place.mkdir() if kind == "folder" else place.touch()
    missing = missing_mount_points(str(tmp_path), ["/data"])
    remove_made(str(tmp_path), missing)
    assert left(tmp_path) == ["data"]


def test_what_a_program_has_put_there_stays(tmp_path: Path) -> None:
    missing = missing_mount_points(str(tmp_path), ["/a/mount", "/b", "/c"])
    (tmp_path / "a/mount").mkdir(parents=True)
    (tmp_path / "a/other").write_text("x")
    (tmp_path / "b").write_text("x")
    (tmp_path / "c").symlink_to("a")
    remove_made(str(tmp_path), missing)
    assert left(tmp_path) == ["a", "a/other", "b", "c"]


def test_folders_keep_their_times(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    missing = missing_mount_points(str(tmp_path), ["/old/new"])
    (tmp_path / "old/new").mkdir()
    os.utime(tmp_path / "old", ns=(_EARLY_NS, _EARLY_NS))
    remove_made(str(tmp_path), missing)
    assert (tmp_path / "old").stat().st_mtime_ns == _EARLY_NS


def test_a_symlink_that_a_program_put_above_leads_to_no_empty_folder_that_goes(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "mine/target").mkdir(parents=True)
    (outside / "target").mkdir(parents=True)
    missing = missing_mount_points(str(root), ["/new/target", "/out/target"])
    (root / "new").symlink_to("mine")
    (root / "out").symlink_to(outside)
    remove_made(str(root), missing)
    assert (root / "mine/target").is_dir()
    assert (outside / "target").is_dir()


def test_symlinks_that_go_in_circles_are_not_for_us_to_tell(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    remove_made(str(tmp_path), missing_mount_points(str(tmp_path), ["/a/target"]))
    assert left(tmp_path) == ["a", "b"]

"""What every storage driver does, whatever it is made of."""

import io
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scow.image.drivers import open_driver
from scow.image.layer_unpacker import LayerUnpacker
from scow.image.snapshots.base import SnapshotDriver
from scow.image.tar.reader import TarReader
from tests.support.archives import Layer
from tests.support.disks import mounted_ext4, mounted_tmpfs, unmount_all

pytestmark = pytest.mark.root

A, B, C, D, E = (letter * 64 for letter in "abcde")


@pytest.fixture(params=["overlay2 on ext4", "overlay2 on tmpfs", "vfs"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A data root, and the name of the driver to put on it."""
    if request.param.endswith("ext4"):
        with mounted_ext4(tmp_path / "disk", tmp_path / "image", "512M") as folder:
            yield folder / "root", "overlay2"
    else:
        with mounted_tmpfs(tmp_path / "disk", "512m") as folder:
            yield folder / "root", request.param.split()[0]


@pytest.fixture
def driver(place: tuple[Path, str]) -> Iterator[SnapshotDriver]:
    yield open_driver(*place)
    unmount_all(place[0])


def layer_of(driver: SnapshotDriver, snapshot: str, below: list[str], fill: Callable[[Layer], None]) -> None:
    layer = Layer()
    fill(layer)
    with LayerUnpacker(driver.stage(snapshot, below), driver.whiteouts()) as unpacker:
        unpacker.unpack(TarReader(io.BytesIO(layer.data())))
    driver.commit(snapshot, below, stackable=True)


def bottom(layer: Layer) -> None:
    layer.file("file", "old", mode=0o640, uid=7)
    layer.file("twin", "twin")
    layer.hardlink("other", "twin")
    layer.symlink("link", "file")
    layer.device("null", b"3", 1, 3)
    for name in ("gone/inside", "opaque/old", "kept/old"):
        layer.file(name, "below")
    layer.file("xattr", "x", pax={"SCHILY.xattr.user.colour": "blue"})


def top(layer: Layer) -> None:
    layer.file("file", "new")
    layer.file(".wh.gone")
    layer.file("opaque/.wh..wh..opq")
    layer.file("opaque/new", "above")
    layer.file("kept/new", "above")


@pytest.fixture
def stack(driver: SnapshotDriver) -> list[str]:
    """Two layers, topmost first."""
    layer_of(driver, A, [], bottom)
    layer_of(driver, B, [A], top)
    return [B, A]


def writable(driver: SnapshotDriver, snapshot: str, below: list[str]) -> Path:
    driver.stage(snapshot, below)
    driver.commit(snapshot, below, stackable=False)
    return Path(driver.mount(snapshot, below))


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def test_a_stack_shows_the_topmost_and_hides_what_was_deleted(
    driver: SnapshotDriver, stack: list[str]
) -> None:
    root = writable(driver, C, stack)
    assert files(root) == [
        "file", "kept/new", "kept/old", "link", "null", "opaque/new", "other", "twin", "xattr",
    ]  # fmt: skip
    assert (root / "file").read_text() == "new"
    assert (root / "null").stat().st_rdev == os.makedev(1, 3)
    assert os.getxattr(root / "xattr", "user.colour") == b"blue"
    assert (root / "twin").stat().st_nlink == 2
    assert stat.S_IMODE(root.stat().st_mode) == 0o755


def test_writes_go_to_the_top_alone(driver: SnapshotDriver, stack: list[str]) -> None:
    one, two = writable(driver, C, stack), writable(driver, D, stack)
    (one / "file").write_text("changed")
    (one / "mine").write_text("12345")
    (one / "kept" / "old").unlink()
    assert (two / "file").read_text() == "new"
    assert not (two / "mine").exists()
    assert (two / "kept" / "old").exists()
    assert driver.own_bytes(C, stack) == len("changed") + len("12345")
    assert driver.own_bytes(D, stack) == 0


def test_a_snapshot_on_nothing_is_an_empty_writable_directory(driver: SnapshotDriver) -> None:
    root = writable(driver, C, [])
    assert files(root) == []
    (root / "file").write_text("x")
    assert driver.own_bytes(C, []) == 1
    driver.remove(C)
    assert not driver.exists(C)


def test_mount_and_unmount_and_remove_may_be_repeated(driver: SnapshotDriver, stack: list[str]) -> None:
    root = writable(driver, C, stack)
    (root / "file").write_text("mine")
    assert Path(driver.mount(C, stack)) == root
    driver.unmount(C)
    driver.unmount(C)
    assert (Path(driver.mount(C, stack)) / "file").read_text() == "mine"
    driver.remove(C)
    driver.remove(C)
    driver.unmount(C)
    assert not driver.exists(C)
    assert driver.exists(B)


def test_a_discarded_snapshot_leaves_nothing(
    driver: SnapshotDriver, stack: list[str], place: tuple[Path, str]
) -> None:
    before = sorted(place[0].rglob("*"))
    folder = driver.stage(C, stack)
    (Path(folder) / "half").write_text("x")
    driver.discard(C)
    driver.discard(C)
    assert sorted(place[0].rglob("*")) == before


def test_a_tree_deeper_than_a_path_can_name_is_removed(driver: SnapshotDriver) -> None:
    root = writable(driver, C, [])
    fd = os.open(root, os.O_RDONLY)
    for _ in range(600):
        os.mkdir("d" * 200, dir_fd=fd)
        child = os.open("d" * 200, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = child
    os.close(os.open("file", os.O_CREAT, dir_fd=fd))
    os.close(fd)
    driver.remove(C)
    assert not driver.exists(C)


def test_recovery_keeps_what_is_known_and_removes_the_rest(
    driver: SnapshotDriver, stack: list[str], place: tuple[Path, str]
) -> None:
    known = sorted(place[0].rglob("*"))
    driver.stage(C, stack)
    writable(driver, D, stack)
    again = open_driver(*place)
    recovered = again.recover([A, B, E])
    assert sorted(recovered.removed) == [C, D]
    assert recovered.missing == [E]
    assert sorted(place[0].rglob("*")) == known
    assert (Path(writable(again, C, stack)) / "file").read_text() == "new"


def test_recovery_finishes_a_removal_that_was_cut_off(
    driver: SnapshotDriver, place: tuple[Path, str]
) -> None:
    root = writable(driver, C, [])
    (root / "file").write_text("x")
    going = (root if place[1] == "vfs" else root.parent).rename(
        root.parents[0 if place[1] == "vfs" else 1] / (C + "-removing")
    )
    assert driver.recover([C]).missing == [C]
    assert not going.exists()


def test_recovery_leaves_files_alone_that_are_no_snapshots(
    driver: SnapshotDriver, stack: list[str], place: tuple[Path, str]
) -> None:
    stranger = next((place[0] / place[1]).rglob(A)).parent / "lost+found"
    stranger.mkdir()
    driver.recover([A, B])
    assert stranger.exists()


def test_sync_returns(driver: SnapshotDriver, stack: list[str]) -> None:
    driver.sync()


def test_paths_of_inspect_exist(driver: SnapshotDriver, stack: list[str]) -> None:
    writable(driver, C, stack)
    for value in driver.paths(C, stack).values():
        assert all(Path(path).is_dir() for path in value.split(":"))

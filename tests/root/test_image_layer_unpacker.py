"""Layers become directories: everything a tar can hold, deletions in both forms, and hostile archives."""

import io
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scow.errors import InvalidArgumentError
from scow.image import tree_maker
from scow.image.layer_unpacker import AppliedWhiteouts, LayerUnpacker, OverlayWhiteouts, Whiteouts
from scow.image.tar.reader import TarReader
from scow.image.tree_maker import TreeMaker
from tests.support.archives import Layer
from tests.support.live_folders import own_descriptors

pytestmark = pytest.mark.root

Unpack = Callable[..., int]


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """The root to unpack into, with a bystander beside it that must stay as it is."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("untouched")
    before = outside.stat()
    folder = tmp_path / "root"
    folder.mkdir()
    yield folder
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "root"]
    assert (outside / "file").read_text() == "untouched"
    assert [path.name for path in outside.iterdir()] == ["file"]
    assert outside.stat().st_mode == before.st_mode


def unpack(root: Path, layer: Layer | bytes, whiteouts: Whiteouts | None = None) -> int:
    data = layer.data() if isinstance(layer, Layer) else layer
    with LayerUnpacker(str(root), whiteouts or OverlayWhiteouts()) as unpacker:
        return unpacker.unpack(TarReader(io.BytesIO(data)))


def is_whiteout(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def is_opaque(path: Path) -> bool:
    return "trusted.overlay.opaque" in os.listxattr(path)


def test_every_kind_of_entry_keeps_its_attributes(root: Path) -> None:
    layer = Layer()
    info = tarfile.TarInfo("folder")
    info.type, info.mode, info.uid, info.mtime = tarfile.DIRTYPE, 0o2710, 12, 1_000_000_000
    layer.add(info)
    layer.file("folder/program", "code", mode=0o4755, uid=3_000_000, gid=4_000_000)
    layer.hardlink("folder/twin", "folder/program")
    layer.symlink("folder/link", "program")
    layer.device("null", tarfile.CHRTYPE, 1, 3)
    layer.device("disk", tarfile.BLKTYPE, 259, 1_000)
    layer.device("pipe", tarfile.FIFOTYPE, 0, 0)
    layer.file("n" * 255, "", pax={"mtime": "1700000000.123456789"})
    assert unpack(root, layer) == len("code") + len("program")
    folder = (root / "folder").stat()
    assert (stat.S_IMODE(folder.st_mode), folder.st_uid, folder.st_mtime) == (0o2710, 12, 1_000_000_000)
    program = (root / "folder/program").stat()
    assert (stat.S_IMODE(program.st_mode), program.st_uid, program.st_gid) == (0o4755, 3_000_000, 4_000_000)
    assert program.st_ino == (root / "folder/twin").stat().st_ino
    assert os.readlink(root / "folder/link") == "program"
    assert (root / "null").stat().st_rdev == os.makedev(1, 3)
    assert (root / "disk").stat().st_rdev == os.makedev(259, 1_000)
    assert stat.S_ISFIFO((root / "pipe").stat().st_mode)
    assert (root / ("n" * 255)).stat().st_mtime_ns == 1_700_000_000_123_456_789


def test_attributes_are_set_and_those_of_overlayfs_are_not(root: Path) -> None:
    capability = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    layer = Layer()
    layer.file(
        "ping",
        "x",
        uid=5,
        pax={
            "SCHILY.xattr.security.capability": capability,
            "SCHILY.xattr.user.colour": "blue",
            "SCHILY.xattr.trusted.overlay.redirect": "/etc",
            "SCHILY.xattr.user.overlay.opaque": "y",
        },
    )
    unpack(root, layer)
    assert set(os.listxattr(root / "ping")) == {"security.capability", "user.colour"}
    assert os.getxattr(root / "ping", "security.capability") == capability.encode("latin-1")


def test_names_that_are_not_utf8_and_leading_slashes_and_dots_are_taken(root: Path) -> None:
    layer = Layer()
    layer.file("./a//b/./c", "1")
    layer.file("/absolute", "2")
    layer.file(os.fsdecode(b"latin-\xe9"), "3")
    unpack(root, layer)
    assert (root / "a/b/c").read_text() == "1"
    assert (root / "absolute").read_text() == "2"
    assert b"latin-\xe9" in os.listdir(os.fsencode(root))


def test_missing_parents_are_made_and_the_roots_own_attributes_are_left_alone(root: Path) -> None:
    root.chmod(0o755)
    layer = Layer()
    layer.folder("./", mode=0o700, uid=1000)
    layer.file("a/b/c")
    unpack(root, layer)
    assert stat.S_IMODE((root / "a/b").stat().st_mode) == 0o755
    assert (stat.S_IMODE(root.stat().st_mode), root.stat().st_uid) == (0o755, 0)


def test_a_later_entry_replaces_an_earlier_one(root: Path) -> None:
    layer = Layer()
    layer.file("a", "old")
    layer.file("a", "new")
    layer.folder("b")
    layer.file("b/inside", "x")
    layer.file("b", "now a file")
    layer.file("c", "x")
    layer.folder("c", mode=0o711)
    layer.file("c/inside", "y")
    layer.folder("d", mode=0o700)
    layer.file("d/kept")
    layer.folder("d", mode=0o750)
    layer.symlink("e", "a")
    layer.file("e", "not through the link")
    unpack(root, layer)
    assert (root / "a").read_text() == "new"
    assert (root / "b").read_text() == "now a file"
    assert (root / "c/inside").read_text() == "y"
    assert stat.S_IMODE((root / "d").stat().st_mode) == 0o750
    assert (root / "d/kept").exists()
    assert (root / "e").read_text() == "not through the link"


def test_a_link_in_a_path_is_followed_inside_the_root(root: Path) -> None:
    layer = Layer()
    layer.folder("usr/lib")
    layer.symlink("lib", "usr/lib")
    layer.file("lib/x.so", "1")
    layer.symlink("etc", "/private/etc")
    layer.file("etc/passwd", "2")
    unpack(root, layer)
    assert (root / "usr/lib/x.so").read_text() == "1"
    assert (root / "private/etc/passwd").read_text() == "2"


def test_many_folders_need_few_descriptors(root: Path) -> None:
    layer = Layer()
    for number in range(300):
        layer.file(f"d{number}/e/f", "x")
    for number in range(300):
        layer.hardlink(f"d{number}/twin", f"d{299 - number}/e/f")
    before = own_descriptors()
    unpack(root, layer)
    assert own_descriptors() == before
    assert (root / "d7/twin").stat().st_ino == (root / "d292/e/f").stat().st_ino


# ---- deletions -------------------------------------------------------------------------------------------


def test_deletions_become_whiteouts_of_overlayfs(root: Path) -> None:
    layer = Layer()
    layer.folder("d")
    layer.file("d/.wh.gone")
    layer.file("e/.wh..wh..opq")
    layer.file("e/new", "x")
    layer.file(".wh..wh.plnk/1.2", "aufs")
    unpack(root, layer)
    assert is_whiteout(root / "d/gone")
    assert is_opaque(root / "e")
    assert (root / "e/new").read_text() == "x"
    assert sorted(os.listdir(root)) == ["d", "e"]


def test_a_deletion_does_not_touch_what_the_same_layer_brings(root: Path) -> None:
    layer = Layer()
    layer.file("file", "mine")
    layer.file(".wh.file")
    layer.file("folder/mine", "x")
    layer.file(".wh.folder")
    layer.file(".wh.later")
    layer.folder("later")
    layer.file("later/mine", "y")
    layer.file(".wh.afterwards")
    layer.file("afterwards", "z")
    unpack(root, layer)
    assert (root / "file").read_text() == "mine"
    assert (root / "folder/mine").read_text() == "x"
    assert is_opaque(root / "folder")
    assert (root / "later/mine").read_text() == "y"
    assert is_opaque(root / "later")
    assert (root / "afterwards").read_text() == "z"


@pytest.fixture
def copied(root: Path) -> Path:
    """What is below, as vfs starts with it."""
    for name in ("file", "keep", "folder/old", "folder/deep/old", "opaque/old", "opaque/sub/old"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("below")
    return root


def test_deletions_are_carried_out_on_a_copy(copied: Path) -> None:
    layer = Layer()
    layer.file(".wh.file")
    layer.file("folder/deep/new", "mine")
    layer.file(".wh.folder")
    layer.file("opaque/new", "mine")
    layer.file("opaque/sub/new", "mine")
    layer.file("opaque/.wh..wh..opq")
    layer.file(".wh.never-there")
    unpack(copied, layer, AppliedWhiteouts())
    left = sorted(str(path.relative_to(copied)) for path in copied.rglob("*") if path.is_file())
    assert left == ["folder/deep/new", "keep", "opaque/new", "opaque/sub/new"]


# ---- hostile ---------------------------------------------------------------------------------------------


def outside_of(root: Path) -> str:
    return str(root.parent / "outside")


def escape_by_parent(layer: Layer, outside: str) -> None:
    layer.file("../outside/file", "evil")


def escape_by_parent_inside(layer: Layer, outside: str) -> None:
    layer.file("a/../../outside/file", "evil")


def escape_by_relative_symlink(layer: Layer, outside: str) -> None:
    layer.symlink("out", "../outside")
    layer.file("out/file", "evil")


def escape_by_nested_symlink(layer: Layer, outside: str) -> None:
    layer.symlink("a/b/out", "../../../outside")


def escape_by_hard_link(layer: Layer, outside: str) -> None:
    layer.hardlink("shadow", "../outside/file")


def escape_by_absolute_hard_link(layer: Layer, outside: str) -> None:
    layer.hardlink("shadow", f"{outside}/file")


def escape_by_whiteout(layer: Layer, outside: str) -> None:
    layer.folder("sub")
    layer.file("sub/.wh...")


def escape_by_empty_whiteout(layer: Layer, outside: str) -> None:
    layer.file("sub/.wh.")


def escape_by_whiteout_path(layer: Layer, outside: str) -> None:
    layer.file("../outside/.wh.file")


def a_file_as_folder(layer: Layer, outside: str) -> None:
    layer.file("a", "x")
    layer.file("a/b", "y")


def a_hundred_thousand_levels(layer: Layer, outside: str) -> None:
    layer.file("d/" * 1000 + "f", "x")


def a_link_to_nothing(layer: Layer, outside: str) -> None:
    layer.hardlink("a", "missing")


@pytest.mark.parametrize(
    "attack",
    [
        escape_by_parent,
        escape_by_parent_inside,
        escape_by_relative_symlink,
        escape_by_nested_symlink,
        escape_by_hard_link,
        escape_by_absolute_hard_link,
        escape_by_whiteout,
        escape_by_empty_whiteout,
        escape_by_whiteout_path,
        a_file_as_folder,
        a_hundred_thousand_levels,
        a_link_to_nothing,
    ],
)
@pytest.mark.parametrize("style", [OverlayWhiteouts, AppliedWhiteouts])
def test_hostile_layers_are_refused(
    root: Path, attack: Callable[[Layer, str], None], style: Callable[[], Whiteouts]
) -> None:
    layer = Layer()
    attack(layer, outside_of(root))
    before = own_descriptors()
    with pytest.raises((InvalidArgumentError, FileNotFoundError)):
        unpack(root, layer, style())
    assert own_descriptors() == before


def test_absolute_symlinks_stay_inside(root: Path) -> None:
    layer = Layer()
    layer.symlink("out", outside_of(root))
    layer.file("out/file", "evil")
    layer.symlink("up", "/..")
    layer.file("up/evil", "evil")
    unpack(root, layer)
    assert (root / outside_of(root).lstrip("/") / "file").read_text() == "evil"
    assert (root / "evil").exists()


def test_a_link_swapped_in_for_a_folder_is_resolved_anew(root: Path) -> None:
    layer = Layer()
    layer.file("d/inside", "1")
    layer.symlink("d", outside_of(root))
    layer.file("d/file", "evil")
    layer.file("d/file", "evil again")
    unpack(root, layer)
    assert (root / outside_of(root).lstrip("/") / "file").read_text() == "evil again"


def test_a_loop_of_links_is_an_error(root: Path) -> None:
    layer = Layer()
    layer.symlink("a", "b")
    layer.symlink("b", "a")
    layer.file("a/x", "y")
    with pytest.raises(OSError, match="symbolic links"):
        unpack(root, layer)


def test_a_truncated_layer_is_an_error(root: Path) -> None:
    layer = Layer()
    layer.file("big", b"x" * 50_000)
    with pytest.raises(InvalidArgumentError, match="unexpected EOF"):
        unpack(root, layer.data()[:20_000])


def test_a_file_of_eight_exabytes_ends_with_the_data(root: Path) -> None:
    info = tarfile.TarInfo("huge")
    info.size = (1 << 63) - 1
    header = info.tobuf(tarfile.GNU_FORMAT)
    with pytest.raises(InvalidArgumentError, match="unexpected EOF"):
        unpack(root, header + b"x" * 2048)


def test_devices_are_left_out_where_they_may_not_be_made(root: Path) -> None:
    layer = Layer()
    layer.device("null", tarfile.CHRTYPE, 1, 3)
    layer.file("file", "x")
    with LayerUnpacker(str(root), OverlayWhiteouts(), may_make_devices=False) as unpacker:
        unpacker.unpack(TarReader(io.BytesIO(layer.data())))
    assert os.listdir(root) == ["file"]


@pytest.mark.parametrize("synced_soon", [True, False])
def test_only_what_will_be_synced_goes_to_the_disk_early(
    root: Path, monkeypatch: pytest.MonkeyPatch, synced_soon: bool
) -> None:
    ranges: list[tuple[int, int]] = []
    monkeypatch.setattr(
        tree_maker, "start_writing_back", lambda _fd, start, size: ranges.append((start, size))
    )
    layer = Layer()
    layer.file("large", bytes(20 << 20))
    archive = TarReader(io.BytesIO(layer.data()))
    maker = TreeMaker(os.open(root, os.O_RDONLY), synced_soon=synced_soon)
    for entry in archive:
        maker.make(entry, archive, maker.folder("", "", make=False), "", entry.name)
    maker.close()
    assert (root / "large").stat().st_size == 20 << 20
    assert (sum(size for _, size in ranges) >= 16 << 20) == synced_soon
    assert [start for start, _ in ranges] == [sum(size for _, size in ranges[:n]) for n in range(len(ranges))]

"""A layer's tar is made again out of its directory, byte for byte, whoever wrote it and however."""

import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from scow.errors import IntegrityError
from scow.image.layer_unpacker import LayerUnpacker, OverlayWhiteouts
from scow.image.recipe import RecipeWriter, rebuild
from scow.image.tar.reader import TarReader
from tests.support.archives import Layer
from tests.support.sparse_files import FORMATS, SIZE, sparse_archive

pytestmark = pytest.mark.root


def unpacked(tmp_path: Path, data: bytes) -> tuple[Path, Path]:
    """Folder of the recipe and of the layer."""
    root, folder = tmp_path / "root", tmp_path / "recipe"
    root.mkdir()
    folder.mkdir()
    with RecipeWriter(str(folder)) as recipe:
        archive = TarReader(io.BytesIO(data), on_raw=recipe.raw, sparse=True)
        with LayerUnpacker(str(root), OverlayWhiteouts(), recipe=recipe) as unpacker:
            unpacker.unpack(archive)
        archive.drain()
    return folder, root


def of_python(format: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as tar:
        for name in ("etc/", "etc/empty", "etc/" + "n" * 120, "etc/.wh.gone", "big"):
            info = tarfile.TarInfo(name)
            info.mtime, info.uid = 1_700_000_000, 3_000_000
            content = os.urandom(3_000_001) if name == "big" else b"" if name == "etc/empty" else b"text\n"
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            info.size = len(content) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def of_gnu_tar(tmp_path: Path) -> bytes:
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    for number in range(300):
        (tree / "a" / f"file{number}").write_bytes(os.urandom(number))
    os.link(tree / "a" / "file7", tree / "a" / "b" / "link")
    (tree / "a" / "symlink").symlink_to("b")
    return subprocess.run(
        ["tar", "-C", str(tree), "--blocking-factor=64", "-c", "."], check=True, capture_output=True
    ).stdout


def with_repeated_names() -> bytes:
    """Contents that a later entry of the same tar takes away: file by file, by link, whole directories."""
    layer = Layer()
    layer.file("twice", b"first")
    layer.file("twice", b"second, longer")
    layer.file("kept", b"by its other name")
    layer.hardlink("link", "kept")
    layer.file("kept", b"again")
    layer.folder("tree")
    layer.file("tree/one", b"1" * 1000)
    layer.file("tree/two", b"2" * 2_000_000)
    layer.symlink("tree", "elsewhere")
    layer.file("twice", b"third")
    return layer.data()


def without_end(data: bytes) -> bytes:
    """As some writers leave it: nothing after the last entry."""
    while data.endswith(bytes(512)):
        data = data[:-512]
    return data


@pytest.mark.parametrize("kind", ["gnu", "pax", "ustar-by-gnu-tar", "repeated", "junk", "nothing", "no end"])
def test_the_same_bytes_come_out(tmp_path: Path, kind: str) -> None:
    made: dict[str, Callable[[], bytes]] = {
        "gnu": lambda: of_python(tarfile.GNU_FORMAT),
        "pax": lambda: of_python(tarfile.PAX_FORMAT),
        "ustar-by-gnu-tar": lambda: of_gnu_tar(tmp_path),
        "repeated": with_repeated_names,
        # What follows the end is part of what the digest covers.
        "junk": lambda: of_python(tarfile.PAX_FORMAT) + b"junk after the end" * 200_000,
        "nothing": lambda: bytes(1024),
        "no end": lambda: without_end(of_python(tarfile.GNU_FORMAT)),
    }
    data = made[kind]()
    folder, root = unpacked(tmp_path, data)
    assert b"".join(rebuild(str(folder), str(root))) == data


def test_a_recipe_is_small(tmp_path: Path) -> None:
    data = of_gnu_tar(tmp_path)
    folder, _ = unpacked(tmp_path, data)
    assert sum(path.stat().st_size for path in folder.iterdir()) < len(data) / 10


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_sparse_files_stay_sparse_and_in_the_tar(tmp_path: Path, kind: str) -> None:
    data = sparse_archive(tmp_path / "tree", kind)
    folder, root = unpacked(tmp_path, data)
    assert b"".join(rebuild(str(folder), str(root))) == data
    status = (root / "holes").stat()
    assert status.st_size == SIZE
    assert status.st_blocks * 512 < 1_000_000
    with open(root / "holes", "rb") as file:
        file.seek(SIZE // 2 - 1)
        assert file.read(6) == b"\0data\n"


@pytest.mark.parametrize("harm", ["longer", "shorter", "gone", "symlink", "recipe cut", "recipe damaged"])
def test_what_was_changed_on_disk_is_refused(tmp_path: Path, harm: str) -> None:
    folder, root = unpacked(tmp_path, of_python(tarfile.PAX_FORMAT))
    file, recipe = root / "big", folder / "recipe"
    match harm:
        case "longer":
            file.write_bytes(bytes(4_000_000))
        case "shorter":
            file.write_bytes(b"short")
        case "gone":
            file.unlink()
        case "symlink":
            file.unlink()
            file.symlink_to("/etc/passwd")
        case "recipe cut":
            os.truncate(recipe, recipe.stat().st_size // 2)
        case _:
            recipe.write_bytes(b"\xff" * 100)
    with pytest.raises(IntegrityError, match="cannot be read again"):
        for _ in rebuild(str(folder), str(root)):
            pass

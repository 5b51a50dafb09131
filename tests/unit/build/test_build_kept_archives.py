"""Contexts that come as archives: the next one is compared with those that are kept."""

import asyncio
import gzip
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scow.build.trees.archive import receive_archive
from scow.build.trees.kept_archives import KeptArchives
from scow.build.trees.spooled import SpooledTree
from scow.build.trees.tree import Node, walk
from scow.errors import InvalidArgumentError
from tests.support.builds import Files, context

_LARGE = os.urandom(600_000)
_FILES: Files = {
    "Dockerfile": "FROM scratch\nCOPY . /\n",
    "a": None,
    "a/one": _LARGE,
    "a/two": _LARGE[::-1],
    "link": "->a/one",
    "z": "last",
}


@pytest.fixture
def kept(tmp_path: Path) -> KeptArchives:
    return KeptArchives(tmp_path / "kept")


def _received(kept: KeptArchives | None, data: bytes, folder: Path, piece_bytes: int = 50_000) -> SpooledTree:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(data), piece_bytes):
            yield data[start : start + piece_bytes]

    return asyncio.run(receive_archive(chunks(), str(folder), kept))


def _content(tree: SpooledTree, node: Node) -> bytes:
    reader = tree.open(node)
    found = b""
    while piece := reader.read(1 << 20):
        found += piece
    return found


def _all(tree: SpooledTree) -> list[tuple[Node, bytes, bytes]]:
    """Every node with its digest and content."""
    top = tree.node("")
    assert top is not None
    found = [
        (node, *((tree.digest(node), _content(tree, node)) if node.is_file else (b"", b"")))
        for node in walk(tree, top)
    ]
    tree.close()
    return found


def _names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder / "kept"))


def test_the_same_again_is_not_written_again(kept: KeptArchives, tmp_path: Path) -> None:
    first = _all(_received(kept, context(_FILES), tmp_path))
    names = _names(tmp_path)
    assert [name.rpartition(".")[2] for name in names] == ["index", "tar"]
    assert _all(_received(kept, context(_FILES), tmp_path)) == first
    assert _all(_received(kept, gzip.compress(context(_FILES)), tmp_path)) == first
    assert _names(tmp_path) == names
    assert first == _all(_received(None, context(_FILES), tmp_path))


@pytest.mark.parametrize(
    "change",
    [
        {"Dockerfile": "FROM scratch\nCOPY z /\n"},
        {"a/two": _LARGE},
        {"a/two": _LARGE[::-1][:-1] + b"!"},
        {"z": "lost"},
        {"z": "longer than it was"},
        {"zz": "new"},
        {"link": "->z"},
        {"a/one": _LARGE + b"more"},
    ],
)
def test_whatever_changes_is_seen(kept: KeptArchives, tmp_path: Path, change: Files) -> None:
    _received(kept, context(_FILES), tmp_path).close()
    changed = context({**_FILES, **change})
    names = _names(tmp_path)
    assert _all(_received(kept, changed, tmp_path)) == _all(_received(None, changed, tmp_path))
    # In the place of the one before, and the next time nothing is written.
    now = _names(tmp_path)
    assert len(now) == 2
    assert now != names
    assert _all(_received(kept, changed, tmp_path)) == _all(_received(None, changed, tmp_path))
    assert _names(tmp_path) == now


def test_one_with_fewer_files(kept: KeptArchives, tmp_path: Path) -> None:
    _received(kept, context(_FILES), tmp_path).close()
    fewer = context({name: what for name, what in _FILES.items() if name != "z"})
    assert _all(_received(kept, fewer, tmp_path)) == _all(_received(None, fewer, tmp_path))


def test_one_that_is_cut_off_is_refused_and_not_kept(kept: KeptArchives, tmp_path: Path) -> None:
    whole = context(_FILES)
    _received(kept, whole, tmp_path).close()
    names = _names(tmp_path)
    with pytest.raises(InvalidArgumentError, match="unexpected EOF"):
        _received(kept, whole[:700_000], tmp_path)
    assert _names(tmp_path) == names


def test_a_name_that_comes_twice_means_the_last(kept: KeptArchives, tmp_path: Path) -> None:
    end = 1024  # two blocks of zeros, filled up to tar's record of 10,240 bytes
    first = context({"f": _LARGE, "g": _LARGE})
    members = first[: 2 * (512 + len(_LARGE) + -len(_LARGE) % 512)]
    twice = members + context({"f": "the last"})
    assert len(members) + end <= len(first)
    _received(kept, twice, tmp_path).close()
    other = members + context({"f": "another one"})
    for data in (twice, other, first):
        assert _all(_received(kept, data, tmp_path)) == _all(_received(None, data, tmp_path))


def test_damage_is_noticed(kept: KeptArchives, tmp_path: Path) -> None:
    data = context(_FILES)
    fresh = _all(_received(None, data, tmp_path))
    _received(kept, data, tmp_path).close()
    (tar,) = (tmp_path / "kept").glob("*.tar")
    with tar.open("r+b") as file:
        file.seek(300_000)
        file.write(b"damage")
    assert _all(_received(kept, data, tmp_path)) == fresh
    (index,) = (tmp_path / "kept").glob("*.index")
    index.write_bytes(index.read_bytes()[:-1] + b"!")
    assert _all(_received(kept, data, tmp_path)) == fresh


def test_small_ones_are_not_kept_and_large_ones_are_few(kept: KeptArchives, tmp_path: Path) -> None:
    _received(kept, context({"f": "small"}), tmp_path).close()
    assert _names(tmp_path) == []
    for number in range(6):
        _received(kept, context({f"f{number}": _LARGE, "g": _LARGE}), tmp_path).close()
    assert len(_names(tmp_path)) == 2 * 4
    left = {name.partition(".")[0] for name in _names(tmp_path)}
    assert left == {it.name for it in asyncio.run(kept.all())}


def test_one_that_is_removed_can_be_read_to_the_end_of_its_build(kept: KeptArchives, tmp_path: Path) -> None:
    data = context(_FILES)
    _received(kept, data, tmp_path).close()
    tree = _received(kept, data, tmp_path)
    asyncio.run(kept.remove([it.name for it in asyncio.run(kept.all())]))
    assert _names(tmp_path) == []
    node = tree.node("a/one")
    assert node is not None
    assert _content(tree, node) == _LARGE
    tree.close()

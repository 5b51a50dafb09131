"""Which files a COPY means."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from scow.build.execute.selection import select
from scow.build.trees.folder import FolderTree
from scow.errors import InvalidArgumentError, NotFoundError

_FILES = ("a/1", "a/keep/2", "a/keep/x", "a/z", "b/in/3", "b/in/4", "c", "n[1]")


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[FolderTree]:
    for name in _FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "to-a").symlink_to("a")
    with closing(FolderTree(os.open(tmp_path, os.O_RDONLY), with_owners=False)) as found:
        yield found


@pytest.mark.parametrize(
    ("excludes", "left"),
    [
        ((), ["1", "keep", "keep/2", "keep/x", "z"]),
        (("keep",), ["1", "z"]),
        (("keep", "!keep/x"), ["1", "keep/x", "z"]),
        (("**/2",), ["1", "keep", "keep/x", "z"]),
        (("*",), []),
    ],
)
def test_what_is_excluded_of_a_folder(tree: FolderTree, excludes: tuple[str, ...], left: list[str]) -> None:
    selection = select(tree, ["a"], excludes=excludes)
    (chosen,) = selection.chosen
    assert [path for _, path in selection.entries(chosen)] == left


def test_several_folders_may_be_excluded(tree: FolderTree) -> None:
    selection = select(tree, ["/"], excludes=["a", "b"])
    assert [path for _, path in selection.entries(selection.chosen[0])] == ["c", "n[1]", "to-a"]


@pytest.mark.parametrize(
    ("source", "names"),
    [("c", ["c"]), ("?", ["a", "b", "c"]), ("to-a/*", ["1", "keep", "z"]), ("*/in/[34]", ["3", "4"])],
)
def test_patterns_match_part_by_part(tree: FolderTree, source: str, names: list[str]) -> None:
    assert [it.name for it in select(tree, [source]).chosen] == names


def test_what_is_not_there_is_not_found_and_a_pattern_matches_nothing(tree: FolderTree) -> None:
    with pytest.raises(NotFoundError, match="missing"):
        select(tree, ["missing"])
    with pytest.raises(InvalidArgumentError, match="no source files were specified"):
        select(tree, ["missing*"])
    assert select(tree, ["missing*"], may_be_empty=True).chosen == ()


@pytest.mark.parametrize(
    ("source", "kept"),
    [("a/keep/2", "a/keep"), ("a/./keep/2", "keep"), ("c", "")],
)
def test_parents_are_kept_from_the_pivot_on(tree: FolderTree, source: str, kept: str) -> None:
    assert [it.parents for it in select(tree, [source], parents=True).chosen] == [kept]

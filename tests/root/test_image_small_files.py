"""Small files that are made later, and by somebody else: whatever an archive does, the tree is the same."""

import _socket
import hashlib
import io
import os
import random
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scow.errors import ScowError
from scow.image import small_files
from scow.image.layer_unpacker import LayerUnpacker, OverlayWhiteouts
from scow.image.recipe import RecipeWriter, rebuild
from scow.image.small_files import Assistant, SmallFile, make_files
from scow.image.tar.reader import REGULAR, Entry, TarReader
from scow.image.tree_maker import TreeMaker
from scow.image.unpacking.assistance import Assistance, assist
from tests.support.archives import Layer

pytestmark = pytest.mark.root


class Late:
    """An assistant that takes what it is lent when it likes, and makes it as late as it can."""

    def __init__(self, root: Path, drawn: random.Random) -> None:
        self._tree = TreeMaker(os.open(root, os.O_RDONLY))
        self._drawn = drawn
        self._lent: list[tuple[bool, list[SmallFile]]] = []
        self._is_stale = False
        self.made = 0

    def lend(self, files: list[SmallFile]) -> bool:
        if len(self._lent) > 1 or self._drawn.random() < 0.3:
            return False
        self._lent.append((self._is_stale, files))
        self._is_stale = False
        return True

    def collect(self, *, wait: bool) -> Iterator[tuple[list[SmallFile], list[int]]]:
        while self._lent and (wait or self._drawn.random() < 0.3):
            is_stale, files = self._lent.pop(0)
            if is_stale:
                self._tree.forget()
            taken = make_files(self._tree, files)
            self.made += len(files)
            yield files, taken

    def forget_folders(self) -> None:
        self._is_stale = True

    def close(self) -> None:
        self._tree.close()


def unpacked(folder: Path, data: bytes, assistant: Assistant | None, root: Path) -> str:
    """What went wrong, "" for nothing."""
    try:
        with RecipeWriter(str(folder)) as recipe:
            archive = TarReader(io.BytesIO(data), on_raw=recipe.raw)
            with LayerUnpacker(str(root), OverlayWhiteouts(), recipe=recipe, assistant=assistant) as unpacker:
                unpacker.unpack(archive)
            archive.drain()
    except (OSError, ScowError) as exc:
        return str(exc).removeprefix("failed to register layer: ")
    return ""


def described(root: Path) -> dict[str, object]:
    """Everything about a tree but when folders that no entry named were made."""
    found: dict[str, object] = {}
    twins: dict[int, str] = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        is_file = stat.S_ISREG(status.st_mode)
        content = path.read_bytes() if is_file else os.readlink(path) if path.is_symlink() else b""
        first = twins.setdefault(status.st_ino, str(path.relative_to(root)))
        xattrs = {} if path.is_symlink() else {key: os.getxattr(path, key) for key in os.listxattr(path)}
        found[str(path.relative_to(root))] = (
            status.st_mode,
            status.st_uid,
            status.st_rdev,
            status.st_mtime if is_file else 0,
            first if is_file else "",
            content,
            xattrs,
        )
    return found


class Meeting:
    """A layer of few names for many entries, so that nearly each meets another.

    It can be unpacked, unless it is to be ``wild``: has symlinks, and things below what is no folder.
    """

    def __init__(self, drawn: random.Random, *, wild: bool) -> None:
        self._drawn = drawn
        self._layer = Layer()
        self._folders = {""}
        self._others: set[str] = set()
        kinds = {self._file: 60, self._folder: 20, self._hardlink: 9, self._whiteout: 8}
        if wild:
            kinds[self._symlink] = 3
        for number, make in enumerate(drawn.choices(list(kinds), list(kinds.values()), k=100)):
            name = "/".join(drawn.choices("abcd", k=drawn.choice((1, 2, 2, 3, 3, 3))))
            parents = [name[:at] for at, char in enumerate(name) if char == "/"]
            if not self._others.intersection(parents) or (wild and drawn.random() < 0.05):
                self._folders.update(parents)
                make(name, number)

    def data(self) -> bytes:
        return self._layer.data()

    def _is_now_no_folder(self, name: str) -> None:
        self._folders.discard(name)
        for known in (self._folders, self._others):
            known.difference_update([it for it in known if it.startswith(f"{name}/")])
        self._others.add(name)

    def _file(self, name: str, number: int) -> None:
        content = b"%d " % number * self._drawn.choice((0, 1, 9, 9, 40_000))
        self._layer.file(
            name, content, mode=self._drawn.choice((0o644, 0o4755)), uid=self._drawn.choice((0, 7))
        )
        self._is_now_no_folder(name)

    def _folder(self, name: str, number: int) -> None:
        self._layer.folder(name, uid=number)
        self._others.discard(name)
        self._folders.add(name)

    def _hardlink(self, name: str, _number: int) -> None:
        targets = [it for it in sorted(self._others) if not f"{it}/".startswith(f"{name}/")]
        if targets:
            self._layer.hardlink(name, self._drawn.choice(targets))
            self._is_now_no_folder(name)

    def _whiteout(self, name: str, _number: int) -> None:
        folder, slash, last = name.rpartition("/")
        if self._drawn.random() < 0.3:
            self._layer.file(f"{folder}{slash}.wh..wh..opq")
            return
        self._layer.file(f"{folder}{slash}.wh.{last}")
        if name not in self._folders:
            self._others.add(name)

    def _symlink(self, name: str, _number: int) -> None:
        self._layer.symlink(name, self._drawn.choice("abcd"))
        self._is_now_no_folder(name)
        self._others.discard(name)


@pytest.mark.parametrize("seed", range(100))
def test_it_makes_no_difference_who_makes_a_file_and_when(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(small_files, "_BATCH_FILES", 3)
    drawn = random.Random(seed)
    data = Meeting(drawn, wild=seed % 5 == 0).data()
    for name in ("alone", "alone-recipe", "both", "both-recipe"):
        (tmp_path / name).mkdir()
    alone, both = tmp_path / "alone", tmp_path / "both"
    failure = unpacked(tmp_path / "alone-recipe", data, None, alone)
    late = Late(both, drawn)
    assert unpacked(tmp_path / "both-recipe", data, late, both) == failure
    late.close()
    if failure:
        assert seed % 5 == 0, "only these are to fail"
        return  # what there is by then is removed
    assert described(both) == described(alone)
    again = b"".join(rebuild(str(tmp_path / "both-recipe"), str(both)))
    assert hashlib.sha256(again).digest() == hashlib.sha256(data).digest()


def test_most_of_many_files_are_lent(tmp_path: Path) -> None:
    layer = Layer()
    for number in range(2000):
        layer.file(f"folder{number // 50}/file{number}", b"x" * 100)
    for name in ("root", "recipe"):
        (tmp_path / name).mkdir()
    late = Late(tmp_path / "root", random.Random(1))
    assert unpacked(tmp_path / "recipe", layer.data(), late, tmp_path / "root") == ""
    late.close()
    assert 500 < late.made < 2000


def test_what_an_assistant_cannot_make_is_named(tmp_path: Path) -> None:
    near, far = socket.socketpair()
    asked: list[str] = []
    assistance = Assistance(lambda: asked.append("x"), lambda: _socket.socket(fileno=near.detach()))
    working = threading.Thread(target=assist, args=(_socket.socket(fileno=far.detach()), str(tmp_path)))
    working.start()
    (tmp_path / "there").mkdir()
    assert assistance.lend([small_file("there", "a"), small_file("there", "a")])
    assert [taken for _, taken in assistance.collect(wait=True)] == [[1]]
    assert assistance.lend([small_file("gone", "b")])
    with pytest.raises(ScowError, match="failed to register layer: gone/b: No such file or directory"):
        list(assistance.collect(wait=True))
    assistance.close()
    working.join(120)
    assert not working.is_alive()
    assert asked == []


def small_file(folder: str, name: str) -> SmallFile:
    entry = Entry(
        name=f"{folder}/{name}",
        kind=REGULAR,
        mode=0o644,
        uid=0,
        gid=0,
        size=1,
        mtime_ns=0,
        link="",
        device=0,
        offset=0,
    )
    return SmallFile(entry, b"x", folder, name, 0)


def test_nobody_is_asked_for_before_there_are_many_files() -> None:
    asked: list[str] = []
    assistance = Assistance(lambda: asked.append("x"), lambda: None)
    for _ in range(15):
        assert not assistance.lend([small_file("", "a")])
    assert asked == []
    assert not assistance.lend([small_file("", "a")])
    assert asked == ["x"]

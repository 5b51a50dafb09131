"""Folders that come file by file: only what is new of them is asked for the next time."""

import asyncio
import os
import stat
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scow.build.trees.kept_archives import KeptArchives
from scow.build.trees.kept_folders import KeptFolder
from scow.build.trees.received import Received
from scow.build.trees.spooled import SpooledTree
from scow.build.trees.tree import walk
from scow.errors import ScowError
from scow.spec.sent_files import SentFile
from scow.tasks import TaskOwner

_LARGE = os.urandom(600_000)
_FILE, _FOLDER, _LINK = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777
_FIRST = {"a": _LARGE, "d/b": _LARGE[::-1], "d/empty": b"", "z": b"last"}


@pytest.fixture
def kept(tmp_path: Path) -> KeptArchives:
    return KeptArchives(tmp_path / "kept")


@dataclass
class Client:
    """Sends files of which the times are by path."""

    files: Mapping[str, bytes]
    times: Mapping[str, int] = field(default_factory=dict)
    hard_link: tuple[str, str] = ("", "")
    breaks_off: bool = False
    asked: list[str] = field(default_factory=list)

    async def send(self, received: Received) -> AsyncIterator[SentFile | bytes]:
        yield SentFile("d", _FOLDER)
        yield SentFile("d/link", _LINK, link="b")
        for path, content in self.files.items():
            file = SentFile(path, _FILE, size=len(content), mtime_ns=self.times.get(path, 7))
            yield file
            if received.knows(file):
                continue
            self.asked.append(path)
            if self.breaks_off:
                raise ScowError("gone")
            for start in range(0, len(content), 100_000):
                yield content[start : start + 100_000]
        if self.hard_link[0]:
            yield SentFile(self.hard_link[0], _FILE, link=self.hard_link[1])


def received(kept: KeptArchives, client: Client, tmp_path: Path, key: str = "me:/src") -> SpooledTree:
    async def receive() -> SpooledTree:
        with closing(KeptFolder(kept, key, "context")) as folder:
            arriving = Received(str(tmp_path), lambda _: None, folder)
            return await arriving.take(client.send(arriving))

    return asyncio.run(receive())


def contents(tree: SpooledTree) -> dict[str, bytes]:
    """Of the regular files. The tree is closed."""
    top = tree.node("")
    assert top is not None
    found = {}
    for node in walk(tree, top):
        if node.is_file:
            with closing(tree.open(node)) as content:
                found[node.path] = b"".join(iter(lambda content=content: content.read(1 << 16), b""))  # type: ignore[misc]
            assert len(tree.digest(node)) == 32
    tree.close()
    return found


def test_what_is_the_same_is_not_sent_again(kept: KeptArchives, tmp_path: Path) -> None:
    first = Client(_FIRST)
    assert contents(received(kept, first, tmp_path)) == _FIRST
    assert first.asked == list(_FIRST)
    for _ in range(2):
        again = Client(_FIRST)
        assert contents(received(kept, again, tmp_path)) == _FIRST
        assert again.asked == []


def test_what_is_new_is_put_beside_what_is_here(kept: KeptArchives, tmp_path: Path) -> None:
    received(kept, Client(_FIRST), tmp_path).close()
    changed = {"a": _LARGE, "d/b": b"other", "d/empty": b"", "new": _LARGE[5:], "z": b"last"}
    client = Client(changed, hard_link=("zz", "a"))
    assert contents(received(kept, client, tmp_path)) == {**changed, "zz": _LARGE}
    assert client.asked == ["d/b", "new"]
    again = Client(changed)
    assert contents(received(kept, again, tmp_path)) == changed
    assert again.asked == []


def test_fewer_files_need_nothing_new(kept: KeptArchives, tmp_path: Path) -> None:
    received(kept, Client(_FIRST), tmp_path).close()
    client = Client({"d/b": _FIRST["d/b"]}, hard_link=("e", "d/b"))
    found = contents(received(kept, client, tmp_path))
    assert found == {"d/b": _FIRST["d/b"], "e": _FIRST["d/b"]}
    assert client.asked == []


@pytest.mark.parametrize(
    "sender",
    [Client({**_FIRST, "z": b"TSAL"}, times={"z": 8}), Client({**_FIRST, "z": b"longer"})],
)
def test_another_time_or_size_is_another_file(kept: KeptArchives, tmp_path: Path, sender: Client) -> None:
    received(kept, Client(_FIRST), tmp_path).close()
    assert contents(received(kept, sender, tmp_path)) == sender.files
    assert sender.asked == ["z"]


def test_each_client_has_its_own(kept: KeptArchives, tmp_path: Path) -> None:
    received(kept, Client(_FIRST), tmp_path).close()
    other = Client({**_FIRST, "z": b"TSAL"})
    assert contents(received(kept, other, tmp_path, "you:/src")) == other.files
    assert other.asked == list(_FIRST)
    assert len(asyncio.run(kept.all())) == 2


def test_a_transfer_that_breaks_off_leaves_what_was_there(kept: KeptArchives, tmp_path: Path) -> None:
    received(kept, Client(_FIRST), tmp_path).close()
    before = sorted(it.name for it in (tmp_path / "kept").iterdir())
    with pytest.raises(ScowError, match="gone"):
        received(kept, Client({**_FIRST, "new": b"x"}, breaks_off=True), tmp_path)
    assert sorted(it.name for it in (tmp_path / "kept").iterdir()) == before
    again = Client(_FIRST)
    received(kept, again, tmp_path).close()
    assert again.asked == []


def test_what_was_pruned_or_damaged_is_sent_whole(kept: KeptArchives, tmp_path: Path) -> None:
    received(kept, Client(_FIRST), tmp_path).close()
    (index,) = (tmp_path / "kept").glob("*.index")
    index.write_bytes(index.read_bytes()[:-1])
    client = Client(_FIRST)
    received(kept, client, tmp_path).close()
    assert client.asked == list(_FIRST)
    asyncio.run(kept.remove([it.name for it in asyncio.run(kept.all())]))
    assert list((tmp_path / "kept").iterdir()) == []
    again = Client(_FIRST)
    received(kept, again, tmp_path).close()
    assert again.asked == list(_FIRST)


def test_small_folders_are_not_kept(kept: KeptArchives, tmp_path: Path) -> None:
    received(kept, Client({"a": b"small"}), tmp_path).close()
    assert list((tmp_path / "kept").iterdir()) == []


def test_who_gives_up_while_contents_are_joined_waits_for_that(kept: KeptArchives, tmp_path: Path) -> None:
    """What is written to must not be closed: its number may be somebody else's file by then."""
    began, may_end = threading.Event(), threading.Event()
    ended: list[bool] = []

    class Slow(KeptFolder):
        def complete(self, *args: object, **kwargs: object) -> None:
            began.set()
            ended.append(may_end.wait(30))

    async def give_up() -> None:
        with closing(Slow(kept, "me:/src", "context")) as folder:
            client = Client(_FIRST)
            arriving = Received(str(tmp_path), lambda _: None, folder)
            async with TaskOwner("test") as tasks:
                work = tasks.start(arriving.take(client.send(arriving)), name="take")
                await asyncio.to_thread(began.wait, 30)
                work.cancel()
                asyncio.get_running_loop().call_later(0.2, may_end.set)
                with pytest.raises(asyncio.CancelledError):
                    await work
            assert ended == [True]

    asyncio.run(give_up())

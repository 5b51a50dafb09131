"""File change notices."""

import os
import select
from pathlib import Path

import pytest

from scow.linux import inotify
from scow.linux.inotify import Event, Inotify


def test_changes_of_files_in_a_directory_are_told_by_name(tmp_path: Path) -> None:
    with Inotify() as watcher:
        watch = watcher.add_watch(str(tmp_path), inotify.IN_CREATE | inotify.IN_CLOSE_WRITE)
        assert watcher.read() == []
        (tmp_path / "née").write_text("x")
        assert select.select([watcher], [], [], 5)[0]
        assert watcher.read() == [
            Event(watch, inotify.IN_CREATE, 0, "née"),
            Event(watch, inotify.IN_CLOSE_WRITE, 0, "née"),
        ]


def test_a_rename_is_two_events_with_one_cookie(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with Inotify() as watcher:
        watcher.add_watch(str(tmp_path), inotify.IN_MOVED_FROM | inotify.IN_MOVED_TO)
        (tmp_path / "a").rename(tmp_path / "b")
        moved_from, moved_to = watcher.read()
    assert (moved_from.name, moved_to.name) == ("a", "b")
    assert moved_from.cookie == moved_to.cookie != 0


def test_a_watch_ends_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.touch()
    with Inotify() as watcher:
        watch = watcher.add_watch(str(path), inotify.IN_MODIFY | inotify.IN_DELETE_SELF)
        path.write_text("x")
        path.unlink()
        masks = [event.mask for event in watcher.read()]
        assert masks == [inotify.IN_MODIFY, inotify.IN_DELETE_SELF, inotify.IN_IGNORED]
        with pytest.raises(OSError, match="inotify_rm_watch"):
            watcher.remove_watch(watch)


def test_a_removed_watch_tells_nothing_more(tmp_path: Path) -> None:
    with Inotify() as watcher:
        watcher.remove_watch(watcher.add_watch(str(tmp_path), inotify.IN_CREATE))
        (tmp_path / "a").touch()
        assert [event.mask for event in watcher.read()] == [inotify.IN_IGNORED]


def test_closing_twice_closes_one_descriptor() -> None:
    watcher = Inotify()
    fd = watcher.fileno()
    assert not os.get_inheritable(fd)
    watcher.close()
    watcher.close()
    assert watcher.fileno() == -1
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)


def test_watching_nothing_is_an_error_with_the_path(tmp_path: Path) -> None:
    with Inotify() as watcher, pytest.raises(FileNotFoundError, match="nope"):
        watcher.add_watch(str(tmp_path / "nope"), inotify.IN_CREATE)

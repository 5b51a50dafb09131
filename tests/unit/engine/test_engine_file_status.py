"""Modes as Go has them, and the names that paths end with."""

import stat

import pytest

from scow.engine.containers.file_status import last_name
from scow.engine.containers.files import clean_path
from scow.spec.go_file_mode import go_file_mode


@pytest.mark.parametrize(
    ("mode", "go"),
    [
        (stat.S_IFREG | 0o644, 0o644),
        (stat.S_IFREG | 0o6755, 1 << 23 | 1 << 22 | 0o755),
        (stat.S_IFDIR | 0o1777, 1 << 31 | 1 << 20 | 0o777),
        (stat.S_IFLNK | 0o777, 134218239),
        (stat.S_IFCHR | 0o666, 1 << 26 | 1 << 21 | 0o666),
        (stat.S_IFBLK | 0o660, 1 << 26 | 0o660),
        (stat.S_IFIFO | 0o600, 1 << 25 | 0o600),
        (stat.S_IFSOCK | 0o755, 1 << 24 | 0o755),
    ],
)
def test_modes(mode: int, go: int) -> None:
    assert go_file_mode(mode) == go


@pytest.mark.parametrize(
    ("path", "clean", "name"),
    [
        ("/", "/", "/"),
        ("//", "/", "/"),
        ("tmp", "/tmp", "tmp"),
        ("/a/../b/", "/b/", "b"),
        ("/a/b/.", "/a/b/.", "."),
        (".", "/.", "."),
        ("/..", "/", "/"),
        ("../../x", "/x", "x"),
        ("/a//b", "/a/b", "b"),
    ],
)
def test_paths(path: str, clean: str, name: str) -> None:
    assert clean_path(path) == clean
    assert last_name(clean) == name

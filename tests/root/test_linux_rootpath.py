"""Paths in a tree that wants out."""

import os
import stat
from pathlib import Path

import pytest

from scow.linux.rootpath import make_dirs_in_root, open_in_root, read_in_root, resolve_in_root
from tests.support.live_folders import own_descriptors

pytestmark = pytest.mark.root

_ESCAPES = {
    "up": "../../../../../../../../secret",
    "absolute": "/secret",
    "through": "dir/../../../secret",
    "chain": "absolute-dir/../secret",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A hostile tree: its own ``secret`` may be read, the one beside it must never be reached."""
    (tmp_path / "secret").write_text("outside")
    tree = tmp_path / "tree"
    (tree / "dir").mkdir(parents=True)
    (tree / "secret").write_text("inside")
    (tree / "absolute-dir").symlink_to("/dir")
    (tree / "loop").symlink_to("loop")
    for name, target in _ESCAPES.items():
        (tree / name).symlink_to(target)
    return tree


@pytest.mark.parametrize(
    "path",
    [*_ESCAPES, "../secret", "/../../secret", "dir/../../secret", "absolute-dir/../../secret", "/secret"],
)
def test_every_way_out_leads_back_in(root: Path, path: str) -> None:
    assert read_in_root(str(root), path, 100) == b"inside"
    assert resolve_in_root(str(root), path) == str(root / "secret")


@pytest.mark.parametrize("path", ["link/root/etc/passwd", "link/cwd", "link/fd/0", "link/exe"])
def test_magic_links_lead_nowhere(root: Path, path: str) -> None:
    proc = root / "link"
    proc.mkdir()
    os.rmdir(proc)
    proc.symlink_to(f"/proc/{os.getpid()}")
    with pytest.raises(FileNotFoundError):
        open_in_root(str(root), path, os.O_RDONLY)
    with pytest.raises(OSError, match="openat2"):  # and from a root that has a real /proc
        os.close(open_in_root("/", f"proc/{os.getpid()}/{path.partition('/')[2]}", os.O_RDONLY))


def test_a_loop_of_links_ends(root: Path) -> None:
    with pytest.raises(OSError, match="Too many levels"):
        open_in_root(str(root), "loop", os.O_RDONLY)
    with pytest.raises(OSError, match="Too many levels"):
        resolve_in_root(str(root), "loop/x")
    with pytest.raises(OSError, match="Too many levels"):
        make_dirs_in_root(str(root), "loop/x", 0o755, 0, 0)


def test_a_root_may_be_a_descriptor(root: Path) -> None:
    fd = os.open(root, os.O_PATH)
    try:
        assert read_in_root(fd, "up", 100) == b"inside"
        os.close(make_dirs_in_root(fd, "a/b", 0o700, 0, 0))
        assert (root / "a/b").is_dir()
    finally:
        os.close(fd)


def test_what_is_missing_is_resolved_as_far_as_it_goes(root: Path) -> None:
    assert resolve_in_root(str(root), "absolute-dir/new/../x") == str(root / "dir/x")


def test_opened_descriptors_are_close_on_exec(root: Path) -> None:
    fd = open_in_root(str(root), "secret", os.O_RDONLY)
    try:
        assert not os.get_inheritable(fd)
    finally:
        os.close(fd)


def test_files_can_be_made_in_a_root(root: Path) -> None:
    fd = open_in_root(str(root), "/absolute-dir/new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    os.close(fd)
    assert (root / "dir/new").is_file()


def test_directories_are_made_with_mode_and_owner(root: Path) -> None:
    before = os.umask(0o077)
    try:
        fd = make_dirs_in_root(str(root), "/absolute-dir/x/y", 0o2775, 1234, 5678)
    finally:
        os.umask(before)
    try:
        assert os.path.samestat(os.fstat(fd), os.stat(root / "dir/x/y"))
    finally:
        os.close(fd)
    for made in (root / "dir/x", root / "dir/x/y"):
        found = made.stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o2775, 1234, 5678)
    assert (root / "dir").stat().st_uid == os.getuid()


def test_a_dangling_link_on_the_way_is_followed_inside(root: Path, tmp_path: Path) -> None:
    (root / "dangling").symlink_to("/../new/place")
    os.close(make_dirs_in_root(str(root), "dangling/x", 0o755, 0, 0))
    assert (root / "new/place/x").is_dir()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("path", ["secret", "secret/x", "up/x", "dir/../secret/y"])
def test_directories_are_not_made_in_files(root: Path, path: str) -> None:
    with pytest.raises(NotADirectoryError):
        make_dirs_in_root(str(root), path, 0o755, 0, 0)


def test_only_regular_files_are_read_and_only_so_much(root: Path) -> None:
    os.mkfifo(root / "fifo")
    os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    for name in ("fifo", "null", "dir"):
        with pytest.raises(OSError, match="not a regular file"):
            read_in_root(str(root), name, 100)
    assert read_in_root(str(root), "secret", 6) == b"inside"
    with pytest.raises(OSError, match="longer than 5 bytes"):
        read_in_root(str(root), "secret", 5)


def test_nothing_is_left_open_after_failures(root: Path) -> None:
    before = own_descriptors()
    for path in ("nope", "loop", "dir"):
        with pytest.raises(OSError):  # noqa: PT011 - each has its own class
            read_in_root(str(root), path, 100)
    with pytest.raises(NotADirectoryError):
        make_dirs_in_root(str(root), "secret/x", 0o755, 0, 0)
    assert own_descriptors() == before

"""Mounts and network namespaces of the real kernel, in throw-away directories."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from scow.linux import mounts, namespaces, syscalls
from scow.linux.mounts import mount, unmount
from tests.support.live_folders import own_descriptors

pytestmark = pytest.mark.root


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory with a private tmpfs on it."""
    mount("scow-test", str(tmp_path), fstype="tmpfs", data="size=1m")
    mount("none", str(tmp_path), flags=mounts.MS_PRIVATE)
    yield tmp_path
    with suppress(OSError):
        while True:
            unmount(str(tmp_path), lazy=True)


def test_a_bind_mount_is_a_mount_point_also_on_a_file(place: Path) -> None:
    for name in ("a", "b"):
        (place / name).mkdir()
    (place / "a/file").write_text("a")
    (place / "file").touch()
    assert not mounts.is_mountpoint(str(place / "b"))
    mount(str(place / "a"), str(place / "b"), flags=mounts.MS_BIND)
    mount(str(place / "a/file"), str(place / "file"), flags=mounts.MS_BIND)
    assert mounts.is_mountpoint(str(place / "b"))
    assert mounts.is_mountpoint(str(place / "file"))
    assert (place / "file").read_text() == "a"
    unmount(str(place / "file"))
    unmount(str(place / "b"))
    assert not mounts.is_mountpoint(str(place / "file"))


def test_a_mount_with_odd_characters_is_found(place: Path) -> None:
    odd = place / "a b\tc\\d\ne"
    odd.mkdir()
    mount("odd source", str(odd), fstype="tmpfs")
    (entry,) = [entry for entry in mounts.mountinfo() if entry.mountpoint == str(odd)]
    assert (entry.fstype, entry.source) == ("tmpfs", "odd source")
    assert mounts.propagation_of(str(odd / ".")) == (str(odd), "private")
    unmount(str(odd))


@pytest.mark.parametrize(
    ("flag", "propagation"),
    [(mounts.MS_SHARED, "shared"), (mounts.MS_PRIVATE, "private")],
)
def test_propagation_is_that_of_the_mount_above(place: Path, flag: int, propagation: str) -> None:
    mount("none", str(place), flags=flag)
    (place / "below").mkdir()
    assert mounts.propagation_of(str(place / "below")) == (str(place), propagation)


def test_a_slave_of_a_shared_mount_is_one(place: Path) -> None:
    mount("none", str(place), flags=mounts.MS_SHARED)
    (place / "copy").mkdir()
    mount(str(place), str(place / "copy"), flags=mounts.MS_BIND)
    mount("none", str(place / "copy"), flags=mounts.MS_SLAVE)
    assert mounts.propagation_of(str(place / "copy"))[1] == "slave"
    unmount(str(place / "copy"))


def test_a_busy_mount_goes_lazily(place: Path) -> None:
    held = os.open(place, os.O_RDONLY)
    try:
        with pytest.raises(OSError, match=r"umount2: Device or resource busy: .*"):
            unmount(str(place))
        unmount(str(place), lazy=True)
        assert not mounts.is_mountpoint(str(place))
    finally:
        os.close(held)
    with pytest.raises(OSError, match="Invalid argument"):
        unmount(str(place))


def test_unmounting_does_not_follow_a_link(place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    link = tmp_path_factory.mktemp("links") / "link"
    link.symlink_to(place)
    with pytest.raises(OSError, match="umount2"):
        unmount(str(link))
    assert mounts.is_mountpoint(str(place))
    assert not mounts.is_mountpoint(str(link))


def test_a_rename_can_refuse_to_replace(place: Path) -> None:
    (place / "a").write_text("a")
    (place / "b").write_text("b")
    with pytest.raises(FileExistsError, match="renameat2"):
        syscalls.renameat2(
            syscalls.AT_FDCWD,
            str(place / "a"),
            syscalls.AT_FDCWD,
            str(place / "b"),
            syscalls.RENAME_NOREPLACE,
        )
    syscalls.renameat2(
        syscalls.AT_FDCWD, str(place / "a"), syscalls.AT_FDCWD, str(place / "b"), syscalls.RENAME_EXCHANGE
    )
    assert (place / "a").read_text() == "b"


def test_a_namespace_is_made_entered_and_left() -> None:
    before = os.readlink("/proc/thread-self/ns/net")
    fd = namespaces.create_netns()
    try:
        assert os.readlink("/proc/thread-self/ns/net") == before
        assert not os.get_inheritable(fd)
        with namespaces.enter_netns(fd):
            inside = os.readlink("/proc/thread-self/ns/net")
            assert [name for _, name in socket.if_nameindex()] == ["lo"]
        assert inside == os.readlink(f"/proc/self/fd/{fd}") != before
        assert os.readlink("/proc/thread-self/ns/net") == before
    finally:
        os.close(fd)


def test_leaving_a_namespace_survives_an_error_and_closes_everything() -> None:
    before = os.readlink("/proc/thread-self/ns/net")
    open_before = own_descriptors()
    fd = namespaces.create_netns()
    with pytest.raises(RuntimeError, match="inside"), namespaces.enter_netns(fd):
        raise RuntimeError("inside")
    os.close(fd)
    with pytest.raises(OSError, match="setns"), namespaces.enter_netns(0):
        pass
    assert os.readlink("/proc/thread-self/ns/net") == before
    assert own_descriptors() == open_before


def test_only_the_calling_thread_moves() -> None:
    fd = namespaces.create_netns()
    entered = threading.Event()
    seen: list[str] = []

    def look() -> None:
        entered.wait(120)
        seen.append(os.readlink("/proc/thread-self/ns/net"))

    thread = threading.Thread(target=look)
    thread.start()
    with namespaces.enter_netns(fd):
        entered.set()
        thread.join()
    os.close(fd)
    assert seen == [os.readlink("/proc/thread-self/ns/net")]


def test_a_process_can_become_a_subreaper_and_stop_being_one() -> None:
    syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 0)
    with pytest.raises(OSError, match="prctl"):
        syscalls.prctl(123456)


def test_a_file_system_is_synced(place: Path) -> None:
    syscalls.sync_file_system(str(place))
    with pytest.raises(FileNotFoundError):
        syscalls.sync_file_system(str(place / "nosuch"))

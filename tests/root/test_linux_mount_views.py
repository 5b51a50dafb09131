"""A mount namespace with nobody in it: what is seen there, what is not, and what is left of it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scow.linux.mount_views import Bind, MountView, view_of_directory, view_of_process
from scow.linux.rootpath import follow_in_root, open_in_root
from tests.support.live_folders import own_descriptors

pytestmark = pytest.mark.root


def names(view: MountView, path: str) -> list[str]:
    fd = open_in_root(view.root, path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return sorted(os.listdir(fd))
    finally:
        os.close(fd)


def write(view: MountView, path: str) -> None:
    os.close(open_in_root(view.root, path, os.O_WRONLY | os.O_CREAT, 0o600))


def test_a_directory_with_others_bound_into_it(tmp_path: Path) -> None:
    root, volume, file = tmp_path / "root", tmp_path / "volume", tmp_path / "file"
    for folder in (root / "run", volume):
        folder.mkdir(parents=True)
    (root / "var").symlink_to("/run")
    (volume / "inside").touch()
    file.write_text("bound")
    binds = [Bind(str(volume), "/var/deep/volume"), Bind(str(file), "/etc/file", writable=False)]
    view = view_of_directory(str(root), binds)
    try:
        assert names(view, "/run/deep/volume") == ["inside"]
        assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text(), "nothing shows on the host"
        write(view, "/run/deep/volume/new")
        assert (volume / "new").exists()
        with pytest.raises(OSError, match="Read-only"):
            write(view, "/etc/file")
        assert sorted(view.mount_points) == ["/etc/file", "/run/deep/volume"]
        assert view.is_in_use("/run/deep")
        assert not view.is_in_use("/run/dee")
        assert follow_in_root(view.root, "/var/deep/../../../x") == "/x"
        assert names(view, "../../..") == ["etc", "run", "var"]
    finally:
        view.close()
    view.close()
    assert os.listdir(root / "run/deep/volume") == []


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    mounts = "mount -t tmpfs t /mnt; mkdir /mnt/sub; mount -t tmpfs t /mnt/sub; touch /mnt/sub/file"
    script = f"{mounts}; echo; exec sleep 60"
    with subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_what_a_process_has_mounted(process: subprocess.Popen[bytes]) -> None:
    view = view_of_process(process.pid, ["/mnt"])
    try:
        assert names(view, "/mnt/sub") == ["file"]
        assert names(view, "/proc") == [], "what the kernel makes up is left out"
        write(view, "/mnt/sub/written")
        seen = os.listdir(f"/proc/{process.pid}/root/mnt/sub")
        assert sorted(seen) == ["file", "written"]
        assert os.path.ismount(f"/proc/{process.pid}/root/proc"), "its own mounts are as they were"
    finally:
        view.close()


def test_a_process_that_has_ended() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    before = own_descriptors()
    with pytest.raises((FileNotFoundError, ProcessLookupError)):
        view_of_process(ended.pid, [])
    with pytest.raises(FileNotFoundError):
        view_of_directory("/nowhere", [])
    assert own_descriptors() == before

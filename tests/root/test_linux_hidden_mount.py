"""A program that does not see one mount: the caller still does, and all other mounts propagate."""

import os
import subprocess
from pathlib import Path

import pytest

from scow.linux.hidden_mount import call_without_mount
from tests.support.disks import mounted_tmpfs


def spawn(script: str) -> int:
    return os.posix_spawn("/bin/sh", ["sh", "-c", script], os.environ)


def exit_code(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_only_the_one_mount_is_gone_and_only_for_the_child(tmp_path: Path) -> None:
    with mounted_tmpfs(tmp_path / "parent") as parent, mounted_tmpfs(parent / "hidden") as hidden:
        (hidden / "file").touch()
        (parent / "other").touch()
        before = os.readlink("/proc/self/ns/mnt")
        pid = call_without_mount(
            str(hidden), lambda: spawn(f"test -e {parent}/other && ! test -e {hidden}/file")
        )
        assert exit_code(pid) == 0
        assert (hidden / "file").exists()
        assert os.readlink("/proc/thread-self/ns/mnt") == before


def test_a_shared_mount_still_propagates(tmp_path: Path) -> None:
    with (
        mounted_tmpfs(tmp_path / "parent") as parent,
        mounted_tmpfs(parent / "hidden") as hidden,
        mounted_tmpfs(tmp_path / "shared") as shared,
    ):
        subprocess.run(["mount", "--make-shared", str(shared)], check=True)
        subprocess.run(["mount", "--make-shared", str(parent)], check=True)
        (shared / "below").mkdir()
        script = f"mount -t tmpfs inner {shared}/below && touch {shared}/below/seen"
        assert exit_code(call_without_mount(str(hidden), lambda: spawn(script))) == 0
        assert (shared / "below" / "seen").exists()
        assert hidden.is_mount(), "the shared parent would have taken it away from everybody"
        subprocess.run(["umount", str(shared / "below")], check=True)


def test_what_fails_is_raised_to_the_caller(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="mount: "):
        call_without_mount(str(tmp_path), lambda: spawn("true"))
    with (
        mounted_tmpfs(tmp_path / "parent") as parent,
        mounted_tmpfs(parent / "hidden") as hidden,
        pytest.raises(FileNotFoundError),
    ):
        call_without_mount(str(hidden), lambda: os.posix_spawn("/no/such", ["x"], {}))

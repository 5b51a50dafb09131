"""Copies of programs that nobody can write."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from scow.runtime.sealed_program import SealedPrograms


def run(path: str) -> int:
    """The exit code, as scow-reaper runs programs."""
    return os.waitstatus_to_exitcode(os.waitpid(os.posix_spawn(path, ["anything"], {}), 0)[1])


@pytest.fixture
def program(tmp_path: Path) -> Path:
    copy = tmp_path / "program"
    shutil.copy(shutil.which("true") or "", copy)
    return copy


def test_the_copy_runs_and_cannot_be_written(program: Path) -> None:
    path = SealedPrograms().path_of(str(program))
    assert path != str(program)
    assert Path(path).read_bytes() == program.read_bytes()
    fd = int(path.rpartition("/")[2])
    for attempt in (lambda: os.write(fd, b"x"), lambda: os.ftruncate(fd, 0)):
        with pytest.raises(PermissionError) as caught:
            attempt()
        assert caught.value.errno == errno.EPERM
    assert not os.get_inheritable(fd)
    assert run(path) == 0


def test_there_is_one_copy_until_the_program_is_replaced(program: Path, tmp_path: Path) -> None:
    programs = SealedPrograms()
    first = programs.path_of(str(program))
    assert programs.path_of(str(program)) == first
    newer = tmp_path / "newer"
    shutil.copy(shutil.which("false") or "", newer)
    newer.rename(program)
    before = len(os.listdir("/proc/self/fd"))
    assert run(programs.path_of(str(program))) == 1
    assert len(os.listdir("/proc/self/fd")) == before, "the old copy is closed"


def test_what_cannot_be_copied_runs_as_it_is(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    programs = SealedPrograms()
    before = len(os.listdir("/proc/self/fd"))
    assert programs.path_of(str(script)) == str(script)
    assert programs.path_of("/nonexistent") == "/nonexistent"
    assert len(os.listdir("/proc/self/fd")) == before

"""Programs that crun compiled are given back to it."""

import base64
from pathlib import Path
from typing import Any

import pytest

from scow.runtime import seccomp_programs
from scow.runtime.seccomp_programs import ANNOTATION, SeccompPrograms

PROGRAM = bytes(range(16))


def document(name: str = "read", **more: Any) -> Any:
    return {"linux": {"seccomp": {"syscalls": [{"names": [name]}], **more}}}


def started(programs: SeccompPrograms, asked: Any, state: Path, program: bytes = PROGRAM) -> None:
    programs.put_into(asked, "first")
    state.mkdir(exist_ok=True)
    (state / "seccomp.bpf").write_bytes(program)
    programs.learn("first", state)


def test_the_second_container_with_a_profile_gets_the_program_of_the_first(tmp_path: Path) -> None:
    programs, first, second, other = SeccompPrograms(), document(), document(), document("write")
    second["annotations"] = {"own": "1"}
    started(programs, first, tmp_path)
    assert "annotations" not in first
    programs.put_into(second, "second")
    assert second["annotations"] == {"own": "1", ANNOTATION: base64.b64encode(PROGRAM).decode()}
    assert second["linux"] == document()["linux"], "the profile stays"
    programs.put_into(other, "other")
    assert "annotations" not in other


@pytest.mark.parametrize("program", [b"", b"odd", bytes(4097 * 8)])
def test_what_is_no_program_is_not_kept(tmp_path: Path, program: bytes) -> None:
    programs, later = SeccompPrograms(), document()
    started(programs, document(), tmp_path, program)
    programs.put_into(later, "later")
    assert "annotations" not in later


def test_a_listener_and_a_program_of_the_users_own_are_left_alone(tmp_path: Path) -> None:
    programs = SeccompPrograms()
    documents: list[Any] = [document(listenerPath="/x"), document(), {"linux": {}}]
    documents[1]["annotations"] = {ANNOTATION: "own"}
    for asked in documents:
        before = repr(asked)
        started(programs, asked, tmp_path)
        started(programs, asked, tmp_path)
        assert repr(asked) == before


def test_a_failed_start_and_a_missing_file_teach_nothing(tmp_path: Path) -> None:
    programs, later = SeccompPrograms(), document()
    programs.put_into(document(), "failed")
    programs.forget("failed")
    (tmp_path / "seccomp.bpf").write_bytes(PROGRAM)
    programs.learn("failed", tmp_path)
    programs.put_into(document(), "gone")
    programs.learn("gone", tmp_path / "missing")
    programs.put_into(later, "later")
    assert "annotations" not in later


def test_the_number_of_programs_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp_programs, "_MAX_PROGRAMS", 2)
    programs = SeccompPrograms()
    for name in ("a", "b", "c"):
        started(programs, document(name), tmp_path)
    oldest, newest = document("a"), document("c")
    programs.put_into(oldest, "x")
    programs.put_into(newest, "y")
    assert "annotations" not in oldest
    assert "annotations" in newest

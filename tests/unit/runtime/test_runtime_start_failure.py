"""The runtime's complaints in Docker's words."""

from pathlib import Path

import pytest

from scow.runtime.start_failure import explain_exec_failure, explain_start_failure, last_error

PREFIX = "failed to create task for container: failed to create shim task: OCI runtime create failed: "


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ('exec: "x": executable file not found in $PATH', 127),
        ('exec: "x": stat x: no such file or directory', 127),
        ('exec: "/etc/x": permission denied', 126),
        ('exec: "/x": is a directory', 126),
        ("no space left on device", 128),
    ],
)
def test_start_failures_and_their_exit_codes(reason: str, code: int) -> None:
    own = f"runc run failed: unable to start container process: {reason}"
    docker = f"runc create failed: unable to start container process: {reason}: unknown"
    assert explain_start_failure(own, "x") == (PREFIX + docker, code)


def test_a_mount_of_a_file_onto_a_directory_gets_dockers_advice() -> None:
    text, code = explain_start_failure('runc run failed: mounting "/a" to "/b": not a directory')
    assert text.endswith(
        "not a directory: unknown: Are you trying to mount a directory onto a file (or vice-versa)? "
        "Check if the specified host path exists and is the expected type"
    )
    assert code == 127


def test_what_is_missing_must_be_the_command() -> None:
    own = 'runc run failed: stat "/somewhere": no such file or directory'
    assert explain_start_failure(own, "busybox")[1] == 128


def test_exec_failures_have_their_own_prefix() -> None:
    own = 'exec failed: unable to start container process: exec: "x": executable file not found in $PATH'
    assert explain_exec_failure(own, "x") == (f"OCI runtime exec failed: {own}: unknown", 127)


def test_the_last_error_of_a_runtimes_log_counts(tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    log.write_text(
        'plain words\n{"level":"error","msg":"first"}\n{"level":"error","msg":"second","time":"t"}\n'
        '{"level":"warning","msg":"beside the point"}\n[]\n{"level":"err'
    )
    assert last_error(str(log)) == "second"


def test_no_log_is_no_error(tmp_path: Path) -> None:
    assert last_error(str(tmp_path / "missing")) == ""

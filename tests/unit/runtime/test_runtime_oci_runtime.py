"""The command lines that a runtime is given, and what becomes of its answers."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from scow.linux.cgroups import Cgroup, CgroupHost
from scow.runtime.oci_runtime import OciRuntime, Stdio
from scow.runtime.start_failure import RuntimeFailedError
from scow.runtime.supervisor import CONSOLE


def script(directory: Path, text: str) -> OciRuntime:
    """A runtime that is a shell script."""
    path = directory / "runtime"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return OciRuntime(str(path), Path("/run/x/runc"))


def test_a_container_is_created_and_started_by_one_command() -> None:
    runtime = OciRuntime("/usr/sbin/runc", Path("/run/x/runc"), options=("--criu", "/c"))
    request = runtime.run_request("id1", Path("/run/x/b/id1"), Stdio())
    assert request.argv == (
        *("/usr/sbin/runc", "--criu", "/c", "--root", "/run/x/runc"),
        *("--log", "/run/x/b/id1/init.log", "--log-format", "json"),
        *("run", "--detach", "--pid-file", "/run/x/b/id1/init.pid", "--bundle", "/run/x/b/id1", "id1"),
    )
    assert request.pid_file == "/run/x/b/id1/init.pid"


def test_a_terminal_needs_a_console_socket() -> None:
    request = OciRuntime("/runc", Path("/r")).run_request("a", Path("/b"), Stdio(tty=True))
    assert request.argv[request.argv.index("--console-socket") + 1] == CONSOLE
    assert request.tty


def test_an_exec_has_its_files_beside_the_containers_own(tmp_path: Path) -> None:
    runtime = OciRuntime("/runc", Path("/r"))
    request = runtime.exec_request("a", tmp_path, "e1", {"args": ["true"]}, Stdio(stdin=True))
    assert json.loads((tmp_path / "exec-e1.json").read_text()) == {"args": ["true"]}
    assert request.argv[-3:] == ("--process", str(tmp_path / "exec-e1.json"), "a")
    runtime.remove_exec_files(tmp_path, "e1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("printed", "message"),
    [
        ('{"level":"error","msg":"container does not exist"}', "container does not exist"),
        ("plain words", "plain words"),
        ("", "the runtime gave no reason"),
    ],
)
def test_a_refusal_has_its_reason_and_its_status(tmp_path: Path, printed: str, message: str) -> None:
    runtime = script(tmp_path, f"echo '{printed}' >&2; exit 3")
    with pytest.raises(RuntimeFailedError) as failure:
        asyncio.run(runtime.pause("a"))
    assert (failure.value.message, failure.value.exit_status) == (message, 3)


def test_limits_go_in_on_standard_input(tmp_path: Path) -> None:
    runtime = script(tmp_path, f'echo "$@" >{tmp_path}/argv; cat >{tmp_path}/stdin')
    asyncio.run(runtime.update("a", {"memory": {"limit": 1}}))
    assert (tmp_path / "argv").read_text().split()[-4:] == ["update", "--resources", "-", "a"]
    assert json.loads((tmp_path / "stdin").read_text()) == {"memory": {"limit": 1}}


def test_the_version_is_the_last_word_of_the_first_line(tmp_path: Path) -> None:
    assert asyncio.run(script(tmp_path, "printf 'runc version 1.1.5\\ncommit: x\\n'").version()) == "1.1.5"


def test_a_runtime_that_does_not_know_features_has_none(tmp_path: Path) -> None:
    assert asyncio.run(script(tmp_path, "exit 1").features()) == {}
    assert asyncio.run(script(tmp_path, 'echo \'{"ociVersionMin":"1.0.0"}\'').features()) == {
        "ociVersionMin": "1.0.0"
    }


def test_a_missing_runtime_is_named() -> None:
    with pytest.raises(RuntimeFailedError, match="/nowhere/runc: No such file or directory"):
        asyncio.run(OciRuntime("/nowhere/runc", Path("/r")).version())


def test_discard_takes_what_a_runtime_killed_at_work_has_left(tmp_path: Path) -> None:
    runtime = replace(script(tmp_path, "exit 0"), root=tmp_path / "state")
    (runtime.root / "a" / "half").mkdir(parents=True)
    cgroup = Cgroup(CgroupHost(1, {"pids": str(tmp_path / "pids")}), "/scow/a")
    Path(cgroup.directories["pids"]).mkdir(parents=True)
    asyncio.run(runtime.discard("a", cgroup))
    assert not (runtime.root / "a").exists()
    assert not cgroup.exists()

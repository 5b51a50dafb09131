"""What an engine costs: memory, wake-ups, processes started, processor time of the command line.

Bounds that do not depend on what else the machine does; figures against dockerd are in docs/benchmarks.md.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.clients import Client
from tests.support.daemons import Daemon, running
from tests.support.environment import program
from tests.support.footprint import OwnPythonDaemon, anonymous_kib, pss_kib, wait_until_asleep

CONTAINERS = 30
MIB = 1024


@pytest.fixture(scope="module")
def docker(scow_daemon: Daemon) -> Client:
    return scow_daemon.client("docker")


@pytest.fixture
def box(docker: Client) -> str:
    """A running container."""
    return docker.start("--rm", "--network", "none", "busybox", "sleep", "600")


def test_an_engine_that_rests_has_less_than_thirty_megabytes_whatever_it_has_done() -> None:
    with running(OwnPythonDaemon) as daemon:
        wait_until_asleep(daemon)
        assert len(daemon.processes()) == 3
        fresh = pss_kib(daemon)
        for _ in range(3):
            daemon.docker("run", "--rm", "-p", "8080:80", "-v", "/data", "busybox", "echo", "hello")
        wait_until_asleep(daemon)
        used = pss_kib(daemon)
        body = {"Image": "busybox", "Cmd": ["sleep", "600"], "HostConfig": {"NetworkMode": "none"}}
        for _ in range(CONTAINERS):
            ident = daemon.api("POST", "/containers/create", body).json["Id"]
            assert daemon.api("POST", f"/containers/{ident}/start").status == 204
        daemon.remove_containers()
        wait_until_asleep(daemon)
        emptied = pss_kib(daemon)
    # 26.5, 27.5 and 28.0 MB when this was written, on a machine where nothing else used Python's libraries.
    bounds = (29 * MIB, 30 * MIB, 30 * MIB)
    measured = (fresh, used, emptied)
    assert all(kib < bound for kib, bound in zip(measured, bounds, strict=True)), measured


def test_a_used_engine_is_small_and_asleep(scow_daemon: Daemon, docker: Client, box: str) -> None:
    for _ in range(5):
        docker("run", "--rm", "-p", "8080:80", "-v", "/data", "busybox", "echo", "hello")
        docker("exec", box, "true")
    docker("logs", box)
    docker("ps", "-a")
    wait_until_asleep(scow_daemon)
    assert (anonymous := anonymous_kib(scow_daemon)) < 26.5 * MIB, anonymous


def test_a_running_container_costs_kilobytes_and_no_wake_ups(scow_daemon: Daemon, docker: Client) -> None:
    body = {"Image": "busybox", "Cmd": ["sleep", "600"]}
    warm_up = [scow_daemon.api("POST", "/containers/create", body).json["Id"] for _ in range(CONTAINERS)]
    for ident in warm_up:  # caches and heaps that the later ones use again
        assert scow_daemon.api("POST", f"/containers/{ident}/start").status == 204
    wait_until_asleep(scow_daemon)
    before = anonymous_kib(scow_daemon)
    for _ in range(CONTAINERS):
        ident = scow_daemon.api("POST", "/containers/create", body).json["Id"]
        assert scow_daemon.api("POST", f"/containers/{ident}/start").status == 204
    wait_until_asleep(scow_daemon)
    assert (anonymous_kib(scow_daemon) - before) / CONTAINERS < 50
    scow_daemon.remove_containers()


@pytest.mark.parametrize(
    ("commands", "started"),
    [
        ([("run", "--rm", "busybox", "true")], ["run"]),
        ([("run", "-d", "--name", "aa", "busybox", "sleep", "600"), ("rm", "-f", "aa")], ["run"]),
        ([("exec", "box", "true")], ["exec"]),
        ([("stop", "-t", "0", "box"), ("start", "box"), ("top", "box"), ("ps",)], ["run"]),
    ],
)
def test_a_runtime_is_started_once_for_a_container_and_for_an_exec(
    start_daemon: Callable[..., Daemon],
    tmp_path: Path,
    commands: list[tuple[str, ...]],
    started: list[str],
) -> None:
    record = tmp_path / "record"
    counting = tmp_path / "counting"
    runtime = shutil.which("runc") or "runc"
    counting.write_text(f'#!/bin/sh\necho "$*" >>{record}\nexec {runtime} "$@"\n')
    counting.chmod(0o755)
    daemon = start_daemon("--add-runtime", f"counting={counting}", "--default-runtime", "counting")
    docker = daemon.client("docker")
    docker("run", "-d", "--name", "box", "busybox", "sleep", "600")
    record.write_text("")
    for command in commands:
        docker(*command)
    daemon.remove_containers()
    words = [line.split() for line in record.read_text().splitlines()]
    assert [next(word for word in line if word in ("run", "exec")) for line in words] == started


def processor_s(*argv: str) -> float:
    """What a program costs from start to end."""
    # The first start writes the byte code, as installing does.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, env=env)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


def test_ps_costs_little_more_than_an_interpreter(scow_daemon: Daemon, box: str) -> None:
    bare, ps = [], []
    # The least of several: caches of a processor that others use too cost time as well. An interpreter takes
    # 12 to 21 ms where ``ps`` is to take 40 at most; 1.4 times as long as one when this was written.
    for count in range(80):
        bare.append(processor_s(sys.executable, "-I", "-c", "pass"))
        ps.append(processor_s(program("scow"), "--host", scow_daemon.host, "ps"))
        if count >= 10 and min(ps) / min(bare) < 40 / 21:
            break
    assert min(ps) / min(bare) < 40 / 21, (ps, bare)

"""Restart policies: after an end of its own, after a person's stop, when the engine starts again."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.support.clients import Client
from tests.support.daemons import Daemon
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference

LOOP = ("busybox", "sh", "-c", "echo run; exit 3")


def restarts(client: Client, name: str) -> int:
    return int(client.inspect(name, "{{.RestartCount}}"))


def state(client: Client, name: str) -> str:
    return client.inspect(name, "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}")


def test_on_failure_tries_so_often_and_then_tells_the_last_code(client: Client) -> None:
    began = str(time.time())
    client.start("--name", "thrice", "--restart", "on-failure:2", *LOOP)
    client.start("--name", "content", "--restart", "on-failure", "busybox", "true")
    wait_until(lambda: state(client, "thrice") == "exited 3 2", "it was tried twice more")
    assert client.text("logs", "thrice") == "run\nrun\nrun"
    wait_until(lambda: state(client, "content") == "exited 0 0", "a success is no failure")
    past = client.text(
        *("events", "--since", began, "--until", str(time.time()), "--filter", "container=thrice"),
        *("--filter", "type=container", "--format", "{{.Action}}"),
    ).splitlines()
    assert past == ["create", *["start", "die"] * 3]
    client("start", "thrice")
    wait_until(lambda: state(client, "thrice") == "exited 3 2", "a person's start begins a new count")
    assert client.text("logs", "thrice").count("run") == 6


def test_a_loop_backs_off_and_can_be_stopped_in_between(client: Client) -> None:
    client.start("--name", "loop", "--restart", "always", *LOOP)
    # 0.1, 0.2, 0.4, 0.8, 1.6, 3.2 s: the sixth pause is long enough to look around.
    wait_until(lambda: restarts(client, "loop") >= 6, "it is in its sixth pause")
    within_a_pause(client, look_around)
    waiting = client.popen("wait", "loop")
    client("stop", "loop")
    assert waiting.communicate(timeout=120)[0].strip() == b"3"
    count = restarts(client, "loop")
    assert state(client, "loop") == f"exited 3 {count}"
    assert client.api("POST", "/containers/loop/stop").status == 304
    assert client.text("wait", "loop") == "3"
    assert client.text("logs", "loop").count("run") == count, "nothing was started in spite of the stop"


def within_a_pause(client: Client, look: Callable[[Client], None]) -> None:
    """Look around before the next start of "loop". Whoever is too slow for that gets a longer pause."""
    while True:
        wait_until(lambda: client.status("loop") == "restarting", "it waits for the next start")
        count = restarts(client, "loop")
        try:
            look(client)
        except AssertionError:
            if restarts(client, "loop") == count:
                raise
        else:
            return


def look_around(client: Client) -> None:
    shown = client.text("ps", "--filter", "name=loop", "--format", "{{.Status}} {{.State}}")
    assert shown.startswith("Restarting (3)")
    assert shown.endswith("ago restarting")
    found = json.loads(client.inspect("loop", "{{json .State}}"))
    assert (found["Running"], found["Restarting"], found["Pid"]) == (True, True, 0)
    assert client.text("ps", "--filter", "status=restarting", "--format", "{{.Names}}") == "loop"
    wait = "is restarting, wait until the container is running"
    assert wait in client("exec", "loop", "true", code=1).err
    assert wait in client("pause", "loop", code=1).err
    assert client.api("POST", "/containers/loop/start").status == 304
    error = client("rm", "loop", code=1).err
    assert "restarting: stop the container" in error or "remove a restarting container" in error


@pytest.mark.parametrize(
    ("method", "target"), [("POST", "/kill"), ("DELETE", "?force=1"), ("POST", "/restart?t=0")]
)
def test_other_verbs_in_the_pause(client: Client, method: str, target: str) -> None:
    """By the API, so that it is still that pause."""
    client.start("--name", "loop", "--restart", "always", *LOOP)
    wait_until(lambda: restarts(client, "loop") >= 5, "it is in its fifth pause, of 1.6 s")
    wait_until(lambda: client.status("loop") == "restarting", "it waits for the next start")
    assert client.api(method, f"/containers/loop{target}").status == 204
    match target:
        case "/kill":
            wait_until(lambda: client.status("loop") == "exited", "no more starts")
        case "?force=1":
            assert client.text("ps", "-aq") == ""
        case "/restart?t=0":
            wait_until(lambda: 0 < restarts(client, "loop") < 5, "a new count has begun")


def test_what_a_person_ends_stays_down(client: Client) -> None:
    names = ("stopped", "killed", "hung-up")
    for name in names:
        client.start("--name", name, "--restart", "always", "busybox", "sh", "-c",
                     "trap 'exit 4' HUP; while :; do sleep 0.05; done")  # fmt: skip
    wait_until(lambda: all("sleep" in client.text("top", name) for name in names), "the traps are set")
    client("stop", "-t", "0", "stopped")
    client("kill", "killed")
    client("kill", "-s", "HUP", "hung-up")
    wait_until(lambda: state(client, "hung-up") == "exited 4 0", "any signal means the end, to Docker")
    assert [state(client, name) for name in names[:2]] == ["exited 137 0"] * 2


def test_a_policy_can_be_changed_while_it_is_at_work(client: Client) -> None:
    client.start("--name", "loop", "--restart", "always", *LOOP)
    wait_until(lambda: restarts(client, "loop") >= 1, "it was restarted")
    # dockerd fails if it has not seen yet that the container has just ended.
    wait_until(lambda: client("update", "--restart", "no", "loop", code=None).code == 0, "it is changed")
    wait_until(lambda: client.status("loop") == "exited", "the next end is the last")
    client("update", "--restart", "on-failure:1", "loop")
    client("start", "loop")
    wait_until(lambda: state(client, "loop") == "exited 3 1", "the new policy holds")
    assert json.loads(client.inspect("loop", "{{json .HostConfig.RestartPolicy}}")) == {
        "Name": "on-failure",
        "MaximumRetryCount": 1,
    }


def reboot(daemon: Daemon) -> None:
    """The machine goes down and comes up: nothing of the engine and no container survives."""
    if daemon.kind == "dockerd":
        daemon.restart()
        return
    daemon.kill9()
    for pid in daemon.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not daemon.processes(), "all its processes are gone")
    daemon.kill_leftovers()
    wait_until(lambda: not daemon.leftovers(), "all containers are gone")
    daemon.start()


def test_who_comes_back_after_a_reboot(client: Client) -> None:
    sleep = ("--stop-timeout", "1", "busybox", "sleep", "600")
    policies = ("no", "always", "unless-stopped", "on-failure")
    for policy in policies:
        client.start("--name", f"up-{policy}", "--restart", policy, *sleep)
        client.start("--name", f"stopped-{policy}", "--restart", policy, *sleep)
        client("create", "--name", f"created-{policy}", "--restart", policy, *sleep)
    client("run", "--name", "failed", "--restart", "on-failure:1", *LOOP, code=3)
    client("stop", "-t", "0", *(f"stopped-{policy}" for policy in policies))
    client.start("--name", "brief", "--rm", *sleep)
    reboot(client.daemon)
    expected = {
        "up-always": "running",
        "up-unless-stopped": "running",
        "up-on-failure": "running",
        "up-no": "exited",
        "stopped-always": "running",
        "stopped-unless-stopped": "exited",
        "stopped-on-failure": "running",
        "stopped-no": "exited",
        "failed": "exited",
        **{f"created-{policy}": "created" for policy in policies},
    }

    def found() -> dict[str, str]:
        lines = client.text("ps", "-a", "--format", "{{.Names}} {{.State}}").splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def settled() -> bool:
        return found() == expected

    with contextlib.suppress(AssertionError):
        wait_until(settled, "those come back that should")
    assert found() == expected
    if client.daemon.kind == "scowd":
        assert client.inspect("up-no", "{{.State.ExitCode}}") == "255"
    assert restarts(client, "up-always") == 0

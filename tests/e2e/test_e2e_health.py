"""Health checks: probes in the container, their status everywhere it is shown."""

import json
import time
from typing import Any

import pytest

from tests.support.archives import ArchiveImage, docker_archive
from tests.support.clients import Client
from tests.support.daemons import Daemon
from tests.support.images import busybox_layer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference

QUICK = ("--health-interval", "100ms")


def health(client: Client, name: str) -> dict[str, Any]:
    found = json.loads(client.inspect(name, "{{json .State}}")).get("Health")
    assert isinstance(found, dict)
    return found


def wait_for(client: Client, name: str, status: str) -> dict[str, Any]:
    wait_until(lambda: health(client, name)["Status"] == status, f"{name} is {status}")
    return health(client, name)


def shown(client: Client, name: str) -> str:
    return client.text("ps", "-a", "--filter", f"name={name}", "--format", "{{.Status}}")


def test_health_follows_the_probes_from_start_to_stop(client: Client) -> None:
    began = str(time.time())
    client("create", "--name", "fit", *QUICK, "--health-retries", "2", "--health-cmd", "true; pwd",
           "-w", "/etc", "-u", "app", "busybox", "sleep", "600")  # fmt: skip
    client("create", "--name", "sick", *QUICK, "--health-cmd", "test -e /tmp/ok", "busybox", "sleep", "600")
    assert "Health" not in json.loads(client.inspect("fit", "{{json .State}}"))
    client("start", "fit", "sick")
    healthy = wait_for(client, "fit", "healthy")
    assert healthy["FailingStreak"] == 0
    last = healthy["Log"][-1]
    assert last["ExitCode"] == 0
    assert last["Output"].endswith("/etc\n")
    assert last["Start"] < last["End"]
    assert "(healthy)" in shown(client, "fit")
    # The other has no such file, and gets it.
    unhealthy = wait_for(client, "sick", "unhealthy")
    assert unhealthy["FailingStreak"] >= 3
    assert "(unhealthy)" in shown(client, "sick")
    names = ("--format", "{{.Names}}")
    assert client.text("ps", "--filter", "health=unhealthy", *names) == "sick"
    assert client.text("ps", "--filter", "health=healthy", *names) == "fit"
    client("exec", "sick", "touch", "/tmp/ok")
    wait_for(client, "sick", "healthy")
    assert len(health(client, "sick")["Log"]) <= 5
    client("pause", "sick")
    paused = health(client, "sick")
    assert "(Paused)" in shown(client, "sick")
    client("stop", "-t", "0", "fit")
    assert health(client, "fit")["Status"] == "unhealthy"
    assert health(client, "sick") == paused, "what is paused is not probed"
    client("unpause", "sick")
    wait_for(client, "sick", "healthy")
    past = client.text(
        *("events", "--since", began, "--until", str(time.time()), "--filter", "container=sick"),
        *("--filter", "event=health_status", "--format", "{{.Action}}"),
    ).splitlines()
    told = ["health_status: unhealthy", "health_status: healthy", "health_status: healthy"]
    # dockerd remembers 256 events, of which each probe has three.
    assert past == (told if client.daemon.kind == "scowd" else told[len(told) - len(past) :])
    actions = client.text(
        *("events", "--since", began, "--until", str(time.time()), "--filter", "container=fit"),
        *("--format", "{{.Action}}"),
    ).splitlines()
    command = "/bin/sh -c true; pwd"
    steps = [f"exec_create: {command}", f"exec_start: {command}", "exec_die"]
    execs = [action for action in actions if action.startswith("exec")]
    assert steps in [execs[at : at + 3] for at in range(len(execs))]
    assert not json.loads(client.inspect("sick", "{{json .ExecIDs}}")) or client.status("sick") == "running"


def test_a_container_is_starting_and_failures_in_its_start_period_do_not_count(client: Client) -> None:
    # dockerd 20.10 knows no interval of its own for the start.
    early = ("--health-start-interval", "100ms") if client.daemon.kind == "scowd" else ()
    client.start("--name", "slow", *QUICK, *early, "--health-retries", "1", "--health-start-period", "1h",
                 "--health-cmd", "test -e /ready", "busybox", "sleep", "600")  # fmt: skip
    client.start(
        "--name", "lazy", "--health-cmd", "true", "--health-interval", "1h", "busybox", "sleep", "600"
    )
    assert "(health: starting)" in shown(client, "lazy")
    wait_until(lambda: len(health(client, "slow").get("Log") or []) >= 2, "probes have failed")
    assert (health(client, "slow")["Status"], health(client, "slow")["FailingStreak"]) == ("starting", 0)
    assert client.text("ps", "--filter", "health=starting", "--format", "{{.Names}}") == "lazy\nslow"
    client("exec", "slow", "touch", "/ready")
    wait_for(client, "slow", "healthy")


def test_a_probe_that_takes_too_long_is_killed_and_one_that_cannot_run_says_why(client: Client) -> None:
    client.start("--name", "stuck", *QUICK, "--health-timeout", "2s", "--health-retries", "2",
                 "--health-cmd", "echo soon; sleep 77", "busybox", "sleep", "600")  # fmt: skip
    body = {
        "Image": "busybox",
        "Cmd": ["sleep", "600"],
        "Healthcheck": {"Test": ["CMD", "nosuch"], "Interval": 100_000_000, "Retries": 1},
    }
    assert client.api("POST", "/containers/create?name=odd", body).status == 201
    client("start", "odd")
    stuck = wait_for(client, "stuck", "unhealthy")
    last = stuck["Log"][-1]
    # dockerd 20.10 did not add what the probe had said until then.
    said = ": soon\n" if client.daemon.kind == "scowd" else ""
    assert (last["ExitCode"], last["Output"]) == (-1, f"Health check exceeded timeout (2s){said}")
    wait_until(
        lambda: client.text("top", "stuck").count("sleep 77") <= 2, "no more than one probe is left running"
    )
    odd = wait_for(client, "odd", "unhealthy")["Log"][-1]
    assert 'exec: "nosuch": executable file not found in $PATH' in odd["Output"]
    assert odd["ExitCode"] == -1


def test_output_of_a_probe_is_cut(client: Client) -> None:
    client.start("--name", "chatty", *QUICK, "--health-cmd", "yes | head -c 100000", "busybox",
                 "sleep", "600")  # fmt: skip
    output = wait_for(client, "chatty", "healthy")["Log"][-1]["Output"]
    assert output == "y\n" * 2048 + "..."


def test_the_check_of_an_image_is_inherited_field_by_field_and_can_be_switched_off(client: Client) -> None:
    check = {"Test": ["CMD-SHELL", "test -e /ok"], "Interval": 100_000_000, "Retries": 2}
    config = {"Cmd": ["sleep", "600"], "Healthcheck": check}
    client.daemon.load(docker_archive([ArchiveImage([busybox_layer()], ["checked:latest"], config)]))
    try:
        client.start("--name", "heir", "checked")
        client.start("--name", "own", "--health-cmd", "true", "--health-retries", "7", "checked")
        client.start("--name", "none", "--no-healthcheck", "checked")
        wait_for(client, "heir", "unhealthy")
        wait_for(client, "own", "healthy")
        merged = json.loads(client.inspect("own", "{{json .Config.Healthcheck}}"))
        assert merged == check | {"Test": ["CMD-SHELL", "true"], "Retries": 7}
        assert "Health" not in json.loads(client.inspect("none", "{{json .State}}"))
        assert "health" not in shown(client, "none")
    finally:
        client("rm", "-f", "heir", "own", "none", code=None)
        client("rmi", "-f", "checked")


@pytest.mark.not_on_dockerd("its containers end with it")
def test_probing_goes_on_after_a_crash_of_the_engine(client: Client, scow_daemon: Daemon) -> None:
    client.start("--name", "lasting", *QUICK, "--health-retries", "1", "--health-cmd", "test ! -e /bad",
                 "busybox", "sleep", "600")  # fmt: skip
    wait_for(client, "lasting", "healthy")
    scow_daemon.kill9()
    scow_daemon.start()
    assert health(client, "lasting")["Status"] == "healthy"
    client("exec", "lasting", "touch", "/bad")
    wait_for(client, "lasting", "unhealthy")

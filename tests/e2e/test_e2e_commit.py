"""docker commit: what is in the image, what is told of it, and what happens when something else happens."""

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import Client
from tests.support.daemons import Daemon
from tests.support.disks import mount_points_below
from tests.support.fault_daemon import ask
from tests.support.http import UnixConnection
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference


@pytest.fixture(autouse=True)
def _tidy(client: Client) -> Iterator[None]:
    yield
    client.daemon.remove_containers()
    for image in client.api("GET", "/images/json?all=1").json:
        if not any(tag.startswith("busybox") for tag in image["RepoTags"] or ()):
            client.api("DELETE", f"/images/{image['Id']}?force=1")


def image(client: Client, name: str) -> Any:
    return client.api("GET", f"/images/{name}/json").json


def test_an_image_of_a_container(client: Client) -> None:
    script = "mkdir /made; echo made >/made/file; rm /bin/vi; exec sleep 600"
    made = (
        "--name",
        "box",
        "-e",
        "A=1",
        "-l",
        "l=1",
        "-w",
        "/tmp",
        "-v",
        "/vol",
        "busybox",
        "sh",
        "-c",
        script,
    )
    client.start(*made)
    wait_until(lambda: client("exec", "box", "test", "-e", "/made/file", code=None).code == 0, "it has begun")
    changes: tuple[str, ...] = (
        'CMD ["cat", "/made/file"]', "ENV B=2 C=$A", "EXPOSE 80", "LABEL m=2", "USER app", "WORKDIR sub",
        "VOLUME /more", "STOPSIGNAL SIGINT", "ONBUILD RUN true", "HEALTHCHECK --retries=2 CMD true",
    )  # fmt: skip
    if client.daemon.kind == "dockerd":
        changes = tuple(change for change in changes if "STOPSIGNAL" not in change)  # not yet in 20.10
    options = [word for change in changes for word in ("-c", change)]
    image_id = client.text("commit", "-a", "me", "-m", "why", *options, "box", "made:1")
    assert client.status("box") == "running"
    found = image(client, "made:1")
    base = image(client, "busybox")
    assert (found["Id"], found["Parent"]) == (image_id, base["Id"])
    assert (found["Author"], found["Comment"]) == ("me", "why")
    assert found["RootFS"]["Layers"][:-1] == base["RootFS"]["Layers"]
    config = found["Config"]
    assert config["Cmd"] == ["cat", "/made/file"]
    assert {"A=1", "B=2", "C=1"} <= set(config["Env"])
    assert config["Labels"] == {"l": "1", "m": "2"}
    assert (config["User"], config["WorkingDir"]) == ("app", "/tmp/sub")
    assert config.get("StopSignal", "SIGINT") == "SIGINT"
    assert config["Volumes"] == {"/vol": {}, "/more": {}}
    assert config["ExposedPorts"] == {"80/tcp": {}}
    assert config["OnBuild"] == ["RUN true"]
    assert (config["Healthcheck"]["Test"], config["Healthcheck"]["Retries"]) == (["CMD-SHELL", "true"], 2)
    history = client.api("GET", "/images/made:1/history").json
    assert history[0]["CreatedBy"] == f"sh -c {script}"
    assert (history[0]["Comment"], len(history)) == ("why", len(base["RootFS"]["Layers"]) + 1)
    assert client.text("run", "--rm", "made:1") == "made"
    assert client("run", "--rm", "made:1", "ls", "/bin/vi", code=1).out == ""
    client("stop", "-t0", "box")
    query = "/commit?container=box&repo=other&changes=ENV%20X%3D1&changes=CMD%20x"
    answer = client.api("POST", query, {"Cmd": ["y"], "Labels": {"own": "1"}})
    assert answer.status == 201
    again = image(client, "other")["Config"]
    assert again["Cmd"] == ["/bin/sh", "-c", "x"]
    assert again["Labels"] == {"own": "1", "l": "1"}


def test_refusals_and_events(client: Client) -> None:
    client("create", "--name", "box", "busybox", "true")
    for arguments, message in (
        (("-c", "RUN true", "box"), "is not a valid change command"),
        (("box", "Upper"), "must be lowercase"),
        (("nobody",), "No such container: nobody"),
    ):
        assert message in client("commit", *arguments, code=1).err
    answer = client.api("POST", "/commit?container=box&repo=busybox@sha256:" + "0" * 64)
    assert answer.status == 400
    assert "digest reference" in answer.message
    client("commit", "-m", "why", "box", "made:2")
    events = client("events", "--since", "1h", "--until", str(time.time()), "--format", "{{json .}}").lines
    told = [event for event in map(json.loads, events) if event["Action"] in ("tag", "commit")]
    assert [(event["Type"], event["Action"]) for event in told[-2:]] == [
        ("image", "tag"),
        ("container", "commit"),
    ]
    attributes = told[-1]["Actor"]["Attributes"]
    assert (attributes["comment"], attributes["imageRef"]) == ("why", "made:2")
    assert attributes["imageID"] == image(client, "made:2")["Id"]


@pytest.mark.not_on_dockerd("its removal does not wait")
def test_removals_and_commits_at_the_same_time(client: Client) -> None:
    for number in range(3):
        name = f"box{number}"
        client.start("--name", name, "busybox", "sh", "-c", "dd if=/dev/zero of=/x bs=1M count=8; sleep 600")
        answers: list[Any] = []
        commit = threading.Thread(target=_commit, args=(client, name, answers))
        commit.start()
        client("rm", "-f", name)
        commit.join()
        assert answers[0].status in (201, 404, 409), answers[0].body
    wait_until(lambda: not os.listdir(client.daemon.data_root / "containers"), "nothing is left")


def _commit(client: Client, name: str, answers: list[Any]) -> None:
    answers.append(client.api("POST", f"/commit?container={name}"))


@pytest.fixture
def engine(scow_daemon: Daemon) -> Iterator[Daemon]:
    yield scow_daemon
    if not scow_daemon.running:
        scow_daemon.start()


def mounted(engine: Daemon) -> list[Path]:
    return mount_points_below(engine.data_root)[:-1]


@pytest.mark.not_on_dockerd("it is scowd that is killed")
def test_a_kill_in_the_middle_of_a_copy_or_a_commit(engine: Daemon) -> None:
    docker = engine.client("docker")
    script = "dd if=/dev/zero of=/x bs=1M count=80 2>/dev/null; touch /ready; sleep 600"
    docker.start("--name", "runs", "busybox", "sh", "-c", script)
    wait_until(
        lambda: docker("exec", "runs", "test", "-e", "/ready", code=None).code == 0, "the file is made"
    )
    docker("run", "--name", "stopped", "busybox", "sh", "-c", "dd if=/dev/zero of=/x bs=1M count=40")
    wait_until(lambda: len(mounted(engine)) == 1, "what has ended is unmounted")
    stalled = UnixConnection(str(engine.socket))
    stalled.request("GET", "/containers/stopped/archive?path=/x")
    response = stalled.getresponse()
    assert response.read(600)
    assert len(mounted(engine)) == 2
    over = threading.Event()

    def commit() -> None:
        """Until it is over: one commit alone may be done before anybody has seen it."""
        while not over.is_set():
            ask(engine, "POST", "/commit?container=runs&repo=made&tag=3")

    committing = threading.Thread(target=commit)
    committing.start()
    inspect = "/containers/runs/json"
    wait_until(lambda: engine.api("GET", inspect).json["State"]["Paused"], "the container stands still")
    over.set()
    engine.kill9()
    committing.join()
    response.close()
    stalled.close()
    engine.start()
    assert docker.status("runs") == "running"
    assert docker.text("exec", "runs", "echo", "goes on") == "goes on"
    assert len(mounted(engine)) == 1
    staged = [path.name for path in (engine.data_root / "overlay2").iterdir() if "-" in path.name]
    assert staged == []
    docker("commit", "runs", "made:3")
    assert docker.text("run", "--rm", "made:3", "ls", "/ready") == "/ready"

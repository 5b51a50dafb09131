"""Events: what is told of what, to whom, and for how long it is remembered."""

import json
import re
import time
from typing import Any

from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.clients import Client
from tests.support.daemons import Daemon
from tests.support.waiting import wait_until

_LABELLED = {"app": "web", "image": "busybox", "name": "told"}


def seconds() -> str:
    """Now, as the API takes it."""
    now = time.time_ns()
    return f"{now // 10**9}.{now % 10**9:09d}"


def told(engine: Daemon, since: str, until: str = "", **filters: list[str]) -> list[Any]:
    """Events of the past, as API 1.41 has them."""
    query = f"since={since}&until={until or seconds()}&filters={json.dumps(filters)}"
    answer = engine.api("GET", "/v1.41/events?" + query.replace('"', "%22").replace(" ", ""))
    assert answer.status == 200, answer.message
    return [json.loads(line) for line in answer.body.splitlines()]


def lines(events: list[Any]) -> list[str]:
    return [f"{event['Type']} {event['Action']}" for event in events]


def attributes(events: list[Any], action: str) -> Any:
    return next(it["Actor"]["Attributes"] for it in events if it["Action"].partition(":")[0] == action)


def test_what_has_neither_arguments_nor_image_is_told_as_in_docker(engine: Daemon) -> None:
    since = seconds()
    engine.docker("run", "-d", "--name", "told", "busybox", "sleep", "60")
    engine.docker("exec", "told", "true")
    engine.docker("container", "prune", "-f")
    events = told(engine, since, type=["container"])
    assert "container exec_start: true " in lines(events)
    pruned = next(event for event in events if event["Action"] == "prune")
    assert not {"id", "from"} & set(pruned)


def test_a_containers_life_is_told_in_dockers_words(engine: Daemon) -> None:
    docker, since = engine.docker, seconds()
    docker("volume", "create", "kept")
    container = docker(
        *("run", "-d", "--name", "told", "--label", "app=web", "-v", "kept:/data", "busybox", "sleep", "60")
    ).out.strip()
    docker("exec", "told", "sh", "-c", "exit 3", code=3)
    docker("top", "told")
    docker("restart", "-t", "0", "told")
    docker("rm", "-f", "told")
    docker("volume", "rm", "kept")
    wait_until(lambda: "volume destroy" in lines(told(engine, since)), "the volume's end is told")
    events = told(engine, since)
    ended = ["network disconnect", "volume unmount", "container die"]
    if engine.kind == "dockerd":  # 20.10; the younger has the order of ours, but tells of "stop" before "die"
        ended = [ended[-1], *ended[:-1]]
    started = ["network connect", "volume mount", "container start"]
    # Docker 20.10 tells a second time that the volume was made.
    order = [line for line in lines(events) if line != "volume create"]
    assert order == [
        *("container create", *started),
        *("container exec_create: sh -c exit 3", "container exec_start: sh -c exit 3", "container exec_die"),
        "container top",
        *("container kill", "container kill", *ended, "container stop", *started, "container restart"),
        *("container kill", *ended, "container destroy", "volume destroy"),
    ]
    first = next(event for event in events if event["Type"] == "container")
    assert (first["id"], first["status"], first["from"]) == (container, "create", "busybox")
    assert (first["scope"], first["Actor"]) == ("local", {"ID": container, "Attributes": _LABELLED})
    assert first["timeNano"] // 10**9 == first["time"]
    assert attributes(events, "die") == _LABELLED | {"exitCode": "137"} | _duration(events)
    assert attributes(events, "kill") == _LABELLED | {"signal": "15"}
    assert re.fullmatch("[0-9a-f]{64}", attributes(events, "exec_die").pop("execID"))
    assert attributes(events, "exec_die")["exitCode"] == "3"
    assert attributes(events, "connect") == {"container": container, "name": "bridge", "type": "bridge"}
    assert attributes(events, "mount") == {
        "container": container,
        "destination": "/data",
        "driver": "local",
        "propagation": "",
        "read/write": "true",
    }
    assert "from" not in next(event for event in events if event["Type"] == "volume")


def _duration(events: list[Any]) -> dict[str, str]:
    """Docker 20.10 does not say how long a container ran."""
    found = attributes(events, "die").get("execDuration")
    return {"execDuration": found} if found else {}


def test_images_are_told_by_their_ids(engine: Daemon) -> None:
    docker, since = engine.docker, seconds()
    layer = Layer()
    layer.file("file", "told")
    image = ArchiveImage([layer.data()], ["told:1", "told:2"], {"Labels": {"app": "web"}})
    engine.load(docker_archive([image]))
    docker("tag", "told:1", "told:3")
    docker("rmi", "told:3")
    imported = docker("import", "-", "told:4", input=layer.data()).out.strip()
    docker("rmi", "told:1", "told:2", "told:4")
    found = [
        (event["Action"], event["Actor"]["ID"], event["Actor"]["Attributes"]) for event in told(engine, since)
    ]
    by_id = {"app": "web", "name": image.id}
    assert found == [
        ("load", image.id, by_id),
        ("tag", image.id, {"app": "web", "name": "told:3"}),
        ("untag", image.id, by_id),
        ("tag", imported, {"name": "told:4"}),
        ("import", imported, {"name": imported}),
        ("untag", image.id, by_id),
        ("untag", image.id, by_id),
        ("delete", image.id, {"name": image.id}),
        ("untag", imported, {"name": imported}),
        ("delete", imported, {"name": imported}),
    ]


def test_networks_that_are_not_ones_are_told_too(engine: Daemon) -> None:
    since = seconds()
    ids = [
        engine.docker("network", "inspect", "-f", "{{.Id}}", name).out.strip() for name in ("host", "none")
    ]
    for name in ("host", "none"):
        engine.docker("run", "--rm", "--network", name, "busybox", "true")
    wait_until(lambda: len(told(engine, since, type=["network"])) == 4, "all four are told")
    events = told(engine, since, type=["network"])
    assert [(it["Action"], it["Actor"]["ID"], it["Actor"]["Attributes"]["type"]) for it in events] == [
        ("connect", ids[0], "host"),
        ("disconnect", ids[0], "host"),
        ("connect", ids[1], "null"),
        ("disconnect", ids[1], "null"),
    ]


def test_times_and_filters(engine: Daemon) -> None:
    docker, since = engine.docker, seconds()
    docker("create", "--name", "first", "--label", "side=left", "busybox")
    between = seconds()
    docker("create", "--name", "second", "--label", "side=right", "busybox")
    until = seconds()

    def names(since: str, until: str, **filters: list[str]) -> list[str]:
        found = told(engine, since, until, type=["container"], **filters)
        return [event["Actor"]["Attributes"]["name"] for event in found]

    assert names(since, between) == ["first"]
    assert names(between, until) == ["second"]
    assert names(since, until, container=["first", "second"]) == ["first", "second"]
    assert names(since, until, container=["fir"]) == ["first"]
    assert names(since, until, label=["side=left"]) == ["first"]
    assert names(since, until, label=["side=left", "side=right"]) == []
    assert names(since, until, image=["busybox"]) == names(since, until, event=["create"])
    assert names(since, until, image=["busybox"], event=["destroy"]) == []
    assert names(since, until, scope=["swarm"]) == []
    assert names(since, until, nosuch=["x"]) == ["first", "second"], (
        "Docker passes over what it does not know"
    )
    assert engine.api("GET", f"/v1.41/events?since={until}&until={since}").status == 400
    # Docker 20.10 says 500.
    assert engine.api("GET", "/v1.41/events?since=yesterday").status >= 400
    assert engine.api("GET", "/v1.41/events?filters=%5B").status >= 400


def test_a_follower_has_its_head_at_once(engine: Daemon) -> None:
    docker = engine.client("docker")
    listener = docker.popen("events", "--filter", "event=die", "--format", "{{.Action}}")
    wait_until(lambda: engine.api("GET", "/info").json["NEventsListener"], "it listens")
    docker("run", "--rm", "busybox", "true")
    assert listener.stdout is not None
    assert listener.stdout.readline() == b"die\n"


def test_a_follower_ends_in_time(engine: Daemon) -> None:
    until = str(int(time.time()) + 2)
    assert engine.client("docker").text("events", "--until", until, "--filter", "container=nobody") == ""
    assert time.time() >= int(until)


def test_events_are_remembered_over_restarts_and_kills(scow_daemon: Daemon) -> None:
    client: Client = scow_daemon.client("docker")
    since = seconds()
    client("create", "--name", "before", "busybox")
    scow_daemon.restart()
    client("create", "--name", "between", "busybox")
    history = scow_daemon.data_root / "events.jsonl"
    wait_until(lambda: b"between" in history.read_bytes(), "the batch is written")
    scow_daemon.kill9()
    with history.open("ab") as file:
        file.write(b'{"Type":"container","Act')
    scow_daemon.start()
    client("create", "--name", "after", "busybox")
    names = [it["Actor"]["Attributes"]["name"] for it in told(scow_daemon, since, type=["container"])]
    assert names == ["before", "between", "after"]

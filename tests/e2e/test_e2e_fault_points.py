"""scowd is killed before every single step of an operation: the next one finishes it or undoes it.

For N from 1 on, until an operation comes to its end: prepare, let scowd kill itself at the N-th step, start
it, look, clean up, and find nothing left. The steps are those of ``tests.support.fault_point``.
"""

import functools
import io
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing, suppress
from glob import glob
from pathlib import Path

import pytest

from tests.support.daemons import Daemon
from tests.support.disks import mount_points_below
from tests.support.fault_daemon import SAMPLE, FaultDaemon, ask, do
from tests.support.fault_daemon import at_every_step as at_every_step_of
from tests.support.http import Answer
from tests.support.live_folders import entries
from tests.support.waiting import wait_until

pytestmark = pytest.mark.parametrize("engine", ["fault_daemon"], indirect=True)

_SLEEP = {"Image": "busybox", "Cmd": ["sleep", "600"]}


def status(engine: Daemon, name: str) -> str:
    """Its status, once what it says is so; "none" if there is no such container."""
    answer = engine.api("GET", f"/containers/{name}/json")
    if answer.status == 404:
        return "none"
    state = answer.json["State"]
    assert bool(state["Pid"]) == (state["Status"] in ("running", "paused"))
    if state["Pid"]:
        assert Path(f"/proc/{state['Pid']}").exists()
    return str(state["Status"])


def leftovers(engine: Daemon) -> list[str]:
    """What is there without a container."""
    data, run = engine.data_root, engine.exec_root
    folders = (data / "containers", data / "volumes", run / "bundles", run / "runc", run / "crun")
    found = [f"{folder}/{name}" for folder in folders for name in entries(folder) if name != ".cache"]
    found += glob(f"{data}/image/*/rootfs/*")
    found += [str(point) for point in mount_points_below(data) if point != data]
    found += [f"interface {name}" for name in engine.veths()]
    with closing(sqlite3.connect(f"file:{data / 'scow.db'}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT kind, key FROM documents WHERE kind IN ('container', 'volume')")
        found += [f"row {kind} {key}" for kind, key in rows]
    return found


def clean(engine: Daemon) -> None:
    for container in engine.api("GET", "/containers/json?all=1").json:
        do(engine, "DELETE", f"/containers/{container['Id']}?force=1&v=1")
    with suppress(AssertionError):
        wait_until(lambda: not leftovers(engine), "nothing is left")
    assert leftovers(engine) == []


at_every_step = functools.partial(at_every_step_of, clean=clean)


def create(engine: Daemon, **body: object) -> None:
    do(engine, "POST", "/containers/create?name=half", {**_SLEEP, **body})


def start(engine: Daemon) -> None:
    do(engine, "POST", "/containers/half/start")


def test_create(engine: FaultDaemon) -> None:
    body = {**_SLEEP, "Volumes": {"/data": {}}}

    def check(answer: Answer | None) -> None:
        found = status(engine, "half")
        assert found == "created" if answer is not None else found in ("created", "none")
        if found == "none":
            create(engine, Volumes={"/data": {}})
        start(engine)

    operate = functools.partial(ask, engine, "POST", "/containers/create?name=half", body)
    at_every_step(engine, lambda: None, operate, check, stride=SAMPLE)


def test_start(engine: FaultDaemon) -> None:
    bindings = {"80/tcp": [{"HostPort": "8080"}]}

    def check(answer: Answer | None) -> None:
        found = status(engine, "half")
        assert found == "running" if answer is not None else found in ("created", "running")
        if found == "created":
            start(engine)
        assert status(engine, "half") == "running"

    at_every_step(
        engine,
        lambda: create(engine, HostConfig={"PortBindings": bindings}),
        lambda: ask(engine, "POST", "/containers/half/start"),
        check,
    )


def prepare_running(engine: Daemon, **body: object) -> Callable[[], None]:
    def prepare() -> None:
        create(engine, **body)
        start(engine)

    return prepare


def test_stop(engine: FaultDaemon) -> None:
    def check(answer: Answer | None) -> None:
        found = status(engine, "half")
        assert found == "exited" if answer is not None else found in ("running", "exited")
        do(engine, "POST", "/containers/half/stop?t=0")
        assert status(engine, "half") == "exited"
        start(engine)

    at_every_step(
        engine,
        prepare_running(engine),
        lambda: ask(engine, "POST", "/containers/half/stop?t=0"),
        check,
        stride=SAMPLE,
    )


def test_remove(engine: FaultDaemon) -> None:
    def prepare() -> None:
        create(engine, Volumes={"/data": {}})

    def check(answer: Answer | None) -> None:
        assert status(engine, "half") in (("none",) if answer is not None else ("none", "created"))

    at_every_step(
        engine, prepare, lambda: ask(engine, "DELETE", "/containers/half?force=1&v=1"), check, stride=SAMPLE
    )


def test_the_end_of_one_that_removes_itself(engine: FaultDaemon) -> None:
    def check(_answer: Answer | None) -> None:
        if status(engine, "half") == "running":
            do(engine, "POST", "/containers/half/kill")
        wait_until(lambda: status(engine, "half") == "none", "it has removed itself")

    at_every_step(
        engine,
        prepare_running(engine, HostConfig={"AutoRemove": True}, Volumes={"/data": {}}),
        lambda: ask(engine, "POST", "/containers/half/kill"),
        check,
        stride=SAMPLE,
    )


def test_rename(engine: FaultDaemon) -> None:
    def check(answer: Answer | None) -> None:
        names = [status(engine, name) for name in ("half", "whole")]
        assert sorted(names) == ["created", "none"]
        if answer is not None:
            assert names == ["none", "created"]
        free = "half" if names[0] == "none" else "whole"
        do(engine, "POST", f"/containers/create?name={free}", _SLEEP)

    at_every_step(
        engine,
        lambda: create(engine),
        lambda: ask(engine, "POST", "/containers/half/rename?name=whole"),
        check,
    )


def test_update(engine: FaultDaemon) -> None:
    def check(answer: Answer | None) -> None:
        found = engine.api("GET", "/containers/half/json").json
        shares = found["HostConfig"]["CpuShares"]
        assert shares == 300 if answer is not None else shares in (200, 300)
        assert cpu_shares(found["State"]["Pid"]) == shares

    at_every_step(
        engine,
        prepare_running(engine, HostConfig={"CpuShares": 200}),
        lambda: ask(engine, "POST", "/containers/half/update", {"CpuShares": 300}),
        check,
    )


def cpu_shares(pid: int) -> int:
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "cpu" in controllers.split(","):
            return int(Path(f"/sys/fs/cgroup/cpu{path}/cpu.shares").read_text())
    pytest.skip("reads the control files of version 1")


@pytest.mark.parametrize("verb", ["pause", "unpause"])
def test_pause(engine: FaultDaemon, verb: str) -> None:
    def prepare() -> None:
        prepare_running(engine)()
        if verb == "unpause":
            do(engine, "POST", "/containers/half/pause")

    def check(answer: Answer | None) -> None:
        found = status(engine, "half")
        if answer is not None:
            assert found == {"pause": "paused", "unpause": "running"}[verb]
        if found == "paused":
            do(engine, "POST", "/containers/half/unpause")
        assert engine.docker("exec", "half", "echo", "alive").out == "alive\n"

    at_every_step(engine, prepare, lambda: ask(engine, "POST", f"/containers/half/{verb}"), check)


def images(engine: Daemon) -> tuple[list[str], list[str]]:
    """Their names, and the folders of all layers."""
    names = [
        name for image in engine.api("GET", "/images/json").json for name in image["RepoTags"] or ["none"]
    ]
    layers = [path.name for path in (engine.data_root / "overlay2").iterdir() if path.name != "l"]
    return sorted(names), sorted(layers)


@pytest.mark.parametrize("runs", [True, False], ids=["running", "created"])
def test_commit(engine: FaultDaemon, runs: bool) -> None:
    create(engine)  # an image's first container has a layer made that the image keeps
    clean(engine)
    before = images(engine)

    def prepare() -> None:
        (prepare_running(engine) if runs else lambda: create(engine))()
        put(engine, "kept")

    def check(answer: Answer | None) -> None:
        assert status(engine, "half") == ("running" if runs else "created")
        names, _ = images(engine)
        if answer is None and "kept:latest" not in names:
            do(engine, "POST", "/commit?container=half&repo=kept")
        assert engine.docker("run", "--rm", "kept", "cat", "/tmp/kept").out == "kept"
        do(engine, "DELETE", "/images/kept")
        do(engine, "DELETE", "/containers/half?force=1")
        with suppress(AssertionError):
            wait_until(lambda: images(engine) == before, "the layers are removed")
        assert images(engine) == before

    operate = functools.partial(ask, engine, "POST", "/commit?container=half&repo=kept")
    at_every_step(engine, prepare, operate, check, stride=2 * SAMPLE)  # it has the most steps of all


def put(engine: Daemon, name: str) -> Answer | None:
    """Copy a file of that name, and with it as its content, to /tmp of the container."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(name)
        archive.addfile(entry, io.BytesIO(name.encode()))
    return ask(engine, "PUT", "/containers/half/archive?path=/tmp", buffer.getvalue())


@pytest.mark.parametrize("runs", [True, False], ids=["running", "created"])
def test_copy(engine: FaultDaemon, runs: bool) -> None:
    def check(answer: Answer | None) -> None:
        assert status(engine, "half") == ("running" if runs else "created")
        if answer is None:
            put(engine, "new")
        found = do(engine, "GET", "/containers/half/archive?path=/tmp/new").body
        with tarfile.open(fileobj=io.BytesIO(found)) as archive:
            (member,) = archive.getmembers()
            content = archive.extractfile(member)
            assert content is not None
            assert content.read() == b"new"

    prepare = prepare_running(engine) if runs else lambda: create(engine)
    at_every_step(engine, prepare, lambda: put(engine, "new"), check, stride=SAMPLE)

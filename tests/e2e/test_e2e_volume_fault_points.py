"""scowd is killed before every step of what is done to volumes: nothing is lost, halved or left behind."""

import functools
import io
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.daemons import Daemon
from tests.support.disks import mount_points_below
from tests.support.fault_daemon import SAMPLE, FaultDaemon, ask, do
from tests.support.fault_daemon import at_every_step as at_every_step_of
from tests.support.http import Answer, request
from tests.support.live_folders import entries

pytestmark = pytest.mark.parametrize("engine", ["fault_daemon"], indirect=True)

_CONTENT = {"file": "one", "folder/deep": "two"}
# These are many steps and many operations: every sixth one, unless asked for all.
_STRIDE = SAMPLE if SAMPLE == 1 else 2 * SAMPLE


def clean(engine: Daemon) -> None:
    """Remove all there is; no folder, no mount and no document is left."""
    for container in engine.api("GET", "/containers/json?all=1").json:
        do(engine, "DELETE", f"/containers/{container['Id']}?force=1")
    for volume in engine.api("GET", "/volumes").json["Volumes"] or []:
        do(engine, "DELETE", f"/volumes/{volume['Name']}?force=1")
    root = engine.data_root
    assert [str(path) for path in (root / "volumes").iterdir()] == []
    assert [str(point) for point in mount_points_below(root / "volumes")] == []
    with closing(sqlite3.connect(f"file:{root / 'scow.db'}?mode=ro", uri=True)) as db:
        assert db.execute("SELECT key FROM documents WHERE kind = 'volume'").fetchall() == []


at_every_step = functools.partial(at_every_step_of, clean=clean)


def data(engine: Daemon, name: str) -> Path:
    return engine.data_root / "volumes" / name / "_data"


def fill(folder: Path) -> None:
    for name, text in _CONTENT.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def make(engine: Daemon, name: str = "source") -> None:
    do(engine, "POST", "/volumes/create", {"Name": name})
    fill(data(engine, name))


def names(engine: Daemon) -> set[str]:
    """Of all volumes; each has its folder, and no folder is there without one."""
    found = {volume["Name"] for volume in engine.api("GET", "/volumes").json["Volumes"] or []}
    assert {path.name for path in (engine.data_root / "volumes").iterdir()} == found
    return found


def is_whole(folder: Path) -> bool:
    return {name: (folder / name).read_text() for name in _CONTENT if (folder / name).exists()} == _CONTENT


def test_clone(engine: FaultDaemon) -> None:
    def check(answer: Answer | None) -> None:
        if answer is None and "copy" not in names(engine):
            do(engine, "POST", "/scow/volumes/source/clone", {"Name": "copy"})
        assert names(engine) == {"source", "copy"}
        assert is_whole(data(engine, "copy"))
        assert is_whole(data(engine, "source"))

    operate = functools.partial(ask, engine, "POST", "/scow/volumes/source/clone", {"Name": "copy"})
    at_every_step(engine, lambda: make(engine), operate, check, stride=_STRIDE)


def test_snapshot(engine: FaultDaemon) -> None:
    kept = engine.data_root / "volumes" / "source" / "snapshots"

    def check(answer: Answer | None) -> None:
        shown = [found["Name"] for found in engine.api("GET", "/scow/volumes/source/snapshots").json]
        assert shown == ["one"] if answer is not None else shown in ([], ["one"])
        assert entries(kept) == shown
        assert not shown or is_whole(kept / "one")

    operate = functools.partial(ask, engine, "POST", "/scow/volumes/source/snapshots", {"Name": "one"})
    at_every_step(engine, lambda: make(engine), operate, check, stride=_STRIDE)


@pytest.mark.parametrize("size", ["", "4m"])
def test_restore(engine: FaultDaemon, size: str) -> None:
    def prepare() -> None:
        if size:
            do(engine, "POST", "/volumes/create", {"Name": "source", "DriverOpts": {"size": size}})
            use(engine, "mkdir /v/folder; echo -n one >/v/file; echo -n two >/v/folder/deep")
        else:
            make(engine)
        do(engine, "POST", "/scow/volumes/source/snapshots", {"Name": "one"})
        use(engine, "rm -r /v/file; echo -n changed >/v/folder/deep")

    def check(answer: Answer | None) -> None:
        seen = use(engine, "cat /v/file /v/folder/deep 2>/dev/null")
        assert seen == "onetwo" if answer is not None else seen in ("onetwo", "changed")
        assert names(engine) == {"source"}
        beside = {path.name for path in (engine.data_root / "volumes" / "source").iterdir()}
        assert beside == {"_data", "snapshots", *(["disk.img"] if size else [])}
        do(engine, "POST", "/scow/volumes/source/restore?snapshot=one")
        assert use(engine, "cat /v/file /v/folder/deep") == "onetwo"

    operate = functools.partial(ask, engine, "POST", "/scow/volumes/source/restore?snapshot=one")
    at_every_step(engine, prepare, operate, check, stride=_STRIDE)


def use(engine: Daemon, script: str) -> str:
    """Run ``script`` in a container that has the volume at /v."""
    return str(engine.docker("run", "--rm", "-v", "source:/v", "busybox", "sh", "-c", f"{script}; true").out)


def test_rename(engine: FaultDaemon) -> None:
    def check(answer: Answer | None) -> None:
        found = names(engine)
        assert found == {"new"} if answer is not None else found in ({"source"}, {"new"})
        assert is_whole(data(engine, found.pop()))

    operate = functools.partial(ask, engine, "POST", "/scow/volumes/source/rename?name=new")
    at_every_step(engine, lambda: make(engine), operate, check, stride=SAMPLE)


def test_import(engine: FaultDaemon) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in _CONTENT.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))

    def operate() -> Answer | None:
        try:
            return request(str(engine.socket), "POST", "/scow/volumes/new/import", buffer.getvalue())
        except OSError:
            return None

    def check(answer: Answer | None) -> None:
        found = names(engine)
        assert found == {"new"} if answer is not None else found in (set(), {"new"})
        assert not found or is_whole(data(engine, "new"))

    at_every_step(engine, lambda: None, operate, check, stride=_STRIDE)


@pytest.mark.parametrize("options", [{}, {"size": "4m"}], ids=["plain", "sized"])
def test_create(engine: FaultDaemon, options: dict[str, str]) -> None:
    body = {"Name": "source", "DriverOpts": options}

    def check(answer: Answer | None) -> None:
        found = names(engine)
        assert found == {"source"} if answer is not None else found in (set(), {"source"})
        do(engine, "POST", "/volumes/create", body)
        assert use(engine, "echo here >/v/x; cat /v/x; df -k /v | tail -1").startswith("here\n")
        assert (data(engine, "source").parent / "disk.img").exists() == bool(options)

    at_every_step(
        engine, lambda: None, lambda: ask(engine, "POST", "/volumes/create", body), check, stride=_STRIDE
    )


def test_remove(engine: FaultDaemon) -> None:
    def check(answer: Answer | None) -> None:
        found = names(engine)
        assert found == set() if answer is not None else found in (set(), {"source"})
        assert not found or is_whole(data(engine, "source"))

    operate = functools.partial(ask, engine, "DELETE", "/volumes/source")
    at_every_step(engine, lambda: make(engine), operate, check, stride=SAMPLE)


def test_start_with_a_volume_to_be_mounted(engine: FaultDaemon, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")

    def prepare() -> None:
        options = {"type": "none", "o": "bind", "device": str(tmp_path)}
        do(engine, "POST", "/volumes/create", {"Name": "bound", "DriverOpts": options})
        body = {"Image": "busybox", "Cmd": ["sleep", "600"], "HostConfig": {"Binds": ["bound:/v"]}}
        do(engine, "POST", "/containers/create?name=half", body)

    def check(answer: Answer | None) -> None:
        running = engine.api("GET", "/containers/half/json").json["State"]["Running"]
        assert running or answer is None
        assert data(engine, "bound").is_mount() == running
        if not running:
            do(engine, "POST", "/containers/half/start")
        assert engine.docker("exec", "half", "cat", "/v/kept").out == "kept"

    operate = functools.partial(ask, engine, "POST", "/containers/half/start")
    at_every_step(engine, prepare, operate, check, stride=_STRIDE)
    assert (tmp_path / "kept").exists()

"""Clones, snapshots, renames and archives of volumes, which Docker does not have."""

import io
import json
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clients import Client
from tests.support.daemons import Daemon
from tests.support.waiting import wait_until

_FURNISH = """
echo one >/v/file; chown 5:6 /v/file; chmod 640 /v/file; ln /v/file /v/name; ln -s /etc/passwd /v/link
mkdir -m 2750 /v/folder; echo two >/v/folder/deep; mkfifo /v/pipe; chmod 711 /v
dd if=/dev/zero of=/v/sparse bs=1 count=1 seek=20M 2>/dev/null
"""
_LOOK = "cd /v && stat -c '%n %F %u:%g %a %h' . * folder/*; readlink link; cat file folder/deep; wc -c sparse"


@pytest.fixture
def scow(scow_daemon: Daemon) -> Iterator[Client]:
    yield scow_daemon.client("scow")
    scow_daemon.remove_containers()
    for volume in scow_daemon.api("GET", "/volumes").json["Volumes"] or []:
        assert scow_daemon.api("DELETE", f"/volumes/{volume['Name']}?force=1").status == 204
    assert list((scow_daemon.data_root / "volumes").iterdir()) == []


def inside(scow: Client, volume: str, script: str) -> str:
    return scow.text("run", "--rm", "-v", f"{volume}:/v", "busybox", "sh", "-c", script)


def furnished(scow: Client, *options: str) -> str:
    """A volume with one of everything; returns what it looks like."""
    scow("volume", "create", *options, "--label", "team=blue", "source")
    inside(scow, "source", _FURNISH)
    return inside(scow, "source", _LOOK)


def now() -> str:
    """As ``--until`` takes it; in whole seconds the last events would be missing."""
    return f"{time.time():.6f}"


def used_bytes(scow: Client, volume: str) -> int:
    place = scow.text("volume", "inspect", "-f", "{{.Mountpoint}}", volume)
    return int(subprocess.run(["du", "-s", "-B1", place], capture_output=True, text=True).stdout.split()[0])


def test_a_clone_is_the_same_and_another(scow: Client) -> None:
    look = furnished(scow)
    assert scow.text("volume", "clone", "--label", "team=red", "source", "copy") == "copy"
    assert inside(scow, "copy", _LOOK) == look
    assert used_bytes(scow, "copy") < 1 << 20, "holes are filled"
    assert scow.text("volume", "inspect", "-f", "{{.Labels}}", "copy") == "map[team:red]"
    inside(scow, "copy", "echo changed >/v/file")
    assert inside(scow, "source", "cat /v/file") == "one"
    error = scow("volume", "clone", "source", "copy", code=1).err
    assert "create copy: volume name must be unique" in error
    assert "get nosuch: no such volume" in scow("volume", "clone", "nosuch", "other", code=1).err
    assert "too short" in scow("volume", "clone", "source", "x", code=1).err
    # A folder that somebody put there is not ours to fill.
    mine = scow.daemon.data_root / "volumes" / "foreign"
    mine.mkdir()
    assert "must be unique" in scow("volume", "clone", "source", "foreign", code=1).err
    mine.rmdir()


def test_snapshots_keep_what_was(scow: Client) -> None:
    look = furnished(scow)
    assert (
        scow.text("volume", "snapshot", "create", "--label", "why=test", "source", "before")
        == "source@before"
    )
    inside(scow, "source", "rm -r /v/folder; echo new >/v/file")
    unnamed = scow.text("volume", "snapshot", "create", "source")
    assert scow.text("volume", "snapshot", "ls", "-q", "source").splitlines() == ["source@before", unnamed]
    shown = scow.text("volume", "snapshot", "ls", "--format", "{{.Name}} {{.Labels}}", "source")
    assert "source@before why=test" in shown
    assert scow.text("volume", "clone", "source@before", "copy") == "copy"
    assert inside(scow, "copy", _LOOK) == look
    scow("volume", "snapshot", "restore", "source@before")
    assert inside(scow, "source", _LOOK) == look
    assert "has snapshots - [before, " in scow("volume", "rm", "source", code=1).err
    scow("volume", "prune", "-af")
    assert scow.text("volume", "ls", "-q") == "source"
    assert scow("volume", "snapshot", "rm", "source@before", unnamed).lines == ["source@before", unnamed]
    scow("volume", "rm", "source")


def test_snapshots_that_cannot_be_are_refused(scow: Client) -> None:
    scow("volume", "create", "source")
    scow("volume", "snapshot", "create", "source", "once")
    for arguments, message in {
        ("create", "source", "once"): "snapshot once of volume source exists already",
        ("create", "source", "../x"): "includes invalid characters",
        ("create", "nosuch"): "get nosuch: no such volume",
        ("restore", "source@other"): "get source@other: no such snapshot",
        ("rm", "source@other"): "get source@other: no such snapshot",
        ("rm", "source"): "VOLUME@SNAPSHOT is expected",
        ("ls", "nosuch"): "get nosuch: no such volume",
    }.items():
        assert message in scow("volume", "snapshot", *arguments, code=1).err
    running = scow.start("-v", "source:/v", "busybox", "sleep", "600")
    error = scow("volume", "snapshot", "restore", "source@once", code=1).err
    assert f"restore source: volume is in use - [{running}]" in error


def test_a_volume_on_a_device_is_copied_and_not_restored(scow: Client, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    options = ("-o", "type=none", "-o", "o=bind", "-o", f"device={tmp_path}")
    scow("volume", "create", *options, "bound")
    scow("volume", "snapshot", "create", "bound", "one")
    assert "its data is on" in scow("volume", "snapshot", "restore", "bound@one", code=1).err
    scow("volume", "clone", "bound@one", "copy")
    assert inside(scow, "copy", "cat /v/file") == "mine"
    assert not any(path.is_mount() for path in (scow.daemon.data_root / "volumes").glob("*/_data"))


def test_a_volume_with_a_size_keeps_it(scow: Client) -> None:
    look = furnished(scow, "-o", "size=16m")
    scow("volume", "snapshot", "create", "source", "one")
    inside(scow, "source", "rm -r /v/*")
    scow("volume", "clone", "source@one", "copy")
    scow("volume", "snapshot", "restore", "source@one")
    assert inside(scow, "source", _LOOK) == inside(scow, "copy", _LOOK) == look
    for name in ("source", "copy"):
        blocks = inside(scow, name, "df -k /v | tail -1").split()[1]
        assert 8 << 10 < int(blocks) < 16 << 10


def test_containers_stand_still_while_a_copy_is_made(scow: Client) -> None:
    # Two files that never differ by more than one.
    write = "i=0; while :; do i=$((i+1)); for f in a b; do echo $i >/v/new; mv /v/new /v/$f; done; done"
    writer = scow.start("-v", "source:/v", "busybox", "sh", "-c", write)
    wait_until(lambda: scow("exec", writer, "cat", "/v/b", code=None).out != "", "it writes")
    since = scow.text("volume", "inspect", "-f", "{{.CreatedAt}}", "source")
    for number in range(3):
        scow("volume", "snapshot", "create", "source", f"s{number}")
        a, b = inside_snapshot(scow, f"s{number}")
        assert int(a) - int(b) in (0, 1)
    events = scow.text(
        *(
            "events",
            "--since",
            since,
            "--until",
            now(),
            "--filter",
            f"container={writer}",
            "--format",
            "{{.Action}}",
        )
    ).split()
    assert events.count("pause") == events.count("unpause") == 3
    assert scow.status(writer) == "running"
    scow("volume", "snapshot", "create", "--pause=false", "source", "moving")
    scow("pause", writer)
    scow("volume", "snapshot", "create", "source", "paused")
    assert scow.status(writer) == "paused"


def inside_snapshot(scow: Client, name: str) -> list[str]:
    folder = scow.daemon.data_root / "volumes" / "source" / "snapshots" / name
    return [(folder / file).read_text().strip() for file in ("a", "b")]


def test_a_new_name(scow: Client) -> None:
    look = furnished(scow)
    scow("volume", "snapshot", "create", "source", "kept")
    made = scow.text("create", "-v", "source:/v", "busybox")
    assert (
        f"rename source: volume is in use - [{made}]" in scow("volume", "rename", "source", "new", code=1).err
    )
    scow("rm", made)
    scow("volume", "create", "taken")
    assert "must be unique" in scow("volume", "rename", "source", "taken", code=1).err
    assert "invalid characters" in scow("volume", "rename", "source", "a/b", code=1).err
    scow("volume", "rename", "source", "new")
    assert scow.text("volume", "ls", "-q").split() == ["new", "taken"]
    assert inside(scow, "new", _LOOK) == look
    assert scow.text("volume", "snapshot", "ls", "-q", "new") == "new@kept"
    anonymous = scow.text("volume", "create")
    scow("volume", "rename", anonymous, "named")
    scow("volume", "prune", "-f")
    assert "named" in scow.text("volume", "ls", "-q").split()


def test_an_archive_and_back(scow: Client, tmp_path: Path) -> None:
    look = furnished(scow)
    archive = tmp_path / "source.tar"
    scow("volume", "export", "-o", str(archive), "source")
    with tarfile.open(archive) as tar:
        assert tar.getnames()[0] == "."
        assert tar.getmember("./file").uid == 5
    assert scow.text("volume", "import", "--label", "a=b", str(archive), "back") == "back"
    assert inside(scow, "back", _LOOK) == look
    packed = subprocess.run(["gzip", "-c", str(archive)], capture_output=True, check=True).stdout
    scow("volume", "import", "-o", "size=64m", "-", "small", input=packed)
    assert inside(scow, "small", _LOOK) == look
    assert "must be unique" in scow("volume", "import", str(archive), "back", code=1).err


def test_what_is_sent_is_of_one_moment_and_leaves_nothing(scow: Client) -> None:
    scow("volume", "create", "source")
    inside(scow, "source", "echo before >/v/file")
    running = scow.start("-v", "source:/v", "busybox", "sleep", "600")
    sending = scow.popen("volume", "export", "source")
    assert sending.stdout is not None
    first = sending.stdout.read(512)
    scow("exec", running, "sh", "-c", "echo after >/v/file")
    assert "in use" in scow("rm", "-f", running).out or True
    data = first + sending.stdout.read()
    assert sending.wait(120) == 0
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        extracted = tar.extractfile("./file")
        assert extracted is not None
        assert extracted.read() == b"before\n"
    folder = scow.daemon.data_root / "volumes" / "source"
    wait_until(lambda: not list((folder / "snapshots").iterdir()), "the copy that was sent is gone")


@pytest.mark.parametrize("content", [b"no archive", b"", b"\x1f\x8b\x08\x00 broken"])
def test_what_is_no_archive_makes_no_volume(scow: Client, content: bytes) -> None:
    result = scow("volume", "import", "-", "broken", input=content, code=None)
    if content:
        assert result.code == 1
        assert scow.text("volume", "ls", "-q") == ""


def test_an_archive_does_not_lead_out_of_the_volume(scow: Client, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, str(victim)
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo("out/file"))
    scow("volume", "import", "-", "hostile", input=buffer.getvalue(), code=None)
    assert list(victim.iterdir()) == []
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("../out"))
    assert scow("volume", "import", "-", "dots", input=buffer.getvalue(), code=1).err
    scow("volume", "rm", "-f", "hostile", code=None)


def test_the_events_of_it(scow: Client) -> None:
    scow("volume", "create", "source")
    since = scow.text("volume", "inspect", "-f", "{{.CreatedAt}}", "source")
    scow("volume", "snapshot", "create", "source", "s1")
    scow("volume", "snapshot", "restore", "source@s1")
    scow("volume", "snapshot", "rm", "source@s1")
    scow("volume", "clone", "source", "copy")
    scow("volume", "rename", "copy", "new")
    told = [
        json.loads(line)
        for line in scow.text(
            *(
                "events",
                "--since",
                since,
                "--until",
                now(),
                "--filter",
                "type=volume",
                "--format",
                "{{json .}}",
            )
        ).splitlines()
    ]
    assert [(event["Action"], event["Actor"]["ID"]) for event in told][-5:] == [
        ("snapshot", "source"),
        ("restore", "source"),
        ("snapshot-remove", "source"),
        ("create", "copy"),
        ("rename", "new"),
    ]

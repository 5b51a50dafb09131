"""Volumes are backed up and restored with a helper container, as people do with Docker."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clients import Client

pytestmark = pytest.mark.reference

_LOOK = "cd /v && stat -c '%n %F %u:%g %a' . * */* && cat file folder/deep"


@pytest.fixture(autouse=True)
def _no_volumes_left(client: Client) -> Iterator[None]:
    yield
    client.daemon.remove_containers()
    for volume in client.api("GET", "/volumes").json["Volumes"] or []:
        client.api("DELETE", f"/volumes/{volume['Name']}?force=1")


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """Where archives go; with a blank in it, as people have."""
    folder = tmp_path / "my backups"
    folder.mkdir()
    return folder


def inside(client: Client, volume: str, script: str) -> str:
    return client.text("run", "--rm", "-v", f"{volume}:/v", "busybox", "sh", "-c", script)


def furnish(client: Client, volume: str) -> str:
    """Fill a volume; returns what it looks like."""
    inside(
        client,
        volume,
        "mkdir -m 750 /v/folder; echo one >/v/file; echo two >/v/folder/deep;"
        "chown 33:44 /v/file; chmod 600 /v/file",
    )
    return inside(client, volume, _LOOK)


def pack(client: Client, volume: str, backup: Path) -> Path:
    archive = backup / f"{volume}.tar.gz"
    client(
        *("run", "--rm", "-v", f"{volume}:/volume:ro", "-v", f"{backup}:/backup", "busybox"),
        *("tar", "czf", f"/backup/{archive.name}", "-C", "/volume", "."),
    )
    return archive


def unpack(client: Client, archive: Path, volume: str) -> None:
    client(
        *("run", "--rm", "-v", f"{volume}:/volume", "-v", f"{archive.parent}:/backup", "busybox"),
        *("tar", "xzf", f"/backup/{archive.name}", "-C", "/volume"),
    )


def test_an_archive_by_a_helper_container_and_back(client: Client, backup: Path) -> None:
    look = furnish(client, "data")
    archive = pack(client, "data", backup)
    listed = subprocess.run(["tar", "tzf", str(archive)], capture_output=True, text=True, check=True).stdout
    assert "./folder/deep" in listed.split()
    unpack(client, archive, "restored")
    assert inside(client, "restored", _LOOK) == look


def test_all_volumes_in_a_loop(client: Client, backup: Path) -> None:
    for name in ("first", "second"):
        furnish(client, name)
    for name in client.text("volume", "ls", "-q").split():
        pack(client, name, backup)
    assert sorted(path.name for path in backup.iterdir()) == ["first.tar.gz", "second.tar.gz"]


def test_a_drill_everything_is_lost_and_comes_back(client: Client, backup: Path) -> None:
    look = furnish(client, "data")
    archive = pack(client, "data", backup)
    user = client.start("--name", "app", "-v", "data:/v", "busybox", "sleep", "600")
    settings = json.loads(client.text("inspect", "app"))[0]
    client("stop", "-t", "0", "app")
    error = client("volume", "rm", "data", code=1).err
    assert f"remove data: volume is in use - [{user}]" in error
    client("rm", "-f", "app")
    client("volume", "rm", "data")
    assert client.text("volume", "ls", "-q") == ""
    client("volume", "create", "data")
    unpack(client, archive, "data")
    assert inside(client, "data", _LOOK) == look
    binds = [word for bind in settings["HostConfig"]["Binds"] for word in ("-v", bind)]
    again = client.text("run", "--rm", *binds, settings["Config"]["Image"], "cat", "/v/file")
    assert again == "one"


def test_files_are_where_scripts_look_for_them(client: Client) -> None:
    furnish(client, "data")
    place = client.daemon.data_root / "volumes" / "data" / "_data"
    assert client.text("volume", "inspect", "-f", "{{.Mountpoint}}", "data") == str(place)
    assert (place / "folder" / "deep").read_text() == "two\n"


def test_only_what_changed_is_copied(client: Client, backup: Path) -> None:
    if shutil.which("rsync") is None:
        pytest.skip("rsync is not on this machine")
    furnish(client, "data")
    source = f"{client.daemon.data_root}/volumes/data/_data/"
    copy = ["rsync", "-a", "--out-format=%n", source, f"{backup}/data/"]
    assert "file" in subprocess.run(copy, capture_output=True, text=True, check=True).stdout.split()
    inside(client, "data", "echo three >/v/folder/new")
    changed = subprocess.run(copy, capture_output=True, text=True, check=True).stdout.split()
    assert "folder/new" in changed
    assert "file" not in changed

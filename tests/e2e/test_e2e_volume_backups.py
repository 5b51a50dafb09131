"""Volumes are backed up and restored with a helper container, as people do with Docker."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.clients import Client

pytestmark = pytest.mark.usefixtures("no_volumes_left")

_LOOK = "cd /v && stat -c '%n %F %u:%g %a' . * */* && cat file folder/deep"


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """Where archives go; with a blank in it, as people have."""
    folder = tmp_path / "my backups"
    folder.mkdir()
    return folder


def inside(docker: Client, volume: str, script: str) -> str:
    return docker.text("run", "--rm", "-v", f"{volume}:/v", "busybox", "sh", "-c", script)


def furnish(docker: Client, volume: str) -> str:
    """Fill a volume; returns what it looks like."""
    inside(
        docker,
        volume,
        "mkdir -m 750 /v/folder; echo one >/v/file; echo two >/v/folder/deep;"
        "chown 33:44 /v/file; chmod 600 /v/file",
    )
    return inside(docker, volume, _LOOK)


def pack(docker: Client, volume: str, backup: Path) -> Path:
    archive = backup / f"{volume}.tar.gz"
    docker(
        *("run", "--rm", "-v", f"{volume}:/volume:ro", "-v", f"{backup}:/backup", "busybox"),
        *("tar", "czf", f"/backup/{archive.name}", "-C", "/volume", "."),
    )
    return archive


def unpack(docker: Client, archive: Path, volume: str) -> None:
    docker(
        *("run", "--rm", "-v", f"{volume}:/volume", "-v", f"{archive.parent}:/backup", "busybox"),
        *("tar", "xzf", f"/backup/{archive.name}", "-C", "/volume"),
    )


def test_an_archive_by_a_helper_container_and_back(docker: Client, backup: Path) -> None:
    look = furnish(docker, "data")
    archive = pack(docker, "data", backup)
    listed = subprocess.run(["tar", "tzf", str(archive)], capture_output=True, text=True, check=True).stdout
    assert "./folder/deep" in listed.split()
    unpack(docker, archive, "restored")
    assert inside(docker, "restored", _LOOK) == look


def test_all_volumes_in_a_loop(docker: Client, backup: Path) -> None:
    for name in ("first", "second"):
        furnish(docker, name)
    for name in docker.text("volume", "ls", "-q").split():
        pack(docker, name, backup)
    assert sorted(path.name for path in backup.iterdir()) == ["first.tar.gz", "second.tar.gz"]


def test_a_drill_everything_is_lost_and_comes_back(docker: Client, backup: Path) -> None:
    look = furnish(docker, "data")
    archive = pack(docker, "data", backup)
    user = docker.start("--name", "app", "-v", "data:/v", "busybox", "sleep", "600")
    settings = json.loads(docker.text("inspect", "app"))[0]
    docker("stop", "-t", "0", "app")
    error = docker("volume", "rm", "data", code=1).err
    assert f"remove data: volume is in use - [{user}]" in error
    docker("rm", "-f", "app")
    docker("volume", "rm", "data")
    assert docker.text("volume", "ls", "-q") == ""
    docker("volume", "create", "data")
    unpack(docker, archive, "data")
    assert inside(docker, "data", _LOOK) == look
    binds = [word for bind in settings["HostConfig"]["Binds"] for word in ("-v", bind)]
    again = docker.text("run", "--rm", *binds, settings["Config"]["Image"], "cat", "/v/file")
    assert again == "one"


def test_files_are_where_scripts_look_for_them(docker: Client) -> None:
    furnish(docker, "data")
    place = docker.daemon.data_root / "volumes" / "data" / "_data"
    assert docker.text("volume", "inspect", "-f", "{{.Mountpoint}}", "data") == str(place)
    assert (place / "folder" / "deep").read_text() == "two\n"


def test_only_what_changed_is_copied(docker: Client, backup: Path) -> None:
    if shutil.which("rsync") is None:
        pytest.skip("rsync is not on this machine")
    furnish(docker, "data")
    source = f"{docker.daemon.data_root}/volumes/data/_data/"
    copy = ["rsync", "-a", "--out-format=%n", source, f"{backup}/data/"]
    assert "file" in subprocess.run(copy, capture_output=True, text=True, check=True).stdout.split()
    inside(docker, "data", "echo three >/v/folder/new")
    changed = subprocess.run(copy, capture_output=True, text=True, check=True).stdout.split()
    assert "folder/new" in changed
    assert "file" not in changed

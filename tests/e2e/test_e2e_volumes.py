"""Volumes of the ``local`` driver: their options, when they are mounted, lists, and their end."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.clients import Client
from tests.support.daemons import Daemon
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("no_volumes_left")


def mountpoint(docker: Client, name: str) -> Path:
    return Path(docker.text("volume", "inspect", "--format", "{{.Mountpoint}}", name))


def bind_volume(docker: Client, name: str, source: Path, options: str = "bind") -> None:
    docker(
        *("volume", "create", "-o", "type=none", "-o", f"o={options}", "-o", f"device={source}", name),
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["bogus=1"], 'invalid option: "bogus"'),
        (["type=tmpfs"], 'missing required option: "device"'),
        (["device=tmpfs"], 'missing required option: "type"'),
        (["o=ro"], 'missing required option: "device"'),
        (["size=junk"], "invalid size: 'junk'"),
    ],
)
def test_options_that_cannot_be_are_refused(docker: Client, options: list[str], message: str) -> None:
    given = [word for option in options for word in ("-o", option)]
    assert f"create wrong: {message}" in docker("volume", "create", *given, "wrong", code=1).err
    assert docker.text("volume", "ls", "-q") == ""


def test_a_volume_with_a_device_is_mounted_from_its_first_user_to_its_last(
    docker: Client, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "file").write_text("mine\n")
    bind_volume(docker, "bound", tmp_path)
    place = mountpoint(docker, "bound")
    assert not place.is_mount()
    ids = [docker.start("-v", "bound:/data", "busybox", "sleep", "600") for _ in range(2)]
    assert place.is_mount()
    assert docker.text("exec", ids[0], "cat", "/data/file") == "mine"
    docker("rm", "-f", ids[0])
    assert place.is_mount()
    docker("rm", "-f", ids[1])
    wait_until(lambda: not place.is_mount(), "it is unmounted")
    docker("volume", "rm", "bound")
    assert (tmp_path / "file").read_text() == "mine\n"
    assert not place.exists()


def test_a_read_only_device_stays_read_only(docker: Client, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    bind_volume(docker, "bound", tmp_path, "bind,ro")
    out = docker.text("run", "--rm", "-v", "bound:/data", "busybox", "sh", "-c", "touch /data/x 2>&1 || true")
    assert "Read-only file system" in out


@pytest.mark.not_on_dockerd("20.10's runc lifts some of them")
def test_a_bind_keeps_what_the_host_forbids_on_its_mount(docker: Client, tmp_path: Path) -> None:
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "nosuid,nodev,noexec,noatime", "t", str(tmp_path)], check=True
    )
    try:
        options = ("-v", f"{tmp_path}:/a", "-v", f"{tmp_path}:/b:ro")
        out = docker.text("run", "--rm", *options, "busybox", "sh", "-c", "mount | grep -E ' /[ab] ' | sort")
        for line, access in zip(out.splitlines(), ("rw", "ro"), strict=True):
            assert {access, "nosuid", "nodev", "noexec", "noatime"} <= set(
                line[line.index("(") + 1 : -1].split(",")
            )
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_tmpfs_volume_is_shared_and_forgets_when_its_last_user_ends(docker: Client) -> None:
    options = ("-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m,uid=1000,mode=750")
    docker("volume", "create", *options, "mem")
    first = docker.start("-v", "mem:/data", "busybox", "sleep", "600")
    docker("exec", first, "sh", "-c", "echo here >/data/x")
    look = "df -k /data | tail -1; stat -c '%u %a' /data; cat /data/x"
    seen = docker.text("run", "--rm", "-v", "mem:/data", "busybox", "sh", "-c", look).splitlines()
    assert seen[0].split()[1] == "1024"
    assert seen[1:] == ["1000 750", "here"]
    docker("rm", "-f", first)
    assert docker.text("run", "--rm", "-v", "mem:/data", "busybox", "ls", "/data") == ""


def test_what_cannot_be_mounted_fails_the_start_and_not_the_creation(docker: Client) -> None:
    bind_volume(docker, "lost", Path("/nosuch"))
    place = mountpoint(docker, "lost")
    said = f"failed to mount local volume: mount /nosuch:{place}, flags: 0x1000: no such file or directory"
    docker("create", "--name", "box", "-v", "lost:/new", "busybox", "true")
    error = docker("start", "box", code=1).err
    assert f"error while mounting volume '{place}': {said}" in error
    assert docker.inspect("box", "{{.State.Status}} {{.State.ExitCode}}") == "created 128"
    # What the image has there goes into the volume when the container is made.
    assert said in docker("create", "--pull", "never", "-v", "lost:/etc", "busybox", code=1).err
    docker(
        *("volume", "create", "-o", "type=ext4", "-o", "o=password=secret", "-o", "device=/dev/nosuch", "pw")
    )
    assert "/dev/nosuch" in docker("run", "--rm", "-v", "pw:/x", "busybox", code=125).err


@pytest.mark.not_on_dockerd("20.10 tells it")
def test_a_password_is_not_told(docker: Client) -> None:
    docker(
        *("volume", "create", "-o", "type=ext4", "-o", "o=password=secret", "-o", "device=/dev/nosuch", "pw")
    )
    error = docker("run", "--rm", "-v", "pw:/x", "busybox", code=125).err
    assert "password=********" in error
    assert "secret" not in error


def test_an_empty_device_takes_the_images_files(docker: Client, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    bind_volume(docker, "bound", tmp_path)
    docker("create", "-v", "bound:/bin", "busybox", "true")
    assert "busybox" in os.listdir(tmp_path)
    wait_until(lambda: not mountpoint(docker, "bound").is_mount(), "it is unmounted")


def test_files_are_copied_from_and_to_a_device_that_nobody_uses(docker: Client, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "file").write_text("mine\n")
    bind_volume(docker, "bound", tmp_path)
    docker("create", "--name", "box", "-v", "bound:/data", "busybox", "true")
    out = subprocess.run(
        ["tar", "-xO"], input=docker("cp", "box:/data/file", "-").out, text=True, capture_output=True
    )
    assert out.stdout == "mine\n"
    docker("cp", str(tmp_path / "file"), "box:/data/copied")
    assert (tmp_path / "copied").read_text() == "mine\n"
    wait_until(lambda: not mountpoint(docker, "bound").is_mount(), "it is unmounted")


def test_names_are_expressions_in_lists(docker: Client) -> None:
    docker("volume", "create", "--label", "a=b", "--label", "c", "web-data")
    docker("volume", "create", "db-data")
    docker("create", "--name", "box", "-v", "db-data:/x", "busybox")

    def listed(*filters: str) -> list[str]:
        given = [word for text in filters for word in ("--filter", text)]
        return docker.text("volume", "ls", "-q", *given).split()

    assert listed("name=^web") == ["web-data"]
    assert listed("name=data") == ["db-data", "web-data"]
    assert listed("name=^web", "name=^db") == ["db-data", "web-data"]
    assert listed("name=[") == listed("driver=loc") == []
    assert listed("label=a") == listed("label=a=b", "label=c") == ["web-data"]
    assert listed("label=a=x") == []
    assert listed("dangling=true") == ["web-data"]
    assert listed("dangling=0", "driver=local") == ["db-data"]
    for wrong in ("dangling=maybe", "bogus=1"):
        assert (
            f"nvalid filter '{wrong.partition('=')[0]}"
            in docker("volume", "ls", "--filter", wrong, code=1).err
        )


def test_prunes_and_usage_leave_out_what_has_options(docker: Client) -> None:
    docker("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "mem")
    docker("volume", "create", "plain")
    pruned = docker.api("POST", "/v1.41/volumes/prune").json
    assert pruned["VolumesDeleted"] == ["plain"]
    assert docker.text("volume", "ls", "-q") == "mem"
    assert not docker.api("GET", "/system/df").json["Volumes"]


def test_a_volume_in_use_names_all_its_containers(docker: Client) -> None:
    docker("volume", "create", "kept")
    ids = {docker.text("create", "-v", "kept:/x", "busybox") for _ in range(2)}
    error = docker("volume", "rm", "-f", "kept", code=1).err
    assert "remove kept: volume is in use - [" in error
    assert set(error[error.index("[") + 1 : error.index("]")].split(", ")) == ids
    assert "get nosuch: no such volume" in docker("volume", "rm", "nosuch", code=1).err
    assert docker.api("DELETE", "/volumes/nosuch?force=1").status == 204


def test_a_name_is_shown_in_the_mode_of_mounts_as_docker_has_it(docker: Client) -> None:
    docker(
        *("create", "--name", "box", "-v", "named:/a", "-v", "named:/b:ro", "-v", "/c"),
        *("--mount", "type=volume,src=named,dst=/d", "--mount", "type=volume,dst=/e", "busybox"),
    )
    shown = json.loads(docker.inspect("box", "{{json .Mounts}}"))
    modes = {mount["Destination"]: mount["Mode"] for mount in shown}
    assert modes == {"/a": "z", "/b": "ro", "/c": "", "/d": "z", "/e": "z"}


@pytest.mark.not_on_dockerd("starts a scowd of its own")
def test_devices_stay_mounted_while_the_engine_is_away(
    start_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = start_daemon()
    tmp_path.chmod(0o755)
    docker = daemon.client("docker")
    for name in ("used", "ended"):
        (tmp_path / name).mkdir()
        bind_volume(docker, name, tmp_path / name)
        docker.start("--name", f"c-{name}", "-v", f"{name}:/data", "busybox", "sleep", "600")
    ended = int(docker.inspect("c-ended", "{{.State.Pid}}"))
    daemon.kill9()
    os.kill(ended, 9)
    daemon.start()
    assert mountpoint(docker, "used").is_mount()
    wait_until(lambda: not mountpoint(docker, "ended").is_mount(), "what nobody has is unmounted")
    docker("exec", "c-used", "touch", "/data/x")
    assert (tmp_path / "used" / "x").exists()
    docker("rm", "-f", "c-used")
    wait_until(lambda: not mountpoint(docker, "used").is_mount(), "it is unmounted")


@pytest.mark.not_on_dockerd("has no quotas here")
def test_a_size_is_held_to(docker: Client) -> None:
    docker("volume", "create", "-o", "size=8m", "small")
    fill = "ls -A /data | wc -l; dd if=/dev/zero of=/data/big bs=1M count=16 2>&1 | grep -c 'No space'"
    assert docker.text("run", "--rm", "-v", "small:/data", "busybox", "sh", "-c", fill).split() == ["0", "1"]
    # A client is told of the end before what is left of it is cleared away.
    wait_until(lambda: not mountpoint(docker, "small").is_mount(), "it is unmounted")
    # In an empty one the image's files find place.
    docker("volume", "create", "-o", "size=8m", "filled")
    assert "busybox" in docker.text("run", "--rm", "-v", "filled:/bin", "busybox", "ls", "/bin").split()
    assert "at least" in docker("volume", "create", "-o", "size=1k", "tiny", code=1).err
    mixed = ("-o", "size=8m", "-o", "type=tmpfs", "-o", "device=tmpfs")
    assert '"size" cannot be combined' in docker("volume", "create", *mixed, "mixed", code=1).err
    docker("volume", "rm", "small", "filled")
    assert "small" not in subprocess.run(["losetup", "-a"], capture_output=True, text=True).stdout

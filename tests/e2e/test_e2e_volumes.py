"""Volumes of the ``local`` driver: their options, when they are mounted, lists, and their end."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.clients import Client
from tests.support.daemons import Daemon
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference


@pytest.fixture(autouse=True)
def _no_volumes_left(client: Client) -> Iterator[None]:
    yield
    client.daemon.remove_containers()
    for volume in client.api("GET", "/volumes").json["Volumes"] or []:
        client.api("DELETE", f"/volumes/{volume['Name']}?force=1")


def mountpoint(client: Client, name: str) -> Path:
    return Path(client.text("volume", "inspect", "--format", "{{.Mountpoint}}", name))


def bind_volume(client: Client, name: str, source: Path, options: str = "bind") -> None:
    client(
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
def test_options_that_cannot_be_are_refused(client: Client, options: list[str], message: str) -> None:
    given = [word for option in options for word in ("-o", option)]
    assert f"create wrong: {message}" in client("volume", "create", *given, "wrong", code=1).err
    assert client.text("volume", "ls", "-q") == ""


def test_a_volume_with_a_device_is_mounted_from_its_first_user_to_its_last(
    client: Client, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "file").write_text("mine\n")
    bind_volume(client, "bound", tmp_path)
    place = mountpoint(client, "bound")
    assert not place.is_mount()
    ids = [client.start("-v", "bound:/data", "busybox", "sleep", "600") for _ in range(2)]
    assert place.is_mount()
    assert client.text("exec", ids[0], "cat", "/data/file") == "mine"
    client("rm", "-f", ids[0])
    assert place.is_mount()
    client("rm", "-f", ids[1])
    wait_until(lambda: not place.is_mount(), "it is unmounted")
    client("volume", "rm", "bound")
    assert (tmp_path / "file").read_text() == "mine\n"
    assert not place.exists()


def test_a_read_only_device_stays_read_only(client: Client, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    bind_volume(client, "bound", tmp_path, "bind,ro")
    out = client.text("run", "--rm", "-v", "bound:/data", "busybox", "sh", "-c", "touch /data/x 2>&1 || true")
    assert "Read-only file system" in out


@pytest.mark.not_on_dockerd("20.10's runc lifts some of them")
def test_a_bind_keeps_what_the_host_forbids_on_its_mount(client: Client, tmp_path: Path) -> None:
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "nosuid,nodev,noexec,noatime", "t", str(tmp_path)], check=True
    )
    try:
        options = ("-v", f"{tmp_path}:/a", "-v", f"{tmp_path}:/b:ro")
        out = client.text("run", "--rm", *options, "busybox", "sh", "-c", "mount | grep -E ' /[ab] ' | sort")
        for line, access in zip(out.splitlines(), ("rw", "ro"), strict=True):
            assert {access, "nosuid", "nodev", "noexec", "noatime"} <= set(
                line[line.index("(") + 1 : -1].split(",")
            )
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_tmpfs_volume_is_shared_and_forgets_when_its_last_user_ends(client: Client) -> None:
    options = ("-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m,uid=1000,mode=750")
    client("volume", "create", *options, "mem")
    first = client.start("-v", "mem:/data", "busybox", "sleep", "600")
    client("exec", first, "sh", "-c", "echo here >/data/x")
    look = "df -k /data | tail -1; stat -c '%u %a' /data; cat /data/x"
    seen = client.text("run", "--rm", "-v", "mem:/data", "busybox", "sh", "-c", look).splitlines()
    assert seen[0].split()[1] == "1024"
    assert seen[1:] == ["1000 750", "here"]
    client("rm", "-f", first)
    assert client.text("run", "--rm", "-v", "mem:/data", "busybox", "ls", "/data") == ""


def test_what_cannot_be_mounted_fails_the_start_and_not_the_creation(client: Client) -> None:
    bind_volume(client, "lost", Path("/nosuch"))
    place = mountpoint(client, "lost")
    said = f"failed to mount local volume: mount /nosuch:{place}, flags: 0x1000: no such file or directory"
    client("create", "--name", "box", "-v", "lost:/new", "busybox", "true")
    error = client("start", "box", code=1).err
    assert f"error while mounting volume '{place}': {said}" in error
    assert client.inspect("box", "{{.State.Status}} {{.State.ExitCode}}") == "created 128"
    # What the image has there goes into the volume when the container is made.
    assert said in client("create", "--pull", "never", "-v", "lost:/etc", "busybox", code=1).err
    client(
        *("volume", "create", "-o", "type=ext4", "-o", "o=password=secret", "-o", "device=/dev/nosuch", "pw")
    )
    assert "/dev/nosuch" in client("run", "--rm", "-v", "pw:/x", "busybox", code=125).err


@pytest.mark.not_on_dockerd("20.10 tells it")
def test_a_password_is_not_told(client: Client) -> None:
    client(
        *("volume", "create", "-o", "type=ext4", "-o", "o=password=secret", "-o", "device=/dev/nosuch", "pw")
    )
    error = client("run", "--rm", "-v", "pw:/x", "busybox", code=125).err
    assert "password=********" in error
    assert "secret" not in error


def test_an_empty_device_takes_the_images_files(client: Client, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    bind_volume(client, "bound", tmp_path)
    client("create", "-v", "bound:/bin", "busybox", "true")
    assert "busybox" in os.listdir(tmp_path)
    assert not mountpoint(client, "bound").is_mount()


def test_files_are_copied_from_and_to_a_device_that_nobody_uses(client: Client, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "file").write_text("mine\n")
    bind_volume(client, "bound", tmp_path)
    client("create", "--name", "box", "-v", "bound:/data", "busybox", "true")
    out = subprocess.run(
        ["tar", "-xO"], input=client("cp", "box:/data/file", "-").out, text=True, capture_output=True
    )
    assert out.stdout == "mine\n"
    client("cp", str(tmp_path / "file"), "box:/data/copied")
    assert (tmp_path / "copied").read_text() == "mine\n"
    assert not mountpoint(client, "bound").is_mount()


def test_names_are_expressions_in_lists(client: Client) -> None:
    client("volume", "create", "--label", "a=b", "--label", "c", "web-data")
    client("volume", "create", "db-data")
    client("create", "--name", "box", "-v", "db-data:/x", "busybox")

    def listed(*filters: str) -> list[str]:
        given = [word for text in filters for word in ("--filter", text)]
        return client.text("volume", "ls", "-q", *given).split()

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
            in client("volume", "ls", "--filter", wrong, code=1).err
        )


def test_prunes_and_usage_leave_out_what_has_options(client: Client) -> None:
    client("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "mem")
    client("volume", "create", "plain")
    pruned = client.api("POST", "/v1.41/volumes/prune").json
    assert pruned["VolumesDeleted"] == ["plain"]
    assert client.text("volume", "ls", "-q") == "mem"
    assert not client.api("GET", "/system/df").json["Volumes"]


def test_a_volume_in_use_names_all_its_containers(client: Client) -> None:
    client("volume", "create", "kept")
    ids = {client.text("create", "-v", "kept:/x", "busybox") for _ in range(2)}
    error = client("volume", "rm", "-f", "kept", code=1).err
    assert "remove kept: volume is in use - [" in error
    assert set(error[error.index("[") + 1 : error.index("]")].split(", ")) == ids
    assert "get nosuch: no such volume" in client("volume", "rm", "nosuch", code=1).err
    assert client.api("DELETE", "/volumes/nosuch?force=1").status == 204


def test_a_name_is_shown_in_the_mode_of_mounts_as_docker_has_it(client: Client) -> None:
    client(
        *("create", "--name", "box", "-v", "named:/a", "-v", "named:/b:ro", "-v", "/c"),
        *("--mount", "type=volume,src=named,dst=/d", "--mount", "type=volume,dst=/e", "busybox"),
    )
    shown = json.loads(client.inspect("box", "{{json .Mounts}}"))
    modes = {mount["Destination"]: mount["Mode"] for mount in shown}
    assert modes == {"/a": "z", "/b": "ro", "/c": "", "/d": "z", "/e": "z"}


def test_devices_stay_mounted_while_the_engine_is_away(
    start_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = start_daemon()
    tmp_path.chmod(0o755)
    client = daemon.client("docker")
    for name in ("used", "ended"):
        (tmp_path / name).mkdir()
        bind_volume(client, name, tmp_path / name)
        client.start("--name", f"c-{name}", "-v", f"{name}:/data", "busybox", "sleep", "600")
    ended = int(client.inspect("c-ended", "{{.State.Pid}}"))
    daemon.kill9()
    os.kill(ended, 9)
    daemon.start()
    assert mountpoint(client, "used").is_mount()
    wait_until(lambda: not mountpoint(client, "ended").is_mount(), "what nobody has is unmounted")
    client("exec", "c-used", "touch", "/data/x")
    assert (tmp_path / "used" / "x").exists()
    client("rm", "-f", "c-used")
    assert not mountpoint(client, "used").is_mount()


@pytest.mark.not_on_dockerd("has no quotas here")
def test_a_size_is_held_to(client: Client) -> None:
    client("volume", "create", "-o", "size=8m", "small")
    fill = "ls -A /data | wc -l; dd if=/dev/zero of=/data/big bs=1M count=16 2>&1 | grep -c 'No space'"
    assert client.text("run", "--rm", "-v", "small:/data", "busybox", "sh", "-c", fill).split() == ["0", "1"]
    assert not mountpoint(client, "small").is_mount()
    # In an empty one the image's files find place.
    client("volume", "create", "-o", "size=8m", "filled")
    assert "busybox" in client.text("run", "--rm", "-v", "filled:/bin", "busybox", "ls", "/bin").split()
    assert "at least" in client("volume", "create", "-o", "size=1k", "tiny", code=1).err
    mixed = ("-o", "size=8m", "-o", "type=tmpfs", "-o", "device=tmpfs")
    assert '"size" cannot be combined' in client("volume", "create", *mixed, "mixed", code=1).err
    client("volume", "rm", "small", "filled")
    assert "small" not in subprocess.run(["losetup", "-a"], capture_output=True, text=True).stdout

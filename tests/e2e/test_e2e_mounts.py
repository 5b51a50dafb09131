"""What is mounted into a container, where, from whom, and what an empty volume takes from the image."""

import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.clients import Client
from tests.support.disks import mounted_tmpfs
from tests.support.images import busybox_layer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference

_FURNISHED = "furnished:latest"
_LOOK = "stat -c '%n %F %u:%g %a %h' {0} {0}/*; readlink {0}/link; cat {0}/file"


def furnished_image() -> bytes:
    """Busybox with a folder to copy up, volumes of its own, and symlinks that try to lead out."""
    layer = Layer()
    layer.folder("data", mode=0o2750, uid=1000, gid=33)
    layer.file("data/file", "from the image\n", mode=0o640, uid=33, gid=1000)
    other = tarfile.TarInfo("data/other-name")
    other.type, other.linkname, other.mode, other.uid, other.gid = (
        tarfile.LNKTYPE,
        "data/file",
        0o640,
        33,
        1000,
    )
    layer.add(other)
    layer.symlink("data/link", "/etc/passwd")
    layer.folder("data/empty", mode=0o1777)
    layer.symlink("way-out", "/../../dev/shm/../shm")
    layer.symlink("absolute", "/data")
    config: dict[str, object] = {"Volumes": {"/declared": {}, "relative": {}}, "ExposedPorts": {"7/tcp": {}}}
    return docker_archive([ArchiveImage([busybox_layer(), layer.data()], [_FURNISHED], config)])


@pytest.fixture
def furnished(client: Client) -> str:
    """The name of ``furnished_image`` on the client's engine."""
    if not client.text("images", "-q", _FURNISHED):
        client.daemon.load(furnished_image())
    return _FURNISHED


@pytest.fixture(autouse=True)
def _no_volumes_left(client: Client) -> Iterator[None]:
    yield
    client.daemon.remove_containers()
    for volume in client.api("GET", "/volumes").json["Volumes"] or []:
        client.api("DELETE", f"/volumes/{volume['Name']}?force=1")


def mounts(client: Client, container: str) -> dict[str, dict[str, object]]:
    """``.Mounts`` of inspect by destination."""
    return {str(m["Destination"]): m for m in json.loads(client.inspect(container, "{{json .Mounts}}"))}


def test_volumes_from_shares_what_another_container_has(client: Client, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    client(
        "create",
        "--name",
        "donor",
        "-v",
        "/anon",
        "-v",
        "kept:/named",
        "-v",
        f"{tmp_path}:/host:ro",
        "busybox",
    )
    script = "echo a >/anon/x; echo b >/named/x; touch /host/x 2>&1; echo mine >/own/x"
    out = client.text(
        *("run", "--name", "first", "--volumes-from", "donor", "-v", "/own", "busybox", "sh", "-c", script)
    )
    assert out == "touch: /host/x: Read-only file system"
    out = client.text(
        *("run", "--name", "second", "--volumes-from", "first:ro", "-v", "own:/named", "busybox", "sh", "-c"),
        "cat /anon/x /own/x; ls /named; touch /own/y 2>&1; touch /named/y && echo rw",
    )
    assert out == "a\nmine\ntouch: /own/y: Read-only file system\nrw"
    client("create", "--name", "third", "--volumes-from", "donor", "--volumes-from", "second:rw", "busybox")
    donor, first, second, third = (mounts(client, name) for name in ("donor", "first", "second", "third"))
    assert set(first) == {"/anon", "/named", "/host", "/own"}
    assert first["/anon"]["Name"] == donor["/anon"]["Name"]
    assert (first["/host"]["Source"], first["/host"]["RW"]) == (str(tmp_path), False)
    assert (second["/named"]["Name"], third["/named"]["Name"]) == ("own", "own")
    assert (donor["/anon"]["RW"], third["/anon"]["RW"]) == (True, False)
    client("rm", "-v", "donor", "first")
    volumes = client.text("volume", "ls", "-q").split()
    assert {donor["/anon"]["Name"], first["/own"]["Name"], "kept"} <= set(volumes)


def test_an_anonymous_volume_goes_with_the_last_container_that_has_it(client: Client) -> None:
    client("create", "--name", "donor", "-v", "/anon", "busybox")
    client("create", "--name", "user", "--volumes-from", "donor", "busybox")
    client("rm", "-v", "donor")
    assert client.text("volume", "ls", "-q")
    client("rm", "-v", "user")
    assert not client.text("volume", "ls", "-q")


def test_volumes_from_nobody_or_in_a_mode_that_is_none_is_refused(client: Client) -> None:
    for value, message in {
        "nobody": "No such container: nobody",
        "nobody:bogus": "invalid mode: bogus",
    }.items():
        assert message in client("create", "--volumes-from", value, "busybox", code=1).err


def test_an_empty_volume_takes_the_images_files_as_they_are(client: Client, furnished: str) -> None:
    expected = client.text("run", "--rm", furnished, "sh", "-c", _LOOK.format("/data"))
    assert "/data directory 1000:33 2750" in expected
    assert "/data/file regular file 33:1000 640 2" in expected
    named, anonymous = (
        client.text("run", "--rm", "-v", volume, furnished, "sh", "-c", _LOOK.format("/data"))
        for volume in ("named:/data", "/data")
    )
    assert named == anonymous == expected
    client("run", "--rm", "-v", "named:/data", furnished, "rm", "/data/file")
    assert "file" not in client.text("run", "--rm", "-v", "named:/data", furnished, "ls", "/data").split()
    for option in ("-v=bare:/data:nocopy", "--mount=type=volume,src=bare,dst=/data,volume-nocopy"):
        assert client.text("run", "--rm", option, furnished, "ls", "/data") == ""


def test_volumes_that_the_image_declares_are_anonymous(client: Client, furnished: str) -> None:
    client("run", "--name", "made", "-v", "named:/declared", furnished, "touch", "/declared/x")
    found = mounts(client, "made")
    assert found["/declared"]["Name"] == "named"
    assert len(found) == 2


def test_mounts_below_each_other_lie_in_the_right_order(client: Client, tmp_path: Path) -> None:
    for name in ("outer", "inner", "deep"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(name + "\n")
    (tmp_path / "file").write_text("a file\n")
    tmp_path.chmod(0o755)
    out = client.text(
        *("run", "--rm", "-v", f"{tmp_path}/file:/a/b/c/name", "-v", f"{tmp_path}/deep:/a/b/c"),
        *("-v", f"{tmp_path}/inner:/a/b", "-v", f"{tmp_path}/outer:/a", "--tmpfs", "/a/b/t", "-v", "/a/v"),
        *("-v", f"{tmp_path}/file:/etc/passwd", "busybox", "sh", "-c"),
        "cat /a/name /a/b/name /a/b/c/name /etc/passwd; touch /a/b/t/x /a/v/x; ls /a /a/b",
    )
    assert out == "outer\ninner\na file\na file\n/a:\nb\nname\nv\n\n/a/b:\nc\nname\nt"
    assert sorted(path.name for path in (tmp_path / "inner").iterdir()) == ["c", "name", "t"]


def test_a_mount_point_behind_a_symlink_stays_in_the_container(client: Client, furnished: str) -> None:
    out = client.text(
        *("run", "--rm", "-v", "/way-out/made", "--tmpfs", "/way-out/fresh", "-v", "vol:/absolute/here"),
        *(
            furnished,
            "sh",
            "-c",
            "touch /way-out/made/x; mount | grep -oE ' on [^ ]*/(made|fresh|here)' | sort",
        ),
    )
    assert out.splitlines() == [" on /data/here", " on /dev/shm/fresh", " on /dev/shm/made"]
    assert not {"made", "fresh"} & set(os.listdir("/dev/shm"))


def test_every_word_of_a_mode_is_taken(client: Client, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "a:b").mkdir()
    options = [
        *(f"{tmp_path}:/z:z", f"{tmp_path}:/bigz:ro,Z", f"{tmp_path}:/c:consistent"),
        *(f"{tmp_path}:/d:delegated,ro", f"{tmp_path}:/e:cached", f"{tmp_path}/with space:/f:rw"),
        "vol:/g:nocopy,ro",
    ]  # fmt: skip
    out = client.text(
        *("run", "--name", "modes", *(f"-v={option}" for option in options), "busybox", "sh", "-c"),
        "for d in z bigz c d e f g; do touch /$d/$d 2>/dev/null && echo $d; done; true",
    )
    assert out.split() == ["z", "c", "e", "f"]
    shown = mounts(client, "modes")
    assert [shown[f"/{name}"]["Mode"] for name in ("z", "bigz", "d", "g")] == [
        "z",
        "ro,Z",
        "delegated,ro",
        "nocopy,ro",
    ]
    assert (tmp_path / "with space" / "f").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-v", "relative/path:/x"], "includes invalid characters for a local volume name, only"),
        (["-v", "/a:/b:bogus"], "invalid mode: bogus"),
        (["-v", "/a:/"], "invalid specification: destination can't be '/'"),
        (["-v", "/tmp:/x", "-v", "/etc:/x"], "Duplicate mount point: /x"),
        (["-v", "/tmp:/x", "--tmpfs", "/x"], "Duplicate mount point: /x"),
        (["--mount", "type=tmpfs,dst=/x", "--mount", "type=volume,dst=/x"], "Duplicate mount point: /x"),
        (["--mount", "type=bind,src=/nosuch,dst=/x"], "bind source path does not exist: /nosuch"),
        (["--mount", "type=tmpfs,dst=relative"], "invalid mount path: 'relative' mount path must be"),
        (["--tmpfs", "relative"], "invalid mount path: 'relative' mount path must be absolute"),
    ],
)  # fmt: skip
def test_what_cannot_be_mounted_is_refused_at_create(
    client: Client, options: list[str], message: str
) -> None:
    result = client("create", "--pull", "never", *options, "busybox", code=1)
    assert message in result.err
    assert client.text("ps", "-aq") == ""
    assert client.text("volume", "ls", "-q") in ("", "x")


@pytest.mark.not_on_dockerd("waits for the driver for 15 s")
def test_an_unknown_volume_driver_matters_where_a_volume_is_made(client: Client) -> None:
    error = client(
        "create", "--pull", "never", "--volume-driver", "nosuch", "-v", "nv:/x", "busybox", code=1
    ).err
    assert 'error looking up volume plugin nosuch: plugin "nosuch" not found' in error
    made = client.text("create", "--volume-driver", "nosuch", "-v", "/tmp:/x", "busybox")
    assert client.inspect(made, "{{.HostConfig.VolumeDriver}}") == "nosuch"


def test_tmpfs_takes_dockers_options_and_no_others(client: Client) -> None:
    out = client.text(
        *("run", "--rm", "--tmpfs", "/a", "--tmpfs", "/b:exec,size=1m,mode=700,uid=1000", "--tmpfs", "/c:ro"),
        *("busybox", "sh", "-c", "mount | grep -E ' /[abc] ' | sort; stat -c '%a %u' /b"),
    )
    a, b, c, owner = out.splitlines()
    assert "rw,nosuid,nodev,noexec" in a
    assert "size=1024k" in b
    assert "noexec" not in b
    assert "(ro," in c
    assert owner == "700 1000"
    assert "invalid tmpfs option" in client("run", "--rm", "--tmpfs", "/a:bogus", "busybox", code=125).err


def test_mounts_made_later_on_the_host_appear_as_propagation_says(client: Client, tmp_path: Path) -> None:
    with mounted_tmpfs(tmp_path / "shared") as shared:
        subprocess.run(["mount", "--make-rshared", shared], check=True)
        client.start(
            *("--name", "looker", "-v", f"{shared}:/slave:rslave", "-v", f"{shared}:/private"),
            *(
                "--mount",
                f"type=bind,src={shared},dst=/shared,bind-propagation=rshared",
                "--cap-add",
                "SYS_ADMIN",
            ),
            *("--security-opt", "apparmor=unconfined", "busybox", "sleep", "600"),
        )
        with mounted_tmpfs(shared / "sub"):
            (shared / "sub" / "late").touch()
            seen = client.text("exec", "looker", "sh", "-c", "ls /slave/sub /private/sub /shared/sub")
            assert seen == "/private/sub:\n\n/shared/sub:\nlate\n\n/slave/sub:\nlate"
        made = "mkdir /shared/up /slave/down; mount -t tmpfs t /shared/up && mount -t tmpfs t /slave/down"
        client("exec", "looker", "sh", "-c", made)
        assert (shared / "up").is_mount()
        assert not (shared / "down").is_mount()
        client("rm", "-f", "looker")
        subprocess.run(["umount", shared / "up"], check=True)
    plain = tmp_path / "plain"
    with mounted_tmpfs(plain):
        subprocess.run(["mount", "--make-private", plain], check=True)
        error = client("run", "--rm", "-v", f"{plain}:/x:rshared", "busybox", code=125).err
        assert f"path {plain} is mounted on {plain} but it is not a shared mount" in error


@pytest.mark.not_on_dockerd("newer than 20.10")
def test_a_bind_reaches_as_deep_as_it_is_told(client: Client, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with mounted_tmpfs(tmp_path / "sub"):
        (tmp_path / "sub" / "below").touch()
        bind = f"type=bind,src={tmp_path}"
        out = client.text(
            *("run", "--rm", "--mount", f"{bind},dst=/flat,bind-recursive=disabled"),
            *(
                "--mount",
                f"{bind},dst=/ro,readonly",
                "--mount",
                f"{bind},dst=/half,readonly,bind-recursive=writable",
            ),
            *(
                "busybox",
                "sh",
                "-c",
                "ls /flat/sub /half/sub; touch /ro/x 2>&1; touch /half/sub/x && echo half",
            ),
        )
    assert out == "/flat/sub:\n\n/half/sub:\nbelow\ntouch: /ro/x: Read-only file system\nhalf"


@pytest.mark.not_on_dockerd("newer than 20.10")
def test_a_part_of_a_volume_is_mounted_and_nothing_outside_it(client: Client, furnished: str) -> None:
    client(
        "run",
        "--rm",
        "-v",
        "vol:/v",
        "busybox",
        "sh",
        "-c",
        "mkdir /v/sub; echo in >/v/sub/x; ln -s /etc /v/out",
    )
    mount = "type=volume,src=vol,dst=/s,volume-subpath="
    assert client.text("run", "--rm", "--mount", mount + "sub", "busybox", "cat", "/s/x") == "in"
    assert client.text("run", "--rm", "--mount", mount + "sub/x", "busybox", "cat", "/s") == "in"
    for missing in ("nosuch", "out"):
        error = client("run", "--rm", "--mount", mount + missing, "busybox", code=127).err
        assert "cannot access path" in error
        assert "no such file or directory" in error
    for outside in ("../x", "/sub"):
        error = client("run", "--rm", "--mount", mount + outside, "busybox", code=125).err
        assert "subpath must be a relative path within the volume" in error
    client("run", "--rm", "-v", "vol:/v", "busybox", "mkdir", "/v/empty")
    part = "type=volume,src=vol,dst=/data,volume-subpath=empty"
    assert "file" in client.text("run", "--rm", "--mount", part, furnished, "ls", "/data").split()


def test_files_of_etc_may_be_the_users_own(client: Client, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for name in ("hosts", "resolv.conf", "hostname"):
        (tmp_path / name).write_text(f"my {name}\n")
    options = [f"-v={tmp_path}/{name}:/etc/{name}" for name in ("hosts", "resolv.conf", "hostname")]
    out = client.text(
        "run", "--name", "own", *options, "busybox", "sh", "-c", "cd /etc; cat hosts resolv.conf hostname"
    )
    assert out == "my hosts\nmy resolv.conf\nmy hostname"
    paths = client.inspect("own", "{{.HostsPath}} {{.ResolvConfPath}} {{.HostnamePath}}").split()
    assert paths == [f"{tmp_path}/{name}" for name in ("hosts", "resolv.conf", "hostname")]
    plain = client.text("create", "busybox", "true")
    client("start", "-a", plain)
    for path in client.inspect(plain, "{{.HostsPath}} {{.ResolvConfPath}} {{.HostnamePath}}").split():
        assert Path(path).exists()


@pytest.mark.not_on_dockerd("newer than 20.10")
def test_another_images_files_are_mounted_and_cannot_be_written(client: Client, furnished: str) -> None:
    whole, part = f"type=image,src={furnished},dst=/other", f"type=image,src={furnished},dst=/part"
    look = "cat /other/data/file /part/file; touch /other/x 2>&1; touch /part/x 2>&1; sleep 600"
    made = client.start(
        *("--mount", whole, "--mount", f"{part},image-subpath=data", "busybox", "sh", "-c", look)
    )
    refused = [f"touch: /{name}/x: Read-only file system" for name in ("other", "part")]
    wait_until(lambda: len(client("logs", made).lines) == 4, "the container has looked around")
    assert client("logs", made).lines == ["from the image", "from the image", *refused]
    shown = mounts(client, made)["/other"]
    assert (shown["Type"], shown["Name"], shown["RW"]) == ("image", furnished, False)
    assert Path(str(shown["Source"])).is_mount()
    client("restart", "-t", "0", made)
    client("rm", "-f", made)
    assert not Path(str(shown["Source"])).exists()
    error = client(
        "create", "--pull", "never", "--mount", "type=image,src=nosuch,dst=/x", "busybox", code=1
    ).err
    assert "No such image: nosuch" in error
    assert client.text("ps", "-aq") == ""


def test_a_source_that_is_a_link_is_what_it_leads_to(client: Client, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("behind\n")
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "nowhere").symlink_to("missing")
    assert client.text("run", "--rm", "-v", f"{tmp_path}/link:/x", "busybox", "cat", "/x/file") == "behind"
    place = tmp_path / "nowhere"
    error = client("run", "--rm", "-v", f"{place}:/x", "busybox", "true", code=125).err
    assert f"error while creating mount source path '{place}': mkdir {place}: file exists" in error
    mount = f"type=bind,src={place},dst=/x"
    error = client("create", "--pull", "never", "--mount", mount, "busybox", code=1).err
    assert f"bind source path does not exist: {place}" in error


def test_what_has_vanished_since_fails_the_start(client: Client, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    client("create", "--name", "strict", "--mount", f"type=bind,src={source},dst=/x", "busybox", "true")
    client("create", "--name", "lenient", "-v", f"{source}:/x", "busybox", "true")
    source.rmdir()
    error = client("start", "strict", code=1).err
    assert f'invalid mount config for type "bind": bind source path does not exist: {source}' in error
    assert client.inspect("strict", "{{.State.Status}} {{.State.ExitCode}}") == "created 0"
    client("start", "-a", "lenient")
    client("start", "-a", "strict")

    client("create", "--name", "keeper", "-v", "data:/x", "busybox", "true")
    data = Path(client.text("volume", "inspect", "-f", "{{.Mountpoint}}", "data"))
    data.rmdir()
    error = client("start", "keeper", code=1).err
    assert f'error evaluating symlinks from mount source "{data}": lstat {data}: no such file' in error
    assert client.inspect("keeper", "{{.State.Status}} {{.State.ExitCode}}") == "created 128"
    client("rm", "strict", "lenient", "keeper")
    client("volume", "rm", "data")

"""Files in and out of containers: cp, archive, diff, export; running, stopped, and never started."""

import base64
import bz2
import gzip
import io
import json
import lzma
import os
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.archives import Layer
from tests.support.clients import Client
from tests.support.disks import mounted_tmpfs
from tests.support.http import Answer, UnixConnection, request
from tests.support.live_folders import entries
from tests.support.sparse_files import FORMATS, SIZE, sparse_archive
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference

SETUP = (
    "mkdir -p /data/dir && echo one >/data/dir/file && ln -s dir /data/link && ln -s /data/dir/file /data/abs"
    " && ln -s /nowhere/x /data/broken && mkfifo /data/dir/pipe && ln /data/dir/file /data/dir/twin"
    " && chmod 4750 /data/dir/twin && touch /ready"
)


@pytest.fixture(autouse=True)
def _tidy(client: Client) -> Iterator[None]:
    yield
    client.daemon.remove_containers()


def box(client: Client, *options: str, script: str = SETUP) -> str:
    """A running container called ``box`` with a few files."""
    client.start("--name", "box", *options, "busybox", "sh", "-c", f"{script}; exec sleep 600")
    wait_until(
        lambda: client("exec", "box", "test", "-e", "/ready", code=None).code == 0, "the files are made"
    )
    return "box"


def head(client: Client, path: str, name: str = "box") -> Any:
    answer = client.api("HEAD", f"/containers/{name}/archive?path={quote(path)}")
    assert answer.status == 200, path
    return json.loads(base64.b64decode(answer.headers["x-docker-container-path-stat"]))


def get(client: Client, path: str, name: str = "box") -> tarfile.TarFile:
    answer = client.api("GET", f"/containers/{name}/archive?path={quote(path)}")
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/x-tar"
    return tarfile.open(fileobj=io.BytesIO(answer.body))


def put(client: Client, path: str, data: bytes, query: str = "", name: str = "box", **headers: str) -> Answer:
    target = f"/containers/{name}/archive?path={quote(path)}{query}"
    send = {"Content-Type": "application/x-tar"} | headers
    return request(str(client.daemon.socket), "PUT", target, data, headers=send)


def one_file(name: str = "new", data: str = "new", **options: Any) -> bytes:
    layer = Layer()
    layer.file(name, data, **options)
    return layer.data()


def test_what_is_told_of_a_path(client: Client) -> None:
    box(client)
    directory, symlink = 1 << 31, 1 << 27
    for path, name, mode, target in (
        ("/data/dir", "dir", directory | 0o755, ""),
        ("/data/dir/", "dir", directory | 0o755, ""),
        ("data/dir/.", ".", directory | 0o755, ""),
        ("/data/link", "link", symlink | 0o777, "/data/dir"),
        ("/data/abs", "abs", symlink | 0o777, "/data/dir/file"),
        ("/data/broken", "broken", symlink | 0o777, "/nowhere/x"),
        ("/data/dir/twin", "twin", 1 << 23 | 0o750, ""),
        ("/data/dir/pipe", "pipe", 1 << 25 | 0o644, ""),
        ("/", "/", directory | 0o755, ""),
    ):
        found = head(client, path)
        assert (found["name"], found["mode"], found["linkTarget"]) == (name, mode, target), path
        assert found["mtime"][:2] == "20"
    assert head(client, "/data/dir/twin")["size"] == 4
    for method in ("GET", "PUT"):
        assert client.api(method, "/containers/box/archive").status in (400, 500)
    answer = client.api("GET", "/containers/box/archive?path=/nope")
    assert (answer.status, answer.message) == (404, "Could not find the file /nope in container box")
    assert put(client, "/nope", one_file()).message == "Could not find the file /nope in container box"
    assert client.api("HEAD", "/containers/nobody/archive?path=/").status == 404


def test_names_in_the_archive(client: Client) -> None:
    box(client)
    inside = ["file", "pipe", "twin"]
    for path, top in (
        ("/data/dir", "dir"),
        ("/data/dir/", "dir"),
        ("/data/../data/dir", "dir"),
        ("data/dir/.", "."),
    ):
        names = get(client, path).getnames()
        assert names == [top, *(f"{top}/{name}" for name in inside)], path
    assert get(client, "/data/link").getmember("link").linkname == "dir"
    assert get(client, "/data/link/").getnames() == ["link", *(f"link/{name}" for name in inside)]
    assert get(client, "/data/dir/file").getnames() == ["file"]
    everything = get(client, "/").getnames()
    assert {"/data/dir/file", "/bin/busybox", "/proc"} <= set(everything)
    assert not [name for name in everything if name.startswith(("/proc/", "/sys/"))]
    members = {member.name: member for member in get(client, "/data/dir").getmembers()}
    assert members["dir/pipe"].isfifo()
    assert (members["dir/twin"].type, members["dir/twin"].linkname) == (tarfile.LNKTYPE, "dir/file")
    assert members["dir/file"].mode & 0o7777 == 0o4750


@pytest.mark.parametrize("state", ["running", "stopped", "created", "paused"])
def test_copies_whatever_the_container_does(client: Client, state: str, tmp_path: Path) -> None:
    if state == "created":
        client("create", "--name", "box", "-v", "/vol", "busybox", "sleep", "600")
    else:
        box(client, "-v", "/vol")
    if state in ("stopped", "paused"):
        client({"stopped": "stop", "paused": "pause"}[state], *(["-t0"] if state == "stopped" else []), "box")
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "file").write_text("content")
    (tree / "link").symlink_to("sub/file")
    os.chmod(tree / "sub", 0o751)
    client("cp", str(tree), "box:/tmp")
    client("cp", f"{tree}/.", "box:/vol")
    client("cp", str(tree / "sub" / "file"), "box:/tmp/renamed")
    client("cp", "-", "box:/vol", input=one_file("piped", "from stdin"))
    out = tmp_path / "out"
    out.mkdir()
    client("cp", "box:/vol", str(out))
    assert (out / "vol/sub/file").read_text() == "content"
    assert stat.S_IMODE((out / "vol/sub").stat().st_mode) == 0o751
    assert os.readlink(out / "vol/link") == "sub/file"
    client("cp", "-L", "box:/tmp/tree/link", str(out / "followed"))
    assert (out / "followed").read_text() == "content"
    client("cp", "box:/tmp/renamed", str(out))
    assert (out / "renamed").read_text() == "content"
    if state == "paused":
        client("unpause", "box")
    if state != "running":
        client("start", "box")
    assert client.text("exec", "box", "cat", "/vol/piped", "/tmp/tree/sub/file") == "from stdincontent"
    missing = client("cp", "box:/nothing", str(out), code=1).err
    assert "Could not find the file /nothing in container box" in missing


def test_mounts_are_where_the_container_has_them(client: Client, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    script = "ln -s /run/x /var/x; echo mem >/mem/file; touch /ready"
    box(client, "-v", f"{shared}:/run/x", "--tmpfs", "/mem", "-v", "named:/n", script=script)
    assert put(client, "/var/x", one_file("through-link")).status == 200
    assert (shared / "through-link").read_text() == "new"
    assert put(client, "/n", one_file()).status == 200
    busy = put(client, "/etc", one_file("hosts"))
    assert busy.status >= 400
    assert "unlinkat /etc/hosts: device or resource busy" in busy.message
    assert client.text("exec", "box", "head", "-1", "/etc/hosts").startswith("127.0.0.1")
    client("stop", "-t0", "box")
    assert put(client, "/run/x", one_file("while-stopped")).status == 200
    assert (shared / "while-stopped").exists()
    assert get(client, "/n").getnames() == ["n", "n/new"]
    client("rm", "box")
    client("volume", "rm", "named")


@pytest.mark.not_on_dockerd("its copies do not see the container's tmpfs")
def test_tmpfs_of_a_running_container_is_seen(client: Client) -> None:
    box(client, "--tmpfs", "/mem", script="echo mem >/mem/file; touch /ready")
    assert get(client, "/mem").getnames() == ["mem", "mem/file"]
    assert put(client, "/mem", one_file()).status == 200
    assert client.text("exec", "box", "cat", "/mem/new") == "new"


def test_what_is_read_only_is_refused(client: Client, tmp_path: Path) -> None:
    client.start(
        *("--name", "box", "--read-only", "-v", f"{tmp_path}:/ro:ro", "-v", "/rw", "busybox", "sleep", "600")
    )
    for path, message in (
        ("/tmp", "container rootfs is marked read-only"),
        ("/ro", "mounted volume is marked read-only"),
    ):
        answer = put(client, path, one_file())
        assert answer.status in (400, 403, 500)  # what it is changed with Docker's versions
        assert answer.message == message
    assert put(client, "/rw", one_file()).status == 200
    assert list(tmp_path.iterdir()) == []
    answer = put(client, "/bin/busybox", one_file())
    assert answer.message == "extraction point is not a directory"


def test_uploads_in_every_packing_and_owner(client: Client) -> None:
    client.start("--name", "box", "-u", "www-data", "busybox", "sleep", "600")
    plain = one_file("file", "text", uid=1000, gid=34, mode=0o2640)
    packings: tuple[Callable[[bytes], bytes], ...] = (bytes, gzip.compress, bz2.compress, lzma.compress)
    for number, pack in enumerate(packings):
        folder = f"/tmp/{number}"
        client("exec", "-u", "root", "box", "mkdir", folder)
        assert put(client, folder, pack(plain)).status == 200
        facts = client.text("exec", "-u", "root", "box", "stat", "-c", "%u:%g %a", f"{folder}/file")
        assert facts == "1000:34 2640"
        assert put(client, folder, plain, "&copyUIDGID=1").status == 200
        assert client.text("exec", "-u", "root", "box", "stat", "-c", "%u:%g", f"{folder}/file") == "33:33"


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_sparse_files_in_uploads(client: Client, kind: str, tmp_path: Path) -> None:
    box(client)
    is_refused = client.daemon.kind == "dockerd" and kind == "old"  # "unhandled tar header type 83"
    copied = client(
        "cp", "-", "box:/data", input=sparse_archive(tmp_path / "tree", kind), code=int(is_refused)
    )
    if is_refused:
        assert "unhandled tar header type" in copied.err
        return
    said = client.text(
        "exec", "box", "sh", "-c", "cd /data && wc -c <holes && tr -d '\\0' <holes && cat plain"
    )
    assert said == f"{SIZE}\ndata\nafter it"


def test_a_directory_stays_a_directory_if_asked(client: Client) -> None:
    box(client)
    layer = Layer()
    layer.folder("file")
    for name, data in (("dir", one_file("dir")), ("dir/file", layer.data())):
        path = f"/data{'/dir' if '/' in name else ''}"
        answer = put(client, path, data, "&noOverwriteDirNonDir=true")
        assert answer.status >= 400
        assert "cannot overwrite " in answer.message
    assert client.text("exec", "box", "cat", "/data/dir/file") == "one"
    assert put(client, "/data", one_file("dir")).status == 200
    assert client.text("exec", "box", "cat", "/data/dir") == "new"


def test_every_kind_of_file_goes_in_and_comes_out(client: Client) -> None:
    box(client)
    layer = Layer()
    capability = bytes.fromhex("0100000200040000000000000000000000000000")
    layer.file("d/cap", "x", pax={"SCHILY.xattr.security.capability": capability.decode("latin-1")})
    layer.file("d/" + "n" * 150 + "/" + "m" * 150, "long")
    layer.file("d/\udcff\udcfe", "not UTF-8")
    layer.symlink("d/link", "/" + "t" * 150)
    layer.hardlink("d/hard", "d/cap")
    layer.device("d/null", tarfile.CHRTYPE, 1, 3)
    layer.device("d/pipe", tarfile.FIFOTYPE, 0, 0)
    layer.file("d/large", b"\0" * 3_000_000 + b"end")
    assert put(client, "/tmp", layer.data()).status == 200
    found = {member.name: member for member in get(client, "/tmp/d").getmembers()}
    assert found["d/" + "n" * 150 + "/" + "m" * 150].size == 4
    assert "d/\udcff\udcfe" in found
    assert found["d/link"].linkname == "/" + "t" * 150
    assert {found["d/cap"].type, found["d/hard"].type} == {tarfile.REGTYPE, tarfile.LNKTYPE}
    assert (found["d/null"].ischr(), found["d/null"].devminor, found["d/pipe"].isfifo()) == (True, 3, True)
    assert found["d/large"].size == 3_000_003
    if client.daemon.kind == "scowd":
        kept = found["d/cap"].pax_headers["SCHILY.xattr.security.capability"]
        assert kept.encode() == capability


CHANGES = (
    "touch /added; mkdir -p /new/deep; echo x >>/etc/passwd; chmod 700 /var/www; rm /bin/vi"
    "; rm -rf /home/app; mkdir /home/app; ln /etc/group /etc/group2; mv /etc/shadow /etc/shadow2"
    "; rm /usr/bin/env; mkdir /usr/bin/env; rm -r /root; echo x >/root; touch /ready"
)


def test_changes_are_exactly_what_was_done(client: Client) -> None:
    box(client, script=CHANGES)
    expected = {
        *("A /added", "A /new", "A /new/deep", "A /ready", "A /etc/group2", "A /etc/shadow2"),
        *("C /etc", "C /etc/passwd", "D /etc/shadow", "C /var", "C /var/www", "C /bin", "D /bin/vi"),
        *("C /home", "C /home/app", "C /usr", "C /usr/bin", "C /usr/bin/env", "C /root"),
    }
    lines = client("diff", "box").lines
    # On the day it was made again with the same mode and owner, Docker sees no change in /home/app.
    assert set(lines) | {"C /home", "C /home/app"} == expected
    assert len(lines) == len(set(lines))
    for line in lines:  # a folder comes before what is in it
        parent = line[2:].rpartition("/")[0]
        if parent:
            seen = [other[2:] for other in lines[: lines.index(line)]]
            assert parent in seen, line
    client("stop", "-t0", "box")
    assert set(client("diff", "box").lines) == set(lines)
    client("create", "--name", "same", "busybox")
    assert client.api("GET", "/containers/same/changes").body.strip() == b"null"
    client("cp", "box:/added", "-", code=None)


def test_an_export_is_the_whole_tree_and_can_be_imported(client: Client) -> None:
    box(client, "-v", "/vol", script=SETUP + "; echo x >/vol/not-exported; chown 33:34 /data/dir")
    answer = client.api("GET", "/containers/box/export")
    assert answer.status == 200
    exported = {member.name: member for member in tarfile.open(fileobj=io.BytesIO(answer.body)).getmembers()}
    assert "vol" in exported
    assert "vol/not-exported" not in exported
    assert (exported["data/dir"].uid, exported["data/dir"].gid) == (33, 34)
    assert exported["proc"].isdir()
    client("stop", "-t0", "box")
    client("import", "-", "again:1", input=answer.body)
    client("create", "--name", "second", "again:1", "sh")
    again = client.api("GET", "/containers/second/export").body
    twice = {member.name: member for member in tarfile.open(fileobj=io.BytesIO(again)).getmembers()}
    facts = ("type", "mode", "uid", "gid", "size", "linkname")
    assert {name: [getattr(it, fact) for fact in facts] for name, it in twice.items()} == {
        name: [getattr(it, fact) for fact in facts] for name, it in exported.items()
    }
    client("rm", "second")
    client("rmi", "again:1")


def through_a_symlink(layer: Layer) -> None:
    layer.symlink("up", "../../../..")
    layer.file("up/outside", "x")


HOSTILE: dict[str, Callable[[Layer], object]] = {
    "parent": lambda layer: layer.file("../outside", "x"),
    "hard link out": lambda layer: layer.hardlink("link", "../../../etc/passwd"),
    "through a symlink": through_a_symlink,
    "absolute": lambda layer: layer.file("/outside", "x"),
}


@pytest.mark.not_on_dockerd("what it refuses differs from version to version")
@pytest.mark.parametrize("attack", HOSTILE)
def test_hostile_archives_stay_inside(client: Client, attack: str) -> None:
    box(client, "-v", "/vol", script="touch /ready")
    layer = Layer()
    HOSTILE[attack](layer)
    answer = put(client, "/vol", layer.data())
    assert answer.status in (200, 400), answer.body
    assert not os.path.lexists("/outside")
    for data in (layer.data()[:700], b"\xff" * 5000, gzip.compress(layer.data())[:-20], b"\0" * 200):
        assert put(client, "/vol", data).status in (200, 400)
    lying = bytearray(one_file())
    lying[124:136] = b"77777777777\0"
    lying[148:156] = b"%06o\0 " % (sum(lying[:512]) - sum(lying[148:156]) + 256)
    answer = put(client, "/vol", bytes(lying))
    assert (answer.status, answer.message) == (400, "unexpected EOF in archive")


@pytest.mark.not_on_dockerd("its own way of dealing with it is its own")
def test_clients_that_vanish_and_a_removal_under_a_stalled_one(client: Client) -> None:
    box(client, script="dd if=/dev/zero of=/big bs=1M count=30 2>/dev/null; touch /ready")
    socket = str(client.daemon.socket)
    reader = UnixConnection(socket)
    reader.request("GET", "/containers/box/archive?path=/big")
    assert reader.getresponse().read(1000)[:3] == b"big"
    reader.close()
    writer = UnixConnection(socket)
    writer.putrequest("PUT", "/containers/box/archive?path=/tmp")
    writer.putheader("Content-Length", "10000000")
    writer.endheaders(one_file("half", "x" * 3000)[:2000])
    writer.close()
    assert get(client, "/tmp").getnames()[0] == "tmp"
    stalled = UnixConnection(socket)
    stalled.request("GET", "/containers/box/archive?path=/big")
    response = stalled.getresponse()
    assert response.read(1000)[:3] == b"big"
    sending = UnixConnection(socket)
    sending.putrequest("PUT", "/containers/box/archive?path=/tmp")
    sending.putheader("Content-Length", "10000000")
    sending.endheaders(one_file("half", "x" * 3000)[:2000])
    client("rm", "-f", "box")
    assert sending.getresponse().status == 404
    wait_until(lambda: not os.listdir(client.daemon.data_root / "containers"), "nothing is left of it")
    for connection in (stalled, sending):
        connection.close()
    wait_until(lambda: not copying_threads(client.daemon.pid), "no copy goes on")


def copying_threads(pid: int) -> list[str]:
    names = []
    for task in entries(f"/proc/{pid}/task"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            names.append(Path(f"/proc/{pid}/task/{task}/comm").read_text())
    return [name for name in names if name.startswith("client work")]


@pytest.mark.not_on_dockerd("20.10 is slow to notice")
def test_symlinks_swapped_in_a_loop_lead_nowhere(client: Client, tmp_path: Path) -> None:
    """The container swaps a directory and a link to the host's folder of the same path while we copy."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    swap = (
        f"mkdir -p /w/real; echo mine >/w/real/secret; ln -s {outside} /w/link; touch /ready;"
        " while :; do mv -T /w/real /w/x; mv -T /w/link /w/real; mv -T /w/x /w/link;"
        " mv -T /w/real /w/x; mv -T /w/link /w/real; mv -T /w/x /w/link; done"
    )
    box(client, script=swap)
    for number in range(60):
        answer = client.api("GET", "/containers/box/archive?path=/w/real/secret")
        assert b"mine" in answer.body or answer.status == 404
        put(client, "/w/real", one_file("new", str(number)))
        put(client, "/w", one_file("real/new", str(number)))
    assert sorted(os.listdir(outside)) == ["secret"]


def test_a_full_disk_and_two_copies_at_once(client: Client, tmp_path: Path) -> None:
    with mounted_tmpfs(tmp_path / "small", "1m") as small:
        client.start("--name", "box", "-v", f"{small}:/small", "busybox", "sleep", "600")
        answer = put(client, "/small", one_file("big", "x" * 3_000_000))
        assert answer.status == 500
        assert "no space left on device" in answer.message
        (small / "big").unlink(missing_ok=True)
        layers = [Layer(), Layer()]
        for number, layer in enumerate(layers):
            for file in range(200):
                layer.file(f"shared/{number}/{file}", str(file))
        answers: list[int] = []
        copies = [
            threading.Thread(
                target=lambda data: answers.append(put(client, "/tmp", data).status), args=(data,)
            )
            for data in [layer.data() for layer in layers]
        ]
        for copy in copies:
            copy.start()
        for copy in copies:
            copy.join()
        assert answers == [200, 200]
        counted = client.text("exec", "box", "sh", "-c", "ls /tmp/shared/0 /tmp/shared/1 | grep -c '^[0-9]'")
        assert counted == "400"
        client("rm", "-f", "box")

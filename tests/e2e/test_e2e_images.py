"""Images from archives: loading, naming, listing, removing, and refusing what is wrong or hostile."""

import io
import json
import tarfile
from collections.abc import Iterator
from glob import glob
from pathlib import Path

import pytest

from tests.support.archives import ArchiveImage, Layer, digest, docker_archive, oci_archive
from tests.support.clients import Client
from tests.support.images import busybox_layer
from tests.support.sparse_files import sparse_archive
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference


@pytest.fixture(autouse=True)
def _only_busybox(client: Client) -> Iterator[None]:
    """Each test finds and leaves the busybox image alone in the store."""
    yield
    client.daemon.remove_containers()
    kept = client.api("GET", "/images/busybox/json").json["Id"]
    for image in client.api("GET", "/images/json?all=1").json:
        if image["Id"] != kept:
            client.api("DELETE", f"/images/{image['Id']}?force=1")
    tags = client.api("GET", "/images/busybox/json").json["RepoTags"]
    for tag in set(tags) - {"busybox:latest", "alpine:latest"}:
        client.api("DELETE", f"/images/{tag}")


@pytest.fixture(scope="module")
def busybox() -> bytes:
    return busybox_layer()


def layered(busybox: bytes) -> ArchiveImage:
    """Three layers: files of many kinds, then whiteouts and replacements over them."""
    first = Layer()
    for folder in ("data", "data/opaque", "data/gone", "data/sticky"):
        first.folder(folder, mode=0o1777 if folder.endswith("sticky") else 0o755)
    first.file("data/old", "old")
    first.file("data/opaque/below", "hidden later")
    first.file("data/gone/file", "removed with its folder")
    first.file("data/owned", "x", uid=1000, gid=29, mode=0o4750)
    first.hardlink("data/hard", "data/old")
    first.symlink("data/soft", "old")
    first.device("data/null", tarfile.CHRTYPE, 1, 3)
    first.device("data/pipe", tarfile.FIFOTYPE, 0, 0)
    first.file("data/xattr", "x", pax={"SCHILY.xattr.user.colour": "blue"})
    first.file("data/" + "long" * 60, "long name")
    second = Layer()
    second.folder("data")
    second.file("data/.wh.gone")
    second.folder("data/opaque")
    second.file("data/opaque/.wh..wh..opq")
    second.file("data/opaque/above", "new")
    second.file("data/old", "replaced")
    config = {
        "Cmd": ["sh", "-c", "echo from the image"],
        "Labels": {"made": "by hand"},
        "WorkingDir": "/data",
    }
    return ArchiveImage(
        [busybox, first.data(), second.data()], ["layered:1", "example.org/team/layered:2"], config
    )


_LOOK = """
cat old hard soft; echo; ls opaque; ls -d gone 2>&1; stat -c '%a %u %g' owned sticky
stat -c '%F %t,%T' null pipe; cat longlong*; echo; pwd
"""


def test_layers_stack_with_whiteouts_links_devices_and_owners(client: Client, busybox: bytes) -> None:
    client.daemon.load(docker_archive([layered(busybox)]))
    out = client.text("run", "--rm", "layered:1", "sh", "-c", _LOOK).splitlines()
    assert out == [
        "replacedoldreplaced",
        "above",
        "ls: gone: No such file or directory",
        "4750 1000 29",
        "1777 0 0",
        "character special file 1,3",
        "fifo 0,0",
        "long name",
        "/data",
    ]


def test_both_archive_layouts_load_with_the_same_id_and_names(
    client: Client, busybox: bytes, tmp_path: Path
) -> None:
    image = layered(busybox)
    for data in (docker_archive([image]), oci_archive(image)):
        if client.daemon.kind == "dockerd" and data == oci_archive(image):
            continue  # dockerd reads OCI layouts since version 25
        path = tmp_path / "image.tar"
        path.write_bytes(data)
        out = client.text("load", "-i", str(path))
        assert "Loaded image: layered:1" in out
        assert client.text("images", "-q", "--no-trunc", "layered:1") == image.id
        assert client.text("run", "--rm", "example.org/team/layered:2") == "from the image"
        assert "Untagged: layered:1" in client.text("rmi", "layered:1", "example.org/team/layered:2")


def test_load_reads_standard_input_and_compressed_archives(
    client: Client, busybox: bytes, tmp_path: Path
) -> None:
    import bz2
    import gzip
    import lzma

    image = ArchiveImage([busybox], ["packed:1"])
    data = docker_archive([image])
    for pack in (gzip.compress, bz2.compress, lzma.compress):
        client("load", "-q", input=pack(data))
        assert client.text("images", "-q", "--no-trunc", "packed") == image.id
        client("rmi", "packed:1")


def test_images_lists_names_ids_and_sizes(client: Client, busybox: bytes) -> None:
    client.daemon.load(docker_archive([layered(busybox)]))
    header, *rows = client.text("images").splitlines()
    assert header.split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    names = {" ".join(row.split()[:2]) for row in rows}
    assert names == {"busybox latest", "alpine latest", "layered 1", "example.org/team/layered 2"}
    assert client.text("images", "--format", "{{.Repository}}:{{.Tag}}", "layered") == "layered:1"
    assert client.text("images", "-q", "--filter", "label=made=by hand").splitlines() == (
        [layered(busybox).id[7:19]] * 2
    )
    assert client.text("images", "--filter", "reference=lay*", "--format", "{{.Tag}}") == "1"
    assert client.text("images", "--filter", "dangling=true", "-q") == ""


def test_inspect_and_history_tell_what_the_archive_said(client: Client, busybox: bytes) -> None:
    image = layered(busybox)
    client.daemon.load(docker_archive([image]))
    seen = json.loads(client.text("image", "inspect", "layered:1"))[0]
    assert seen["Id"] == image.id
    assert sorted(seen["RepoTags"]) == ["example.org/team/layered:2", "layered:1"]
    assert seen["Config"]["Cmd"] == ["sh", "-c", "echo from the image"]
    assert seen["Config"]["Labels"] == {"made": "by hand"}
    assert seen["Config"]["WorkingDir"] == "/data"
    assert (seen["Os"], seen["Architecture"], seen["Created"][:19]) == (
        "linux",
        "amd64",
        "2023-11-14T22:13:20",
    )
    assert seen["RootFS"] == {"Type": "layers", "Layers": [digest(layer) for layer in image.layers]}
    assert seen["GraphDriver"]["Name"] == "overlay2"
    history = client.text("history", "--no-trunc", "--format", "{{.CreatedBy}}", "layered:1").splitlines()
    assert history == ["layer 2", "layer 1", "layer 0"]


def test_names_ids_and_prefixes_find_an_image(client: Client, busybox: bytes) -> None:
    image = layered(busybox)
    client.daemon.load(docker_archive([image]))
    short = image.id[7:19]
    for name in (
        "layered:1",
        "docker.io/library/layered:1",
        image.id,
        image.id[7:],
        short,
        short[:6],
        f"sha256:{short}",
    ):
        assert client.text("image", "inspect", "--format", "{{.Id}}", name) == image.id
    for name in ("layered", "layered:nosuch", "f" * 12):
        assert "No such image" in client("image", "inspect", name, code=1).err
    assert "invalid reference format" in client("image", "inspect", "UPPER:1", code=1).err


def test_tag_and_rmi_follow_dockers_rules(client: Client, busybox: bytes) -> None:
    image = ArchiveImage([busybox, Layer().data()], ["first:1"])
    client.daemon.load(docker_archive([image]))
    client("tag", "first:1", "second:2")
    assert client.text("rmi", "first:1") == "Untagged: first:1"
    container = client.text("create", "second:2")
    error = client("rmi", image.id, code=1).err
    assert "is being used by" in error or "must be forced" in error
    assert f"container {container[:12]}" in client("rmi", "second:2", code=1).err
    client("rm", container)
    removed = client.text("rmi", "second:2").splitlines()
    assert removed[0] == "Untagged: second:2"
    assert removed[1] == f"Deleted: {image.id}"
    assert "No such image: second:2" in client("rmi", "second:2", code=1).err
    client("tag", "busybox", "keep:1")
    assert client.text("rmi", "keep:1") == "Untagged: keep:1"
    assert client.text("run", "--rm", "busybox", "echo", "still there") == "still there"


def test_import_makes_an_image_of_a_tree(client: Client, busybox: bytes) -> None:
    out = client(
        *("import", "-m", "by import", "--change", 'CMD ["echo", "imported"]', "--change", "ENV A=b"),
        *("-", "tree:1"),
        input=busybox,
    ).out.strip()
    assert client.text("images", "-q", "--no-trunc", "tree") == out
    assert client.text("run", "--rm", "tree:1") == "imported"
    assert client.text("image", "inspect", "--format", "{{.Comment}} {{json .Config.Env}}", "tree:1") in (
        'by import ["A=b"]',
        'by import ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","A=b"]',
    )


def test_a_tree_with_a_sparse_file_is_imported(client: Client, tmp_path: Path) -> None:
    if client.daemon.kind == "dockerd":
        pytest.skip("20.10 does not read back what it saves of one")
    client("import", "-", "holey:1", input=sparse_archive(tmp_path / "tree", "1.0"))
    image = client.inspect("holey:1", "{{.Id}}")
    archive = client.popen("save", "holey:1").communicate(timeout=120)[0]
    client("rmi", "holey:1")
    client("load", input=archive)
    assert client.inspect("holey:1", "{{.Id}}") == image
    client("rmi", "holey:1")


def test_what_is_no_tree_is_refused_at_once(client: Client) -> None:
    err = client("import", "-", "broken:1", input=b"hello world\n" * 100, code=1).err
    assert err.startswith("Error response from daemon: ")
    assert "archive/tar: invalid tar header" in err
    assert client.text("images", "-q", "broken") == ""


def test_an_empty_tree_is_imported(client: Client) -> None:
    identifier = client.text("import", "-", "void:1", input=b"")
    layers = client.text("image", "inspect", "--format", "{{json .RootFS.Layers}}", "void:1")
    assert json.loads(layers) == [digest(b"")]
    assert client.text("rmi", "void:1").splitlines()[:2] == ["Untagged: void:1", f"Deleted: {identifier}"]


def test_what_is_not_there_is_not_saved(client: Client, tmp_path: Path) -> None:
    err = client("save", "nothere", "-o", str(tmp_path / "archive"), code=1).err
    assert "No such image: nothere\n" in err


def test_the_images_user_volumes_and_entrypoint_are_used(client: Client, busybox: bytes) -> None:
    config = {
        "User": "app",
        "Volumes": {"/var/www": {}},
        "Entrypoint": ["sh", "-c", 'echo "$0 $*"; id -un; mount | grep -c "on /var/www "; echo $STAGE'],
        "Cmd": ["default", "arguments"],
        "Env": ["PATH=/bin", "STAGE=image"],
    }
    client.daemon.load(docker_archive([ArchiveImage([busybox], ["configured:1"], config)]))
    assert client.text("run", "--rm", "configured:1") == "default arguments\napp\n1\nimage"
    assert (
        client.text("run", "--rm", "-u", "0", "-e", "STAGE=run", "configured:1", "own")
        == "own \nroot\n1\nrun"
    )


def test_load_of_something_else_is_an_error(client: Client) -> None:
    result = client("load", input=b"not a tar archive at all" * 100, code=1)
    assert result.err
    assert client.text("images", "--filter", "dangling=true", "-q") == ""


# ---- hostile archives: the reference's wording differs, so these are for scow alone ----------------------


def hostile_layers() -> dict[str, bytes]:
    """Layers that try to write outside the root they are unpacked into."""
    parent, absolute, through_symlink, through_hardlink = Layer(), Layer(), Layer(), Layer()
    parent.file("../../../../../../../../tmp/scow-escape-parent", "x")
    absolute.file("/tmp/scow-escape-absolute", "x")
    through_symlink.symlink("out", "/tmp")
    through_symlink.file("out/scow-escape-symlink", "x")
    through_hardlink.hardlink("shadow", "/etc/shadow")
    return {
        "parent": parent.data(),
        "absolute": absolute.data(),
        "symlink": through_symlink.data(),
        "hardlink": through_hardlink.data(),
    }


def store_contents(client: Client) -> set[str]:
    root = client.daemon.data_root
    return {path for name in ("overlay2", "image", "tmp") for path in glob(f"{root}/{name}/*/*")}


@pytest.mark.not_on_dockerd("the texts are scow's")
@pytest.mark.parametrize("kind", list(hostile_layers()))
def test_a_layer_cannot_leave_its_root(client: Client, kind: str) -> None:
    before = store_contents(client)
    archive = docker_archive([ArchiveImage([hostile_layers()[kind]], ["hostile:1"])])
    client("load", input=archive, code=None)
    assert not list(Path("/tmp").glob("scow-escape-*")), "a file was written outside"
    if "hostile:1" in client.text("images", "--format", "{{.Repository}}:{{.Tag}}"):
        client("rmi", "hostile:1")
    wait_until(lambda: store_contents(client) == before, "all of it is gone")


def broken_archives() -> dict[str, bytes]:
    layer = Layer()
    layer.file("file", b"x" * 100_000)
    data = layer.data()
    good = ArchiveImage([data], ["broken:1"])
    whole = docker_archive([good])
    other = ArchiveImage(
        [data], ["broken:1"], override={"rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}}
    )
    none = ArchiveImage([data], ["broken:1"], override={"rootfs": {"type": "layers", "diff_ids": []}})
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    return {
        "truncated": whole[: len(whole) // 2],
        "wrong digest": docker_archive([other]),
        "fewer layers than promised": docker_archive([none]),
        "nothing in it": empty.getvalue(),
        "oci truncated": oci_archive(good)[:60_000],
    }


@pytest.mark.not_on_dockerd("the texts are scow's")
@pytest.mark.parametrize("kind", list(broken_archives()))
def test_a_broken_archive_is_refused_and_leaves_nothing(client: Client, kind: str) -> None:
    before = store_contents(client)
    result = client("load", input=broken_archives()[kind], code=1)
    assert result.err.strip()
    assert "Traceback" not in result.err
    assert "broken" not in client.text("images")
    wait_until(lambda: store_contents(client) == before, "all of it is gone")

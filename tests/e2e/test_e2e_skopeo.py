"""skopeo as a second opinion on archives and layouts, in both directions: every digest comes through.

Debian's skopeo speaks API 1.22 to engines (``docker-daemon:``), which Docker refuses by now, and scow too.
"""

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.archives import ArchiveImage, Layer, digest, docker_archive, layout_of_platforms
from tests.support.daemons import Daemon

pytestmark = pytest.mark.needs("skopeo")

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def skopeo(*args: str) -> str:
    argv = ["skopeo", "--insecure-policy", *args]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
    return done.stdout


def image(tag: str) -> ArchiveImage:
    below, above = Layer(), Layer()
    below.folder("folder", uid=12)
    below.file("folder/file", "content" * 1000, pax={"SCHILY.xattr.user.note": "kept"})
    below.hardlink("link", "folder/file")
    above.file("folder/.wh.file")
    above.symlink("to", "folder")
    return ArchiveImage([below.data(), above.data()], [tag], {"Cmd": ["x"], "Labels": {"a": "b"}})


def inspected(engine: Daemon, name: str) -> Any:
    answer = engine.api("GET", f"/images/{name}/json")
    assert answer.status == 200, answer.message
    return answer.json


def same(one: Any, other: Any) -> bool:
    fields = ("Id", "RootFS", "Config", "Created", "Architecture", "Os", "Size")
    return all(one[field] == other[field] for field in fields)


def saved(engine: Daemon, folder: Path, name: str) -> Path:
    archive = folder / "saved.tar"
    engine.docker("save", "-o", str(archive), name)
    return archive


def reload(engine: Daemon, archive: Path, name: str) -> Any:
    engine.docker("rmi", "-f", name)
    engine.docker("load", "-i", str(archive))
    return inspected(engine, name)


@pytest.mark.parametrize("way", ["docker-archive", "oci-archive"])
def test_what_scow_saves_skopeo_reads_and_what_skopeo_writes_scow_loads(
    scow_daemon: Daemon, tmp_path: Path, way: str
) -> None:
    scow_daemon.load(docker_archive([image("round:1")]))
    before = inspected(scow_daemon, "round:1")
    source = saved(scow_daemon, tmp_path, "round:1")
    seen = json.loads(skopeo("inspect", "--config", "--raw", f"{way}:{source}"))
    assert seen["rootfs"]["diff_ids"] == before["RootFS"]["Layers"]
    target = tmp_path / "copied.tar"
    name = "docker.io/library/round:1"
    skopeo("copy", "--preserve-digests", f"{way}:{source}", f"{way}:{target}:{name}")
    after = reload(scow_daemon, target, "round:1")
    assert same(before, after)
    assert image("round:1").id == after["Id"]
    scow_daemon.docker("rmi", "round:1")


def test_a_layout_as_a_folder_keeps_every_digest(scow_daemon: Daemon, tmp_path: Path) -> None:
    scow_daemon.load(docker_archive([image("round:1")]))
    before = inspected(scow_daemon, "round:1")
    source = saved(scow_daemon, tmp_path, "round:1")
    layout = tmp_path / "layout"
    skopeo("copy", "--preserve-digests", f"oci-archive:{source}", f"oci:{layout}:docker.io/library/round:1")
    with tarfile.open(source) as tar:
        file = tar.extractfile("index.json")
        assert file is not None
        index = json.load(file)
    there = json.loads((layout / "index.json").read_text())
    assert [it["digest"] for it in there["manifests"]] == [it["digest"] for it in index["manifests"]]
    packed = tmp_path / "layout.tar"
    subprocess.run(["tar", "-C", str(layout), "-cf", str(packed), "."], check=True)
    assert same(before, reload(scow_daemon, packed, "round:1"))
    scow_daemon.docker("rmi", "round:1")


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_compressed_layers_of_a_layout(scow_daemon: Daemon, tmp_path: Path, compression: str) -> None:
    scow_daemon.load(docker_archive([image("round:1")]))
    before = inspected(scow_daemon, "round:1")
    source = saved(scow_daemon, tmp_path, "round:1")
    target = tmp_path / "packed.tar"
    form = ("--dest-compress-format", compression)
    skopeo("copy", "--dest-compress", *form, f"oci-archive:{source}", f"oci-archive:{target}:round:1")
    after = reload(scow_daemon, target, "round:1")
    assert same(before, after)
    scow_daemon.docker("rmi", "round:1")


def test_of_several_platforms_all_are_taken(scow_daemon: Daemon, tmp_path: Path) -> None:
    ours, other = image("many:1"), image("many:1")
    other.override = {"architecture": "s390x"}
    archive = tmp_path / "many.tar"
    archive.write_bytes(layout_of_platforms({"s390x": other, "amd64": ours}, "docker.io/library/many:1"))
    raw = json.loads(skopeo("inspect", "--raw", f"oci-archive:{archive}"))
    assert [it["platform"]["architecture"] for it in raw["manifests"]] == ["s390x", "amd64"]
    scow_daemon.docker("load", "-i", str(archive))
    # What there is for the host is seen; skopeo takes all of it from what is saved.
    assert inspected(scow_daemon, "many:1")["RootFS"]["Layers"] == [digest(layer) for layer in ours.layers]
    scow_daemon.docker("save", "-o", str(tmp_path / "saved.tar"), "many:1")
    raw = json.loads(skopeo("inspect", "--raw", f"oci-archive:{tmp_path / 'saved.tar'}"))
    assert [it["platform"]["architecture"] for it in raw["manifests"]] == ["s390x", "amd64"]
    skopeo("copy", "--all", f"oci-archive:{tmp_path / 'saved.tar'}", f"oci:{tmp_path / 'layout'}:many")
    scow_daemon.docker("rmi", "many:1")

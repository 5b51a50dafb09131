"""Archives of every layout: which images, names and layers they hold; what is wrong is said."""

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scow.errors import InvalidArgumentError, ScowError, UnsupportedError
from scow.image.archive import Archive
from scow.image.archive_formats import ArchivedImage, read_images
from scow.spec.platform import Platform
from tests.support.archives import ArchiveImage, Layer, digest, docker_archive, oci_archive

HOST = Platform("linux", "amd64")
Members = dict[str, bytes | str]


def a_layer(text: str = "x") -> bytes:
    layer = Layer()
    layer.file("file", text)
    return layer.data()


def packed(members: Members) -> bytes:
    """A tar of the members; a string is a symlink's target."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(data, str):
                info.type, info.linkname = tarfile.SYMTYPE, data
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], list[ArchivedImage]]:
    def from_bytes(data: bytes) -> list[ArchivedImage]:
        path = tmp_path / "archive"
        path.write_bytes(data)
        with open(path, "rb") as file:
            fd = os.dup(file.fileno())
        return read_images(Archive(fd, len(data)), HOST)

    return from_bytes


Read = Callable[[bytes], list[ArchivedImage]]


def config_of(layers: list[bytes], **fields: Any) -> bytes:
    return ArchiveImage(layers, [], override=fields).config_bytes()


class Layout:
    """An OCI layout under construction."""

    def __init__(self) -> None:
        self.members: Members = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}

    def blob(self, data: bytes, media_type: str, **fields: Any) -> dict[str, Any]:
        self.members[f"blobs/sha256/{digest(data)[7:]}"] = data
        return {"mediaType": media_type, "digest": digest(data), "size": len(data), **fields}

    def image(self, layer: bytes, config: bytes | None = None, **fields: Any) -> dict[str, Any]:
        manifest = {
            "schemaVersion": 2,
            "config": self.blob(config or config_of([layer]), "application/vnd.oci.image.config.v1+json"),
            "layers": [self.blob(layer, "application/vnd.oci.image.layer.v1.tar")],
        }
        data = json.dumps(manifest).encode()
        return self.blob(data, "application/vnd.oci.image.manifest.v1+json", **fields)

    def index(self, *manifests: dict[str, Any], **fields: Any) -> dict[str, Any]:
        data = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
        return self.blob(data, "application/vnd.oci.image.index.v1+json", **fields)

    def archive(self, *manifests: dict[str, Any]) -> bytes:
        self.members["index.json"] = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
        return packed(self.members)


def test_a_saved_archive_gives_config_bytes_names_and_layers(read: Read) -> None:
    image = ArchiveImage([a_layer(), a_layer("y")], ["app:1", "localhost:5000/app:2"])
    (seen,) = read(docker_archive([image]))
    assert seen.id == image.id
    assert seen.raw_config == image.config_bytes()
    assert [str(name) for name in seen.names] == ["docker.io/library/app:1", "localhost:5000/app:2"]
    assert [source.content.read(1 << 20) for source in seen.layers] == image.layers


def test_an_archive_with_both_layouts_is_read_by_its_manifest(read: Read) -> None:
    image = ArchiveImage([a_layer()], ["app:1", "app:2"])
    (seen,) = read(oci_archive(image))
    assert seen.id == image.id
    assert len(seen.names) == 2
    assert seen.layers[0].digest == digest(image.layers[0])


def test_old_archives_link_layers_that_images_share(read: Read) -> None:
    layer = a_layer()
    manifest = [
        {"Config": "c.json", "RepoTags": None, "Layers": ["two/layer.tar"], "Parent": "sha256:" + "0" * 64}
    ]
    members: Members = {
        "c.json": config_of([layer]),
        "one/layer.tar": layer,
        "two/layer.tar": "../one/layer.tar",
        "manifest.json": json.dumps(manifest).encode(),
        "repositories": b"{}",
    }
    (seen,) = read(packed(members))
    assert seen.layers[0].content.read(1 << 20) == layer
    assert seen.names == ()
    assert seen.parent == "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("annotations", "names"),
    [
        ({"io.containerd.image.name": "docker.io/library/app:1"}, ["app:1"]),
        ({"org.opencontainers.image.ref.name": "app:2"}, ["app:2"]),
        ({"org.opencontainers.image.ref.name": "latest"}, []),
        ({}, []),
    ],
)
def test_a_plain_layout_names_images_by_annotations(
    read: Read, annotations: dict[str, str], names: list[str]
) -> None:
    layout = Layout()
    (seen,) = read(layout.archive(layout.image(a_layer(), annotations=annotations)))
    assert [name.familiar() for name in seen.names] == names


def test_an_index_gives_every_platform_whose_blobs_are_there(read: Read) -> None:
    layout = Layout()
    mine = layout.image(a_layer("mine"), platform={"os": "linux", "architecture": "amd64"})
    other = layout.image(a_layer("other"), platform={"os": "linux", "architecture": "arm64"})
    proof = layout.image(a_layer("proof"), platform={"os": "unknown", "architecture": "unknown"})
    named = {"io.containerd.image.name": "docker.io/library/app:1"}
    (seen,) = read(layout.archive(layout.index(other, proof, mine, annotations=named)))
    assert [it.layers[0].content.read(1 << 20) for it in seen.variants] == [a_layer("other"), a_layer("mine")]
    assert [str(it.platform) for it in seen.variants] == ["linux/arm64", "linux/amd64"]
    assert [name.familiar() for name in seen.names] == ["app:1"]
    del layout.members[f"blobs/{other['digest'].replace(':', '/')}"]
    (seen,) = read(layout.archive(layout.index(other, proof, mine, annotations=named)))
    assert [it.layers[0].content.read(1 << 20) for it in seen.variants] == [a_layer("mine")]


def test_two_names_of_one_manifest_are_one_image(read: Read) -> None:
    layout = Layout()
    entries = [
        layout.image(a_layer(), annotations={"io.containerd.image.name": f"app:{tag}"}) for tag in "12"
    ]
    (seen,) = read(layout.archive(*entries))
    assert [name.familiar() for name in seen.names] == ["app:1", "app:2"]


def test_artifacts_in_a_layout_are_passed_over(read: Read) -> None:
    layout = Layout()
    data = json.dumps({"config": layout.blob(b"{}", "application/vnd.example+json"), "layers": []}).encode()
    artifact = layout.blob(data, "application/vnd.oci.image.manifest.v1+json")
    assert read(layout.archive(artifact, layout.blob(b"?", "text/plain"))) == []


def test_an_index_in_an_index_in_an_index_ends(read: Read) -> None:
    layout = Layout()
    entry = layout.image(a_layer())
    for _ in range(6):
        entry = layout.index(entry)
    with pytest.raises(InvalidArgumentError, match="nested too deep"):
        read(layout.archive(entry))


def test_a_document_that_is_not_what_its_name_says_is_refused(read: Read) -> None:
    layout = Layout()
    entry = layout.image(a_layer())
    layout.members[f"blobs/{entry['digest'].replace(':', '/')}"] = b'{"config":{},"layers":[]}'
    with pytest.raises(InvalidArgumentError, match="other content than its name says"):
        read(layout.archive(entry))


def test_a_blob_of_another_length_than_promised_is_refused(read: Read) -> None:
    layout = Layout()
    layer = a_layer()
    entry = layout.image(layer)
    layout.members[f"blobs/sha256/{digest(layer)[7:]}"] = layer + b"more"
    with pytest.raises(InvalidArgumentError, match="bytes instead of"):
        read(layout.archive(entry))


def test_an_image_of_another_system_is_refused(read: Read) -> None:
    image = ArchiveImage([a_layer()], ["app:1"], override={"os": "windows"})
    with pytest.raises(UnsupportedError, match="cannot load windows image on linux"):
        read(docker_archive([image]))


def saved(**fields: Any) -> Members:
    layer = a_layer()
    item = {"Config": "c.json", "RepoTags": ["app:1"], "Layers": ["l.tar"], **fields}
    return {
        "c.json": config_of([layer]),
        "l.tar": layer,
        "manifest.json": json.dumps([item]).encode(),
    }


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"file": b""}, "invalid archive: does not contain a manifest.json"),
        ({"manifest.json": b"["}, "manifest.json cannot be read"),
        ({"manifest.json": b"null"}, "manifest.json cannot be read"),
        ({"manifest.json": b"[" * 100_000}, "manifest.json cannot be read"),
        ({"manifest.json": b'[{"Layers": 5}]'}, "manifest.json cannot be read"),
        (saved(Config="none.json"), "none.json is missing"),
        (saved(Config="../../../etc/passwd"), "is missing"),
        (saved(Layers=[]), "layers length mismatch: expected 0, got 1"),
        (saved(RepoTags=["Upper:1"]), "must be lowercase"),
        (saved(RepoTags=["app"]), 'invalid tag "app"'),
        ({**saved(), "l.tar": "/etc/passwd"}, "leads out of it"),
        ({**saved(), "l.tar": "../../etc/passwd"}, "leads out of it"),
        ({**saved(), "l.tar": "l.tar"}, "is missing"),
        ({**saved(), "../x": b""}, "leads out of it"),
        ({**saved(), "/x": b""}, "leads out of it"),
        ({**saved(), "c.json": b'{"rootfs": {"diff_ids": ["sha256:x"]}}'}, "image config cannot be read"),
        ({**saved(), "c.json": b" " * (9 << 20)}, "is larger than"),
    ],
)
def test_broken_archives_are_refused_with_the_reason(read: Read, members: Members, message: str) -> None:
    with pytest.raises(ScowError) as caught:
        read(packed(members))
    assert message in caught.value.message


def test_a_member_cut_short_is_noticed_though_its_content_is_not_read(read: Read) -> None:
    layer = Layer()
    layer.file("big", b"x" * 100_000)
    data = docker_archive([ArchiveImage([layer.data()], ["app:1"])])
    with pytest.raises(InvalidArgumentError, match="unexpected EOF"):
        read(data[:50_000])

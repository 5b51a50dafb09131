"""Manifests, indexes, layouts and what exporters are asked for."""

import gzip
import hashlib
import io
import json
import tarfile

import pytest
import zstandard

from scow.build.export.attestations import Attestation, package_address
from scow.build.export.blobs import Blob, described, document
from scow.build.export.compression import Compression, read_compression
from scow.build.export.documents import DOCKER, OCI, Described
from scow.build.export.layout import oci_layout
from scow.build.export.options import ImageOptions, read_image_options
from scow.build.export.times import clamped
from scow.build.export.whole_image import Part, assemble, media_types
from scow.errors import InvalidArgumentError
from scow.image.layers import LayerTar
from scow.spec.platform import Platform
from scow.spec.reference import parse_reference

AMD, ARM = Platform("linux", "amd64"), Platform("linux", "arm", "v7")


def part(platform: Platform = AMD, attestations: tuple[Attestation, ...] = ()) -> Part:
    layer = document(b"layer", described(b"layer", OCI.layer["gzip"]))
    return Part(platform, b'{"os":"linux"}', [layer], attestations)


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def read(blob: Blob) -> bytes:
    return b"".join(blob.read())


def test_a_manifest_alone() -> None:
    whole = assemble([part()], OCI, ImageOptions(), as_index=False)
    assert [it.described.digest for it in whole.blobs] == [digest(read(it)) for it in whole.blobs]
    assert whole.root == whole.blobs[-1].described
    found = json.loads(read(whole.blobs[-1]))
    assert found["config"] == {"mediaType": OCI.config, "digest": digest(b'{"os":"linux"}'), "size": 14}
    assert [it["digest"] for it in found["layers"]] == [digest(b"layer")]
    assert "platform" not in whole.root.document()


def test_an_index_of_two_with_what_vouches_for_them() -> None:
    said = Attestation("https://slsa.dev/provenance/v1", {"a": 1}, "provenance.json")
    options = read_image_options(
        {
            "name": "x:1,registry.example.org/y",
            "annotation-index.i": "1",
            "annotation.m": "2",
            "annotation-manifest[linux/arm/v7].a": "3",
            "annotation-manifest-descriptor.d": "4",
            "annotation-index-descriptor.e": "5",
        },
        None,
    )
    whole = assemble([part(AMD, (said,)), part(ARM, (said,))], OCI, options, as_index=True)
    by_digest = {it.described.digest: json.loads(read(it)) for it in whole.documents}
    index = by_digest[whole.root.digest]
    assert (index["annotations"], whole.root.annotations) == ({"i": "1"}, {"e": "5"})
    platforms = [it["platform"] for it in index["manifests"]]
    assert platforms[:2] == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm", "os": "linux", "variant": "v7"},
    ]
    assert platforms[2:] == [{"architecture": "unknown", "os": "unknown"}] * 2
    assert [by_digest[it["digest"]].get("annotations") for it in index["manifests"]] == [
        {"m": "2"}, {"m": "2", "a": "3"}, None, None,
    ]  # fmt: skip
    assert index["manifests"][0]["annotations"] == {"d": "4"}
    attestation = by_digest[index["manifests"][2]["digest"]]
    blobs = {it.described.digest: read(it) for it in whole.blobs}
    statement = json.loads(blobs[attestation["layers"][0]["digest"]])
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert [it["name"] for it in statement["subject"]] == [
        "pkg:docker/x@1?platform=linux%2Famd64",
        "pkg:docker/registry.example.org/y@latest?platform=linux%2Famd64",
    ]
    # What names others comes after them.
    assert list(by_digest)[-1] == whole.root.digest


def test_what_only_oci_can_say_is_said_in_oci() -> None:
    def types(**attributes: str) -> object:
        return media_types(read_image_options(attributes, None), attested=False)

    assert types() is DOCKER
    assert types(**{"oci-mediatypes": "true"}) is OCI
    assert types(**{"oci-mediatypes": "false", "annotation.a": "b"}) is OCI
    assert types(compression="zstd") is OCI
    assert media_types(ImageOptions(oci=False), attested=True) is OCI


def test_a_layout_is_the_same_whenever_it_is_written() -> None:
    whole = assemble([part()], OCI, ImageOptions(), as_index=False)
    names = [parse_reference("x:7")]
    data = b"".join(oci_layout(whole.blobs, whole.root, names, "2020-01-01T00:00:00Z"))
    assert data == b"".join(oci_layout(whole.blobs, whole.root, names, "2020-01-01T00:00:00Z"))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        index = json.load(tar.extractfile("index.json") or io.BytesIO())
        assert {it.mtime for it in tar} == {0}
    (entry,) = index["manifests"]
    assert entry["annotations"] == {
        "io.containerd.image.name": "docker.io/library/x:7",
        "org.opencontainers.image.created": "2020-01-01T00:00:00Z",
        "org.opencontainers.image.ref.name": "7",
    }


@pytest.mark.parametrize("level", [None, 0, 1, 3, 6, 9])
def test_gzip_of_every_level_is_one_that_all_read_and_has_no_time(level: int | None) -> None:
    packed = b"".join(Compression("gzip", level).pack([b"abc" * 1000, b"", b"d"]))
    assert gzip.decompress(packed) == b"abc" * 1000 + b"d"
    assert packed[4:8] == bytes(4)


def test_zstd_and_nothing() -> None:
    packed = b"".join(Compression("zstd", 19).pack([b"abc", b"d"]))
    assert zstandard.ZstdDecompressor().decompressobj().decompress(packed) == b"abcd"
    assert b"".join(Compression("uncompressed").pack([b"abc"])) == b"abc"


@pytest.mark.parametrize(
    ("kind", "level"), [("estargz", ""), ("lzma", ""), ("gzip", "10"), ("zstd", "23"), ("gzip", "much")]
)
def test_compression_that_there_is_not(kind: str, level: str) -> None:
    with pytest.raises(InvalidArgumentError):
        read_compression(kind, level, forced=False)


@pytest.mark.parametrize(
    "attributes",
    [
        {"annotation-nowhere.a": "b"},
        {"annotation": "b"},
        {"push": "perhaps"},
        {"name": f"x@sha256:{'a' * 64}"},
        {"source-date-epoch": "today"},
    ],
)
def test_attributes_that_cannot_be(attributes: dict[str, str]) -> None:
    with pytest.raises(InvalidArgumentError):
        read_image_options(attributes, None)


def test_package_addresses_name_the_image_as_people_do() -> None:
    assert (
        package_address(parse_reference("busybox"), ARM)
        == "pkg:docker/busybox@latest?platform=linux%2Farm%2Fv7"
    )


def test_times_are_brought_down_and_nothing_else_changes() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, mtime, kind in (
            ("d", 2_000, tarfile.DIRTYPE),
            ("d/old", 500, tarfile.REGTYPE),
            ("d/new", 3_000, tarfile.REGTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.mtime, info.uid, info.mode = kind, mtime, 7, 0o751
            info.size = 3 if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(b"abc"))
        link = tarfile.TarInfo("d/link" + "x" * 150)
        link.type, link.linkname, link.mtime = tarfile.SYMTYPE, "new", 4_000
        tar.addfile(link)
    data = buffer.getvalue()
    layer = LayerTar("", lambda: len(data), lambda: iter((data[:700], data[700:])))
    with tarfile.open(fileobj=io.BytesIO(b"".join(clamped(layer, 1_000)))) as tar:
        found = {it.name: (it.mtime, it.uid, it.mode) for it in tar if it.name != link.name}
        assert found == {"d": (1_000, 7, 0o751), "d/old": (500, 7, 0o751), "d/new": (1_000, 7, 0o751)}
        assert (tar.getmember(link.name).linkname, tar.getmember(link.name).mtime) == ("new", 1_000)
        content = tar.extractfile("d/new")
        assert content is not None
        assert content.read() == b"abc"


def test_descriptors_leave_out_what_is_empty() -> None:
    assert Described("t", "d", 1).document() == {"mediaType": "t", "digest": "d", "size": 1}

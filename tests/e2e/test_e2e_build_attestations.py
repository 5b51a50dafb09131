"""What vouches for an image, what is written on it, and that the same input gives the same image."""

import base64
import hashlib
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.builds import forget_builds
from tests.support.buildx import Buildx
from tests.support.clients import Result
from tests.support.daemons import Daemon
from tests.support.oci_layout import Layout
from tests.support.registry import Registry, registry

pytestmark = pytest.mark.root

ADDRESS = "127.0.0.1:5063"
SECRET = "tr0ub4dor-and-3"
EPOCH = "1600000000"
DOCKERFILE = """FROM busybox
ARG VERSION=0
WORKDIR /srv/app
RUN --mount=type=secret,id=token wc -c </run/secrets/token >/size
RUN mkdir -p /var/lib/dpkg /usr/lib/python3/dist-packages/Some.dist-info && \\
  printf 'Package: libthing\\nStatus: install ok installed\\nArchitecture: amd64\\nVersion: 1:2.0-3\\n' \\
    >/var/lib/dpkg/status && \\
  printf 'Name: Some_Thing\\nVersion: 4.5\\n\\ntext' >/usr/lib/python3/dist-packages/Some.dist-info/METADATA
COPY . .
"""


@pytest.fixture(autouse=True)
def _tidy(scow_daemon: Daemon) -> Iterator[None]:
    yield
    forget_builds(scow_daemon)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "context"
    found.mkdir()
    (found / "Dockerfile").write_text(DOCKERFILE)
    (found / "a.txt").write_text("context\n")
    (tmp_path / "token").write_text(SECRET)
    return found


def scow_build(daemon: Daemon, folder: Path, *args: str, code: int = 0, **env: str) -> Result:
    secret = f"id=token,src={folder.parent / 'token'}"
    words = ("build", "--secret", secret, *args, str(folder))
    result: Result = daemon.scow(*words, code=code, env={"DOCKER_BUILDKIT": "1", **env}, timeout_s=120)
    return result


def attested(layout: Layout) -> dict[str, Any]:
    """Statements by the type of what they say, of the first image of the layout."""
    index = layout.document(layout.entries[0]["digest"])
    image, attestation = index["manifests"]
    assert attestation["platform"] == {"architecture": "unknown", "os": "unknown"}
    assert attestation["annotations"] == {
        "vnd.docker.reference.digest": image["digest"],
        "vnd.docker.reference.type": "attestation-manifest",
    }
    manifest = layout.document(attestation["digest"])
    assert manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
    found = {}
    for layer in manifest["layers"]:
        assert layer["mediaType"] == "application/vnd.in-toto+json"
        statement = layout.document(layer["digest"])
        assert statement["predicateType"] == layer["annotations"]["in-toto.io/predicate-type"]
        assert statement["subject"][0]["digest"] == {"sha256": image["digest"].removeprefix("sha256:")}
        found[statement["predicateType"]] = statement
    return found


def index_image(layout: Layout) -> dict[str, Any]:
    """The entry of the image that stands first."""
    found: dict[str, Any] = layout.document(layout.entries[0]["digest"])["manifests"][0]
    return found


def test_provenance_says_how_an_image_came_about(scow_daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tar"
    common = ("-t", "x:1", "--build-arg", "VERSION=seven", "-o", f"type=oci,dest={out}")
    scow_build(scow_daemon, folder, *common, "--provenance=true")
    statement = attested(Layout(out))["https://slsa.dev/provenance/v1"]
    assert statement["subject"][0]["name"] == "pkg:docker/x@1?platform=linux%2Famd64"
    definition = statement["predicate"]["buildDefinition"]
    request = definition["externalParameters"]["request"]
    assert request["args"]["build-arg:VERSION"] == "seven"
    assert request["secrets"] == [{"id": "token", "optional": True}]
    assert request["locals"] == [{"name": "context"}, {"name": "dockerfile"}]
    (base,) = definition["resolvedDependencies"]
    assert base["uri"] == "pkg:docker/busybox@latest?platform=linux%2Famd64"
    metadata = statement["predicate"]["runDetails"]["metadata"]
    source = metadata["buildkit_metadata"]["source"]
    assert base64.b64decode(source["infos"][0]["data"]).decode() == DOCKERFILE
    steps = definition["internalParameters"]["buildConfig"]["llbDefinition"]
    runs = [it for it in steps if "exec" in it["op"]["Op"]]
    assert runs[0]["op"]["Op"]["exec"]["mounts"][1]["secretOpt"]["ID"] == "token"
    assert source["locations"][runs[0]["id"]]["locations"][0]["ranges"][0]["start"]["line"] == 4
    layers = Layout(out).document(index_image(Layout(out))["digest"])["layers"]
    run_layers = metadata["buildkit_metadata"]["layers"][f"{runs[0]['id']}:0"]
    assert run_layers == [layers[: len(layers) - 2]]  # one more RUN and a COPY came after it
    assert metadata["buildkit_metadata"]["layers"]["step0:0"] == [layers[:1]]
    scow_build(
        scow_daemon, folder, *common, "--provenance=mode=min,version=v0.2,builder-id=https://b.example"
    )
    old = attested(Layout(out))["https://slsa.dev/provenance/v0.2"]["predicate"]
    assert old["builder"] == {"id": "https://b.example"}
    assert "buildConfig" not in old
    assert "build-arg:VERSION" not in old["invocation"]["parameters"]["args"]
    assert old["materials"] == [base]


def test_an_sbom_lists_what_is_installed(scow_daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tar"
    scow_build(scow_daemon, folder, "-o", f"type=oci,dest={out}", "--sbom=true")
    document = attested(Layout(out))["https://spdx.dev/Document"]["predicate"]
    assert document["spdxVersion"] == "SPDX-2.3"
    addresses = {ref["referenceLocator"] for it in document["packages"] for ref in it.get("externalRefs", ())}
    assert addresses == {"pkg:deb/libthing@1%3A2.0-3?arch=amd64", "pkg:pypi/some-thing@4.5"}


def test_no_secret_is_in_anything(scow_daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tar"
    cache = tmp_path / "cache"
    scow_build(
        scow_daemon, folder, "-t", "x", "-o", f"type=oci,dest={out},compression=uncompressed",
        "--attest", "type=provenance,mode=max", "--attest", "type=sbom",
        "--cache-to", f"type=local,mode=max,compression=uncompressed,dest={cache}",
    )  # fmt: skip
    files = [out, *(it for it in cache.rglob("*") if it.is_file())]
    assert len(files) > 5
    for path in files:
        assert SECRET.encode() not in path.read_bytes()
        assert base64.b64encode(SECRET.encode()) not in path.read_bytes()


def test_statements_beside_files(scow_daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    scow_build(scow_daemon, folder, "-o", str(out), "--provenance=true", "--sbom=true")
    assert json.loads((out / "provenance.json").read_text())["predicateType"].endswith("/v1")
    assert json.loads((out / "sbom.spdx.json").read_text())["predicate"]["SPDXID"] == "SPDXRef-DOCUMENT"
    scow_build(scow_daemon, folder, "-o", f"{out}2", "--provenance=mode=min,inline-only=true")
    assert not (tmp_path / "out2/provenance.json").exists()


def test_the_default_of_dockers_client_is_no_hindrance(
    scow_daemon: Daemon, folder: Path, tmp_path: Path
) -> None:
    buildx = Buildx(scow_daemon, folder)
    secret = ("--secret", f"id=token,src={tmp_path / 'token'}")
    buildx(*secret, "-t", "plain")  # an image without an index has no place for them
    assert scow_daemon.docker("run", "--rm", "plain", "cat", "/size").out.split()[0] == str(len(SECRET))


def test_pushed_with_annotations(scow_daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    with registry(tmp_path / "registry", scow_daemon.namespace, address=ADDRESS) as place:
        scow_build(
            scow_daemon, folder, "-t", f"{ADDRESS}/app:1", "--push", "--provenance=mode=min",
            "--annotation", "org.example.one=1",
            "--annotation", "index,manifest-descriptor:org.example.two=2",
            "--metadata-file", str(tmp_path / "meta.json"),
        )  # fmt: skip
        index = _manifest(place, "1")
        meta = json.loads((tmp_path / "meta.json").read_text())
        assert meta["containerimage.digest"] == meta["containerimage.descriptor"]["digest"]
        assert meta["image.name"] == f"{ADDRESS}/app:1"
        assert index["annotations"] == {"org.example.two": "2"}
        image = index["manifests"][0]
        assert image["annotations"] == {"org.example.two": "2"}
        assert _manifest(place, image["digest"])["annotations"] == {"org.example.one": "1"}
        scow_daemon.docker("pull", "-q", f"{ADDRESS}/app:1")
        assert (
            scow_daemon.docker("run", "--rm", f"{ADDRESS}/app:1", "cat", "/srv/app/a.txt").out == "context\n"
        )


def _manifest(place: Registry, reference: str) -> Any:
    types = [f"application/vnd.oci.image.{kind}.v1+json" for kind in ("index", "manifest")]
    return json.loads(place.get(f"/v2/app/manifests/{reference}", f"Accept: {', '.join(types)}"))


@pytest.mark.parametrize(
    ("options", "media_type", "magic"),
    [
        ("", "application/vnd.oci.image.layer.v1.tar+gzip", b"\x1f\x8b"),
        ("compression=zstd", "application/vnd.oci.image.layer.v1.tar+zstd", b"\x28\xb5\x2f\xfd"),
        ("compression=gzip,compression-level=9", "application/vnd.oci.image.layer.v1.tar+gzip", b"\x1f\x8b"),
        ("compression=uncompressed", "application/vnd.oci.image.layer.v1.tar", b""),
        ("oci-mediatypes=false", "application/vnd.docker.image.rootfs.diff.tar.gzip", b"\x1f\x8b"),
    ],
)
def test_layers_as_they_are_wanted(
    scow_daemon: Daemon, folder: Path, tmp_path: Path, options: str, media_type: str, magic: bytes
) -> None:
    out = tmp_path / "out.tar"
    scow_build(scow_daemon, folder, "-o", f"type=oci,dest={out},{options}".rstrip(","))
    layout = Layout(out)
    layers = layout.document(layout.entries[0]["digest"])["layers"]
    assert {it["mediaType"] for it in layers} == {media_type}
    assert all(layout.blob(it["digest"]).startswith(magic) for it in layers)
    loaded = scow_daemon.docker("load", "-i", str(out)).out
    assert "Loaded image" in loaded


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("-o", "type=oci,dest=x,compression=estargz"), "unsupported layer compression type: estargz"),
        (("-o", "type=oci,dest=x,compression=gzip,compression-level=77"), "invalid compression-level 77"),
        (("-o", "type=oci,dest=x,rewrite-timestamp=true"), "rewrite-timestamp requires"),
        (("-o", "type=oci,dest=x", "--annotation", "index:a=b"), "index annotations not supported"),
        (("--provenance=mode=most",), 'invalid mode "most"'),
        (("--provenance=version=v9",), 'invalid provenance type "v9"'),
        (("--attest", "type=vex"), 'unsupported attestation type "vex"'),
        (("--annotation", "nothing"), "expected key=value"),
    ],
)
def test_what_cannot_be(
    scow_daemon: Daemon, folder: Path, tmp_path: Path, args: tuple[str, ...], message: str
) -> None:
    args = tuple(it.replace("dest=x", f"dest={tmp_path}/x") for it in args)
    assert message in scow_build(scow_daemon, folder, *args, code=1).err


def test_the_same_input_gives_the_same_image(scow_daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    """Twice, with nothing kept in between, the context's files younger, and the clock further on."""
    outputs = []
    for number in (1, 2):
        out = tmp_path / f"{number}.tar"
        os.utime(folder / "a.txt", (1_700_000_000 + number,) * 2)
        scow_build(
            scow_daemon, folder, "-t", "x:1", "-o", f"type=oci,dest={out},rewrite-timestamp=true",
            SOURCE_DATE_EPOCH=EPOCH,
        )  # fmt: skip
        outputs.append(hashlib.sha256(out.read_bytes()).hexdigest())
        forget_builds(scow_daemon)
    assert outputs[0] == outputs[1]
    layout = Layout(tmp_path / "1.tar")
    assert layout.entries[0]["annotations"]["org.opencontainers.image.created"] == "2020-09-13T12:26:40Z"
    image = layout.document(layout.entries[0]["digest"])
    config = layout.document(image["config"]["digest"])
    assert {it["created"] for it in config["history"]} == {"2020-09-13T12:26:40Z"}


def test_the_same_input_gives_the_same_image_in_the_engine(scow_daemon: Daemon, folder: Path) -> None:
    ids = []
    for _ in range(2):
        scow_build(
            scow_daemon,
            folder,
            "-o",
            "type=image,name=x:1,rewrite-timestamp=true",
            "--cache-to",
            "type=inline",
            SOURCE_DATE_EPOCH=EPOCH,
        )
        ids.append(scow_daemon.docker("inspect", "-f", "{{.Id}}", "x:1").out)
        times = scow_daemon.docker("run", "--rm", "x:1", "stat", "-c", "%Y", "/size", "/srv/app", "/srv").out
        assert times.split() == [EPOCH] * 3
        forget_builds(scow_daemon)
    assert ids[0] == ids[1]


def test_times_of_exported_files(scow_daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tar"
    scow_build(scow_daemon, folder, "-o", f"type=tar,dest={out}", SOURCE_DATE_EPOCH=EPOCH)
    with tarfile.open(out) as tar:
        assert max(it.mtime for it in tar) == int(EPOCH)

"""``docker buildx`` with its remote driver, which speaks BuildKit's protocol on the engine's own socket.

Its docker driver asks an engine for several platforms, attestations and caches only if that stores images in
containerd; the remote one asks for everything.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builds import forget_builds
from tests.support.buildx import Buildx
from tests.support.daemons import Daemon
from tests.support.oci_layout import Layout
from tests.support.registry import Registry, registry

pytestmark = pytest.mark.root

ADDRESS = "127.0.0.1:5064"
DOCKERFILE = """FROM --platform=$BUILDPLATFORM busybox AS tools
ARG TARGETARCH
RUN --mount=type=secret,id=token echo "for $TARGETARCH $(wc -c </run/secrets/token)" >/made
FROM scratch
COPY --from=tools /made /made
COPY a.txt /a.txt
"""


@pytest.fixture(scope="module")
def place(scow_daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry"), scow_daemon.namespace, address=ADDRESS) as found:
        yield found


@pytest.fixture
def build(scow_daemon: Daemon, tmp_path: Path) -> Iterator[Buildx]:
    context = tmp_path / "context"
    context.mkdir()
    found = Buildx(scow_daemon, context)
    found.write("Dockerfile", DOCKERFILE)
    found.write("a.txt", "context\n")
    (tmp_path / "token").write_text("secret")
    found.remote("--secret", f"id=token,src={tmp_path / 'token'}")
    yield found
    scow_daemon.remove_containers()
    forget_builds(scow_daemon)


def cached(progress: str) -> int:
    return len(re.findall(r"^#\d+ CACHED$", progress, re.M))


def test_several_platforms_with_provenance_in_a_layout(build: Buildx, tmp_path: Path) -> None:
    out, meta = tmp_path / "out.tar", tmp_path / "meta.json"
    build(
        "--platform", "linux/amd64,linux/arm64", "--provenance=mode=max", "--sbom=true",
        "--annotation", "index:a.b=c", "-o", f"type=oci,dest={out}", "--metadata-file", str(meta),
    )  # fmt: skip
    layout = Layout(out)
    index = layout.document(layout.entries[0]["digest"])
    assert index["annotations"] == {"a.b": "c"}
    assert [it["platform"]["architecture"] for it in index["manifests"]] == [
        "amd64",
        "arm64",
        "unknown",
        "unknown",
    ]
    images = [layout.document(it["digest"]) for it in index["manifests"]]
    assert [layout.file(it, "made") for it in images[:2]] == ["for amd64 6\n", "for arm64 6\n"]
    assert [len(it["layers"]) for it in images[2:]] == [2, 2]
    written = json.loads(meta.read_text())
    assert written["containerimage.descriptor"]["digest"] == written["containerimage.digest"]
    assert written["containerimage.digest"] == layout.entries[0]["digest"]


def test_pushed_as_an_index(scow_daemon: Daemon, place: Registry, build: Buildx) -> None:
    name = f"{ADDRESS}/pushed:1"
    build("--platform", "linux/amd64,linux/arm64", "-t", name, "--push")
    shown = build.inspected(name)
    assert [it["platform"]["architecture"] for it in shown["manifests"]] == [
        "amd64",
        "arm64",
        "unknown",
        "unknown",
    ]
    scow_daemon.docker("pull", "-q", name)
    assert json.loads(scow_daemon.docker("inspect", name).out)[0]["Architecture"] == "amd64"


@pytest.mark.parametrize("kind", ["local", "registry", "inline"])
def test_caches_go_and_come(
    scow_daemon: Daemon, place: Registry, build: Buildx, tmp_path: Path, kind: str
) -> None:
    name = f"{ADDRESS}/cached:{kind}"
    to = {"local": f"dest={tmp_path}/cache,mode=max", "registry": f"ref={name}-cache,mode=max", "inline": ""}[
        kind
    ]
    build("-t", name, "--push", "--cache-to", f"type={kind},{to}".rstrip(","))
    forget_builds(scow_daemon)
    from_ = f"type=local,src={tmp_path}/cache" if kind == "local" else f"type=registry,ref={name}"
    again = build(
        "-t", "x", "--load", "--cache-from", from_ + ("-cache" if kind == "registry" else "")
    ).stderr
    assert cached(again) == 3, again
    assert "x:latest" in scow_daemon.docker("images", "--format", "{{.Repository}}:{{.Tag}}").out


def test_files_in_a_folder_for_each_platform(build: Buildx, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build("--platform", "linux/amd64,linux/arm64", "-o", str(out), "--provenance=mode=min")
    for architecture in ("amd64", "arm64"):
        assert (out / f"linux_{architecture}/made").read_text() == f"for {architecture} 6\n"
        statement = json.loads((out / f"linux_{architecture}/provenance.json").read_text())
        assert statement["predicateType"] == "https://slsa.dev/provenance/v1"


def test_compression_and_times(build: Buildx, tmp_path: Path) -> None:
    outputs = []
    for number in (1, 2):
        out = tmp_path / f"{number}.tar"
        build(
            "--build-arg", "SOURCE_DATE_EPOCH=1600000000", "--no-cache",
            "-o", f"type=oci,dest={out},compression=zstd,rewrite-timestamp=true", "--provenance=false",
        )  # fmt: skip
        outputs.append(out.read_bytes())
    assert outputs[0] == outputs[1]
    layout = Layout(tmp_path / "1.tar")
    layers = layout.document(layout.entries[0]["digest"])["layers"]
    assert {it["mediaType"] for it in layers} == {"application/vnd.oci.image.layer.v1.tar+zstd"}

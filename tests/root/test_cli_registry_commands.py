"""``manifest`` and ``buildx imagetools`` on a real registry: what scow says and makes is what Docker does.

The images get there by skopeo, which also looks at what comes out.
"""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.client_packages import NotInstalledError
from tests.support.environment import clean_environment, program
from tests.support.namespaces import NetworkNamespace, network_namespace
from tests.support.present_docker import give_plugins
from tests.support.registry import registry

pytestmark = [pytest.mark.root, pytest.mark.needs("docker-registry", "skopeo", "docker")]

_REGISTRY = "127.0.0.1:5000"
_TEAM = f"{_REGISTRY}/team"


@dataclass
class Here:
    """A machine with a registry, and both command lines."""

    namespace: NetworkNamespace
    folder: Path

    def run(self, command: str, line: str) -> str:
        """Standard output, standard error and the exit code of one command line."""
        home = self.folder / command
        home.mkdir(exist_ok=True)
        if command == "docker":
            try:
                give_plugins(home / ".docker")
            except NotInstalledError as exc:
                pytest.skip(str(exc))
        path = program("scow") if command == "scow" else "docker"
        done = subprocess.run(
            self.namespace.command(path, *shlex.split(line)),
            env=clean_environment(home),
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        return f"{done.stdout}{done.stderr}{done.returncode}"

    def skopeo(self, *args: str) -> str:
        done = self.namespace.run("skopeo", "--insecure-policy", *args, timeout_s=60)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    folder = tmp_path_factory.mktemp("commands")
    with network_namespace() as namespace, registry(folder / "registry", namespace):
        found = Here(namespace, folder)
        for architecture in ("amd64", "arm64"):
            layer = Layer()
            layer.file("name", architecture)
            image = ArchiveImage([layer.data()], ["x:1"], override={"architecture": architecture})
            archive = folder / f"{architecture}.tar"
            archive.write_bytes(docker_archive([image]))
            to = f"docker://{_TEAM}/{architecture}:1"
            found.skopeo("copy", "--dest-tls-verify=false", f"docker-archive:{archive}", to)
        oci = f"docker://{_TEAM}/oci:1"
        source = f"docker-archive:{folder / 'amd64.tar'}"
        found.skopeo("copy", "--dest-tls-verify=false", "-f", "oci", source, oci)
        yield found


_MANIFEST = f"""
create --insecure {_TEAM}/list:1 {_TEAM}/amd64:1 {_TEAM}/arm64:1
create --insecure {_TEAM}/list:1 {_TEAM}/amd64:1
inspect --insecure {_TEAM}/list:1
annotate {_TEAM}/list:1 {_TEAM}/arm64:1 --variant v8 --os-version 10 --os-features a,b
annotate {_TEAM}/list:1 {_TEAM}/nope:1 --arch arm
annotate {_TEAM}/list:1 {_TEAM}/arm64:1 --arch foo
inspect --insecure -v {_TEAM}/list:1
inspect --insecure {_TEAM}/list:1 {_TEAM}/arm64:1
inspect --insecure {_TEAM}/list:1 {_TEAM}/nope:1
push --insecure {_TEAM}/list:1
push --insecure -p {_TEAM}/list:1
push --insecure {_TEAM}/list:1
inspect --insecure {_TEAM}/list:1
inspect --insecure -v {_TEAM}/list:1
inspect --insecure -v {_TEAM}/oci:1
inspect --insecure {_TEAM}/oci:1
inspect --insecure {_TEAM}/nope:1
create --insecure {_TEAM}/list:1 {_TEAM}/amd64:1
create --insecure -a {_TEAM}/list:1 {_TEAM}/arm64:1
rm {_TEAM}/list:1 {_TEAM}/list:2
create --insecure {_TEAM}/other:1 {_TEAM}/list:1
create --insecure {_TEAM}/other:1 {_TEAM}/nope:1
create --insecure {_TEAM}/mixed:1 {_TEAM}/oci:1 {_TEAM}/arm64:1
inspect --insecure {_TEAM}/mixed:1
create --insecure other.example/x:1 {_TEAM}/oci:1 {_TEAM}/arm64:1
push --insecure other.example/x:1
push --insecure {_TEAM}/none
create --insecure {_TEAM}/Bad:1 {_TEAM}/amd64:1
push {_TEAM}/Bad:1
annotate {_TEAM}/Bad:1 x
"""

# In one repository for each, so that both really send.
_IMAGETOOLS = f"""
inspect {_TEAM}/made-of:1
inspect {_TEAM}/amd64:1
inspect --raw {_TEAM}/amd64:1
inspect --format {{{{.Name}}}}={{{{.Manifest.Digest}}}} {_TEAM}/made-of:1
create --dry-run -t {_TEAM}/new:1 {_TEAM}/amd64:1 {_TEAM}/arm64:1
create --dry-run -t {_TEAM}/new:2 {_TEAM}/made-of:1
create --dry-run -t {_TEAM}/new:2 {_TEAM}/amd64:1 {_TEAM}/amd64:1
create --dry-run {_TEAM}/oci:1 {_TEAM}/arm64:1 --annotation index:a=b
create --dry-run --append -t {_TEAM}/made-of:1 {_TEAM}/oci:1
"""


@pytest.mark.parametrize("line", [line for line in _MANIFEST.splitlines() if line])
def test_manifest_is_dockers(here: Here, line: str) -> None:
    said = [here.run(command, f"manifest {line}") for command in ("docker", "scow")]
    assert said[1] == said[0]


def test_manifest_lists_are_kept_as_docker_keeps_them(here: Here) -> None:
    for command in ("docker", "scow"):
        here.run(command, f"manifest create --insecure {_TEAM}/kept:1 {_TEAM}/amd64:1 {_TEAM}/oci:1")
    kept = [
        {
            path.name: path.read_text()
            for path in (here.folder / command / ".docker/manifests").glob("*kept-1/*")
        }
        for command in ("docker", "scow")
    ]
    assert len(kept[0]) == 2
    assert kept[1] == kept[0]


@pytest.fixture(scope="module")
def list_there(here: Here) -> None:
    here.run("scow", f"buildx imagetools create -t {_TEAM}/made-of:1 {_TEAM}/amd64:1 {_TEAM}/arm64:1")


@pytest.mark.usefixtures("list_there")
@pytest.mark.parametrize("line", [line for line in _IMAGETOOLS.splitlines() if line])
def test_imagetools_are_buildxs(here: Here, line: str) -> None:
    said = [here.run(command, f"buildx imagetools {line}") for command in ("docker", "scow")]
    assert said[1] == said[0]


@pytest.fixture(scope="module", params=["one", "two"])
def attested(here: Here, request: pytest.FixtureRequest) -> str:
    """The name of an index that has one image or two, and provenance and SBOM of the first."""
    oci = "application/vnd.oci.image."
    image = here.skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{_TEAM}/oci:1").encode()
    layers = []
    for kind in ("https://slsa.dev/provenance/v1", "https://spdx.dev/Document"):
        statement = json.dumps({"predicateType": kind, "predicate": {"name": kind, "a": [1]}}).encode()
        layer = {"mediaType": "application/vnd.in-toto+json", **put_blob(here, statement)}
        layers.append({**layer, "annotations": {"in-toto.io/predicate-type": kind}})
    config = put_blob(here, b'{"architecture": "unknown", "os": "unknown"}')
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{oci}manifest.v1+json",
        "config": {"mediaType": f"{oci}config.v1+json", **config},
        "layers": layers,
    }
    statements = put_manifest(here, "statements", f"{oci}manifest.v1+json", json.dumps(manifest).encode())
    subject = put_manifest(here, "subject", f"{oci}manifest.v1+json", image)
    others = []
    if request.param == "two":
        source, to = f"docker-archive:{here.folder / 'arm64.tar'}", f"docker://{_TEAM}/oci:arm64"
        here.skopeo("copy", "--dest-tls-verify=false", "-f", "oci", source, to)
        raw = here.skopeo("inspect", "--raw", "--tls-verify=false", to).encode()
        found = put_manifest(here, "arm64", f"{oci}manifest.v1+json", raw)
        others.append({**found, "platform": {"architecture": "arm64", "os": "linux"}})
    annotations = {
        "vnd.docker.reference.digest": subject["digest"],
        "vnd.docker.reference.type": "attestation-manifest",
    }
    index = {
        "schemaVersion": 2,
        "mediaType": f"{oci}index.v1+json",
        "manifests": [
            {**subject, "platform": {"architecture": "amd64", "os": "linux"}},
            *others,
            {
                **statements,
                "annotations": annotations,
                "platform": {"architecture": "unknown", "os": "unknown"},
            },
        ],
    }
    put_manifest(here, request.param, f"{oci}index.v1+json", json.dumps(index).encode())
    return f"{_TEAM}/oci:{request.param}"


@pytest.mark.parametrize("attested", ["two"], indirect=True)
def test_platforms_of_an_index(here: Here, attested: str) -> None:
    made = here.folder / "made.json"
    line = f"buildx imagetools create -t {_TEAM}/oci:part -p linux/amd64 --metadata-file {made} {attested}"
    assert here.run("scow", line).endswith("0")
    raw = here.skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{_TEAM}/oci:part")
    kinds = [it["platform"]["architecture"] for it in json.loads(raw)["manifests"]]
    assert kinds == ["amd64", "unknown"]
    facts = json.loads(made.read_text())
    assert facts["image.name"] == f"{_TEAM}/oci:part"
    assert (
        facts["containerimage.descriptor"]["digest"] == f"sha256:{hashlib.sha256(raw.encode()).hexdigest()}"
    )
    one = here.run(
        "scow", f"buildx imagetools create --dry-run -p linux/arm64 --prefer-index=false {attested}"
    )
    assert json.loads(one.removesuffix("0"))["mediaType"].endswith("manifest.v1+json")
    refused = here.run("scow", f"buildx imagetools create --dry-run -p linux/riscv64 {attested}")
    assert "has nothing for linux/riscv64" in refused


def test_progress_of_a_copy(here: Here, attested: str) -> None:
    def told(mode: str) -> str:
        line = (
            f"buildx imagetools create --progress {mode} -t {_REGISTRY}/other:{mode} -t {_REGISTRY}/other:2"
        )
        return here.run("scow", f"{line} {attested}")

    plain = told("plain")
    assert plain.startswith(f"#1 [internal] pushing {_REGISTRY}/other\n#1 0.0")
    for text in (f" from {attested} to {_REGISTRY}/other\n", f" to {_REGISTRY}/other:2\n#1 DONE "):
        assert text in plain
    assert told("none") == "0"
    [first, *_] = told("rawjson").splitlines()
    assert json.loads(first)["vertexes"][0]["name"] == f"[internal] pushing {_REGISTRY}/other"
    assert told("loud") == "ERROR: invalid progress mode loud\n1"


def put_blob(here: Here, data: bytes) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    uploads = f"http://{_REGISTRY}/v2/team/oci/blobs/uploads/"
    head = here.namespace.run("curl", "-si", "-X", "POST", uploads)
    place = next(line.split()[1] for line in head.stdout.splitlines() if line.lower().startswith("location:"))
    put(here, f"{place}&digest={digest}", "application/octet-stream", data)
    return {"digest": digest, "size": len(data)}


def put_manifest(here: Here, tag: str, media_type: str, data: bytes) -> dict[str, object]:
    put(here, f"http://{_REGISTRY}/v2/team/oci/manifests/{tag}", media_type, data)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


def put(here: Here, url: str, media_type: str, data: bytes) -> None:
    file = here.folder / "sent"
    file.write_bytes(data)
    flags = ("-sf", "-X", "PUT", "-H", f"Content-Type: {media_type}", "--data-binary", f"@{file}")
    assert here.namespace.run("curl", *flags, url).returncode == 0


@pytest.mark.parametrize(
    "line",
    [
        "buildx imagetools inspect {}",
        "buildx imagetools inspect {} --format '{{{{json .}}}}'",
        "buildx imagetools inspect {} --format '{{{{json .Image}}}}'",
        "buildx imagetools inspect {} --format '{{{{json .Provenance}}}}'",
        "buildx imagetools inspect {} --format '{{{{json .SBOM}}}}'",
        "manifest inspect --insecure {}",
    ],
)
def test_what_is_said_of_an_image_is_shown(here: Here, attested: str, line: str) -> None:
    said = [here.run(command, line.format(attested)) for command in ("docker", "scow")]
    # Docker's plugin tells annotations in the order of a Go map: another each time.
    assert said[1] == said[0] or sorted(said[1].splitlines()) == sorted(said[0].splitlines())


@pytest.mark.parametrize(
    ("attested", "template"),
    [
        ("one", "{{json .SBOM.SPDX.name}}"),
        ("two", '{{json (index .Provenance "linux/amd64").SLSA.name}}'),
        ("two", '{{(index .Image "linux/arm64").Architecture}}'),
    ],
    indirect=["attested"],
)
def test_a_template_finds_what_is_said(here: Here, attested: str, template: str) -> None:
    line = f"buildx imagetools inspect {attested} --format '{template}'"
    said = [here.run(command, line) for command in ("docker", "scow")]
    assert said[1] == said[0]


def test_an_image_of_which_nothing_is_said(here: Here) -> None:
    for member in ("Provenance", "SBOM"):
        line = f"buildx imagetools inspect {_TEAM}/oci:1 --format '{{{{json .{member}}}}}'"
        assert [here.run(command, line) for command in ("docker", "scow")] == ["{}0", "{}0"]


@pytest.mark.parametrize("to", [f"{_TEAM}/created:1", f"{_REGISTRY}/elsewhere/created:1"])
def test_what_is_created_is_whole(here: Here, to: str, tmp_path: Path) -> None:
    said = here.run("scow", f"buildx imagetools create -t {to} {_TEAM}/amd64:1 {_TEAM}/arm64:1")
    assert said.endswith("0"), said
    folder = tmp_path / "layout"
    here.skopeo("copy", "--all", "--src-tls-verify=false", f"docker://{to}", f"oci:{folder}:x")
    index = json.loads((folder / "index.json").read_text())
    assert len(index["manifests"]) == 1
    shutil.rmtree(folder)


def test_between_registries(here: Here, tmp_path: Path) -> None:
    with registry(tmp_path / "second", here.namespace, address="127.0.0.1:5001"):
        to = "127.0.0.1:5001/copied/app:1"
        said = here.run("scow", f"buildx imagetools create -t {to} {_TEAM}/amd64:1 {_TEAM}/arm64:1")
        assert said.endswith("0"), said
        raw = here.skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{to}")
        platforms = [it["platform"]["architecture"] for it in json.loads(raw)["manifests"]]
        assert platforms == ["amd64", "arm64"]
        for architecture in platforms:
            here.skopeo(
                *("copy", "--override-arch", architecture, "--src-tls-verify=false", f"docker://{to}"),
                f"dir:{tmp_path / architecture}",
            )
            assert os.listdir(tmp_path / architecture)

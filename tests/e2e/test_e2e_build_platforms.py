"""Builds for several platforms: cross builds, programs of other machines, and where the results go."""

import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builds import forget_builds, scow_build
from tests.support.buildx import Buildx
from tests.support.daemons import Daemon
from tests.support.foreign_programs import AARCH64, foreign_program, interpreter, one_at_a_time
from tests.support.oci_layout import Layout
from tests.support.registry import Registry, registry

pytestmark = pytest.mark.root

ADDRESS = "127.0.0.1:5062"
BOTH = ("--platform", "linux/amd64,linux/arm64")
INDEX = "application/vnd.oci.image.index.v1+json"
CROSS = """FROM --platform=$BUILDPLATFORM busybox AS tools
ARG TARGETARCH TARGETPLATFORM BUILDARCH
RUN echo "for $TARGETARCH ($TARGETPLATFORM) on $BUILDARCH" >/made
FROM scratch
COPY --from=tools /made /made
COPY a.txt /a.txt
ENV A=b
"""


@pytest.fixture(scope="module")
def place(scow_daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry"), scow_daemon.namespace, address=ADDRESS) as found:
        yield found


@pytest.fixture(autouse=True)
def _tidy(scow_daemon: Daemon) -> Iterator[None]:
    yield
    forget_builds(scow_daemon)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "context"
    found.mkdir()
    (found / "Dockerfile").write_text(CROSS)
    (found / "a.txt").write_text("context\n")
    return found


def test_an_index_of_both_in_a_layout(scow_daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tar"
    built = scow_build(scow_daemon, *BOTH, "-t", "x:7", "-o", f"type=oci,dest={out}", str(folder))
    assert "[linux/amd64->arm64 tools 2/2] RUN echo" in built.err
    layout = Layout(out)
    (entry,) = layout.entries
    assert entry["mediaType"] == INDEX
    assert entry["annotations"]["io.containerd.image.name"] == "docker.io/library/x:7"
    index = layout.document(entry["digest"])
    platforms = [it["platform"] for it in index["manifests"]]
    assert platforms == [{"architecture": it, "os": "linux"} for it in ("amd64", "arm64")]
    for item in index["manifests"]:
        architecture = item["platform"]["architecture"]
        manifest = layout.document(item["digest"])
        config = layout.document(manifest["config"]["digest"])
        assert (config["architecture"], config["config"]["Env"][-1]) == (architecture, "A=b")
        assert layout.file(manifest, "made") == f"for {architecture} (linux/{architecture}) on amd64\n"
        assert layout.file(manifest, "a.txt") == "context\n"
        assert {it["mediaType"] for it in manifest["layers"]} == {
            "application/vnd.oci.image.layer.v1.tar+gzip"
        }


def test_an_index_in_a_registry(scow_daemon: Daemon, place: Registry, folder: Path) -> None:
    scow_build(
        scow_daemon, *BOTH, "-t", f"{ADDRESS}/both:1", "-t", f"{ADDRESS}/both:2", "--push", str(folder)
    )
    for tag in ("1", "2"):
        index = json.loads(
            place.get(
                f"/v2/both/manifests/{tag}",
                f"Accept: {INDEX}, application/vnd.docker.distribution.manifest.list.v2+json",
            )
        )
        assert [it["platform"]["architecture"] for it in index["manifests"]] == ["amd64", "arm64"]
    scow_daemon.docker("pull", "-q", "--platform", "linux/arm64", f"{ADDRESS}/both:1")
    shown = json.loads(scow_daemon.docker("image", "inspect", f"{ADDRESS}/both:1").out)[0]
    assert shown["Architecture"] == "arm64"


def test_stages_stand_on_the_image_of_their_platform(
    scow_daemon: Daemon, place: Registry, folder: Path, tmp_path: Path
) -> None:
    base, out = f"{ADDRESS}/base:1", tmp_path / "out.tar"
    scow_build(scow_daemon, *BOTH, "-t", base, "--push", str(folder))
    (folder / "Dockerfile").write_text(f"FROM {base}\nCOPY a.txt /more\n")
    scow_build(scow_daemon, *BOTH, "-o", f"type=oci,dest={out}", str(folder))
    layout = Layout(out)
    index = layout.document(layout.entries[0]["digest"])
    made = [layout.file(layout.document(it["digest"]), "made") for it in index["manifests"]]
    assert [it.split()[1] for it in made] == ["amd64", "arm64"]
    # The name in the engine means this machine's image.
    assert json.loads(scow_daemon.docker("image", "inspect", base).out)[0]["Architecture"] == "amd64"
    missing = scow_build(scow_daemon, "--platform", "linux/amd64,linux/s390x", str(folder), code=1)
    assert "no matching manifest for linux/s390x" in missing.err


def test_files_in_a_folder_for_each(scow_daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    scow_build(scow_daemon, *BOTH, "-o", str(out), str(folder))
    assert (out / "linux_amd64/made").read_text() == "for amd64 (linux/amd64) on amd64\n"
    assert (out / "linux_arm64/made").read_text() == "for arm64 (linux/arm64) on amd64\n"
    scow_build(scow_daemon, *BOTH, "-o", f"type=tar,dest={out}.tar", str(folder))
    with tarfile.open(f"{out}.tar") as tar:
        names = tar.getnames()
    assert {"linux_amd64/made", "linux_arm64/made", "linux_arm64/a.txt"} <= set(names)


def test_what_holds_one_platform_takes_no_more(scow_daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tar"
    failed = scow_build(scow_daemon, *BOTH, "-o", f"type=docker,dest={out}", str(folder), code=1)
    assert "docker exporter does not currently support exporting manifest lists" in failed.err


def test_a_layout_as_a_context(scow_daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    layout, out = tmp_path / "layout", tmp_path / "out.tar"
    scow_build(scow_daemon, *BOTH, "-t", "x:7", "-o", f"type=oci,dest={out}", str(folder))
    layout.mkdir()
    subprocess.run(["tar", "-xf", out, "-C", layout], check=True)
    (folder / "Dockerfile").write_text("FROM base\nCOPY --from=base /made /again\n")
    named = ("--build-context", f"base=oci-layout://{layout}:7", "-o", f"type=oci,dest={out}")
    scow_build(scow_daemon, *BOTH, *named, str(folder))
    buildx = Buildx(scow_daemon, folder)
    buildx.remote()
    for build in (lambda: None, lambda: buildx(*BOTH, *named, "--provenance=false")):
        build()
        found = Layout(out)
        index = found.document(found.entries[0]["digest"])
        again = [found.file(found.document(it["digest"]), "again") for it in index["manifests"]]
        assert [it.split()[1] for it in again] == ["amd64", "arm64"]
    gone = scow_build(scow_daemon, "--build-context", f"base=oci-layout://{layout}:8", str(folder), code=1)
    assert "nothing tagged 8" in gone.err


@pytest.mark.timeout(1800)  # it may have to wait for the tests of another module
def test_a_program_of_another_machine(scow_daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    (folder / "hello").write_bytes(foreign_program(AARCH64, "hello from afar\n"))
    os.chmod(folder / "hello", 0o755)
    (folder / "Dockerfile").write_text('FROM scratch\nCOPY hello /hello\nRUN ["/hello"]\n')
    arm = ("--platform", "linux/arm64", "-o", f"type=oci,dest={tmp_path}/out.tar", str(folder))
    with one_at_a_time():
        failed = scow_build(scow_daemon, *arm, code=1)
        # The words are the runtime's: runc writes them small.
        assert "exec format error" in failed.err.lower()
        assert 'process "/hello" did not complete successfully: exit code: ' in failed.err
        with interpreter(AARCH64):
            assert "hello from afar" in scow_build(scow_daemon, *arm).err

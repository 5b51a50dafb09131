"""What is said of a build: options, provenance, packages and their document."""

import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scow.build.attest.facts import Facts, LentThing, Material
from scow.build.attest.packages import Package, distribution_of, installed_packages
from scow.build.attest.provenance import V02, V1, predicate
from scow.build.attest.sbom import spdx_document
from scow.build.attest.steps import graph_of
from scow.build.attest.wanted import ProvenanceOptions, Wanted, read_attestations
from scow.build.graph.ops import (
    BaseOp,
    ContextSource,
    CopyOp,
    DownloadSource,
    MakeFolderOp,
    Mount,
    RunOp,
    Vertex,
)
from scow.build.trees.folder import FolderTree
from scow.build.trees.memory import MemoryTree
from scow.errors import InvalidArgumentError
from scow.spec.platform import Platform


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, Wanted()),
        ({"attest:provenance": ""}, Wanted(ProvenanceOptions())),
        (
            {"attest:provenance": "mode=min,inline-only=true"},
            Wanted(ProvenanceOptions(everything=False, inline_only=True)),
        ),
        ({"attest:provenance": "disabled=true", "attest:sbom": ""}, Wanted(None, sbom=True)),
        ({"attest:sbom": "generator=some/scanner"}, Wanted(None, sbom=True)),
        (
            {"attest:provenance": 'version=v0.2,"builder-id=a,b",reproducible=true,filename=p'},
            Wanted(ProvenanceOptions(version="v0.2", builder_id="a,b", reproducible=True, file_name="p")),
        ),
    ],
)
def test_what_is_wanted(options: dict[str, str], wanted: Wanted) -> None:
    assert read_attestations(options) == wanted


@pytest.mark.parametrize("value", ["mode=most", "version=v3", "reproducible=perhaps", '"'])
def test_what_cannot_be_wanted(value: str) -> None:
    with pytest.raises(InvalidArgumentError):
        read_attestations({"attest:provenance": value})


def facts(**changes: Any) -> Facts:
    found: dict[str, Any] = {
        "file_name": "Dockerfile",
        "source": b"FROM x\n",
        "arguments": {
            "build-arg:A": "b", "label:l": "m", "target": "t", "attest:sbom": "", "platform": "p",
            "vcs:revision": "r", "cache-imports": "[]",
        },
        "context": None,
        "folders": ("context",),
        "secrets": (LentThing("s", required=True), LentThing("o", required=False)),
        "agents": (),
        "materials": (Material("pkg:docker/x@1", {"sha256": "aa"}),),
        "platform": Platform("linux", "amd64"),
        "started_ns": 0,
        "finished_ns": 1_500_000_000,
        "invocation": "id",
        "vcs": {"revision": "r"},
        "steps": ({"id": "step0"},),
        "locations": {"step0": 1},
    }  # fmt: skip
    return Facts(**{**found, **changes})


def test_everything() -> None:
    kind, said = predicate(facts(), ProvenanceOptions(builder_id="b"))
    assert kind == V1
    definition, details = said["buildDefinition"], said["runDetails"]
    assert definition["externalParameters"]["configSource"] == {"path": "Dockerfile"}
    request = definition["externalParameters"]["request"]
    assert request["args"] == {"build-arg:A": "b", "label:l": "m", "target": "t"}
    assert request["secrets"] == [{"id": "s"}, {"id": "o", "optional": True}]
    assert definition["internalParameters"]["buildConfig"]["llbDefinition"] == [{"id": "step0"}]
    assert details["builder"] == {"id": "b"}
    assert details["metadata"]["finishedOn"] == "1970-01-01T00:00:01.500000000Z"
    assert details["metadata"]["buildkit_completeness"] == {"request": True, "resolvedDependencies": False}
    assert details["metadata"]["buildkit_metadata"]["vcs"] == {"revision": "r"}


@pytest.mark.parametrize("version", ["v1", "v0.2"])
def test_the_least_says_nothing_of_arguments_and_secrets(version: str) -> None:
    kind, said = predicate(facts(), ProvenanceOptions(everything=False, version=version))
    text = json.dumps(said)
    assert kind == (V1 if version == "v1" else V02)
    for hidden in ("build-arg", "label:l", '"secrets"', "llbDefinition", "RlJPTSB4"):
        assert hidden not in text
    assert "pkg:docker/x@1" in text


def test_no_password_of_an_address_is_told() -> None:
    secret = "https://me:hunter2@example.org/a.git"
    told = facts(
        context=Material(secret, {}),
        arguments={"context": secret, "context:x": secret},
        materials=(Material(secret),),
    )
    download = Vertex(CopyOp(("a",), "/", into_folder=True), None, (DownloadSource(secret),))
    for version in ("v1", "v0.2"):
        _, said = predicate(told, ProvenanceOptions(version=version))
        assert "hunter2" not in json.dumps([said, graph_of(download).steps])
        assert "https://xxxxx:xxxxx@example.org/a.git" in json.dumps(said)


def test_a_remote_context_is_the_source() -> None:
    context = Material("https://example.org/r.git#main", {"sha1": "cc"})
    _, said = predicate(facts(context=context, folders=()), ProvenanceOptions())
    assert said["buildDefinition"]["externalParameters"]["configSource"] == {
        "uri": context.uri, "digest": {"sha1": "cc"}, "path": "Dockerfile",
    }  # fmt: skip
    assert said["runDetails"]["metadata"]["buildkit_completeness"]["resolvedDependencies"] is True


def test_the_graph_in_the_words_of_buildkits() -> None:
    base = Vertex(BaseOp("docker.io/library/x:1", "c"))
    folder = Vertex(MakeFolderOp("/w"), base, first_line=2, last_line=2)
    context = ContextSource("context")
    download = DownloadSource("https://example.org/f")
    copy = Vertex(CopyOp(("a", "f"), "/to/", into_folder=True), folder, (context, download))
    mount = Mount("secret", "/run/secrets/t", id="t", required=True)
    run = Vertex(
        RunOp(("true",), ("A=b",), "/w", "me", mounts=(mount,)), copy, (context,), first_line=4, last_line=5
    )
    graph = graph_of(run)
    assert [it["id"] for it in graph.steps] == [f"step{number}" for number in range(6)]
    ops = [it["op"]["Op"] for it in graph.steps]
    assert ops[0] == {"source": {"identifier": "docker-image://docker.io/library/x:1"}}
    assert [it["source"]["identifier"] for it in ops[2:4]] == ["local://context", "https://example.org/f"]
    assert graph.steps[4]["inputs"] == ["step1:0", "step2:0", "step3:0"]
    assert ops[5]["exec"]["meta"] == {"args": ["true"], "env": ["A=b"], "cwd": "/w", "user": "me"}
    assert ops[5]["exec"]["mounts"][1] == {
        "dest": "/run/secrets/t",
        "mountType": "SECRET",
        "secretOpt": {"ID": "t"},
    }
    assert graph.locations["step5"] == {
        "locations": [{"ranges": [{"start": {"line": 4}, "end": {"line": 5}}]}]
    }


def test_a_graph_of_any_depth() -> None:
    vertex = Vertex(BaseOp("x", None))
    for number in range(3_000):
        vertex = Vertex(MakeFolderOp(f"/{number}"), vertex)
    assert len(graph_of(vertex).steps) == 3_001


STATUS = """Package: a
Status: install ok installed
Architecture: amd64
Version: 1:2-3
Description: x
 more

Package: gone
Status: deinstall ok config-files
Version: 1

Package: b
Status: install ok installed
Architecture: all
Version: 4
"""
FILES = {
    "usr/lib/os-release": 'NAME="Debian"\nID=debian\nVERSION_ID="12"\n',
    "var/lib/dpkg/status": STATUS,
    "var/lib/dpkg/status.d/tzdata": "Package: tzdata\nVersion: 2024a\nArchitecture: all\n",
    "var/lib/dpkg/status.d/tzdata.md5sums": "Package: no\n",
    "lib/apk/db/installed": "P:musl\nV:1.2.3-r0\nA:x86_64\nF:lib\n\nP:zlib\nV:1.3\nA:x86_64\n",
    "usr/lib/python3/Foo_Bar-1.0.dist-info/METADATA": "Name: Foo_Bar\nVersion: 1.0\n\nName: other\n",
    "opt/venv/lib/baz.egg-info/PKG-INFO": "Name: baz\nVersion: 2\n",
    "opt/venv/lib/broken.dist-info/METADATA": "\udcff\udcfe\0",
}


def folder_tree(folder: Path, files: dict[str, str]) -> FolderTree:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(errors="surrogateescape"))
    return FolderTree(os.open(folder, os.O_RDONLY | os.O_DIRECTORY), with_owners=True)


def test_packages_of_every_kind(tmp_path: Path) -> None:
    with closing(folder_tree(tmp_path, FILES)) as tree:
        # A link that leads out of the tree leads nowhere.
        (tmp_path / "etc").mkdir()
        (tmp_path / "etc/os-release").symlink_to("/../usr/lib/os-release")
        assert distribution_of(tree) == ("debian", "12")
        assert [(it.kind, it.name, it.version) for it in installed_packages(tree)] == [
            ("apk", "musl", "1.2.3-r0"),
            ("apk", "zlib", "1.3"),
            ("deb", "a", "1:2-3"),
            ("deb", "b", "4"),
            ("deb", "tzdata", "2024a"),
            ("pypi", "baz", "2"),
            ("pypi", "foo-bar", "1.0"),
        ]
    assert installed_packages(MemoryTree({})) == []


def test_the_document_of_packages() -> None:
    packages = [
        Package("deb", "a", "1:2-3", "amd64", "var/lib/dpkg/status"),
        Package("pypi", "b", "1", "", "x"),
    ]
    document = spdx_document(packages, ("debian", "12"), "sbom", "2020-01-01T00:00:00Z")
    assert document == spdx_document(packages, ("debian", "12"), "sbom", "2020-01-01T00:00:00Z")
    addresses = [it["externalRefs"][0]["referenceLocator"] for it in document["packages"][1:]]
    assert addresses == ["pkg:deb/debian/a@1%3A2-3?arch=amd64&distro=debian-12", "pkg:pypi/b@1"]
    ids = [it["SPDXID"] for it in document["packages"]]
    assert len(set(ids)) == 3
    assert {it["relatedSpdxElement"] for it in document["relationships"]} == set(ids)

"""Caches, attestations and annotations as they are written on the command line."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from scow.cli.building.attestations import annotation_attributes, attestation_options
from scow.cli.building.caches import LayoutSink, exports
from scow.cli.building.flags import FLAGS
from scow.cli.exits import CommandError
from scow.cli.parser import parse_flags


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), {}),
        (("--provenance=true",), {"attest:provenance": ""}),
        (("--provenance=false",), {}),
        (
            ("--provenance=max", "--sbom=some/scanner"),
            {"attest:provenance": "mode=max", "attest:sbom": "generator=some/scanner"},
        ),
        (
            ("--attest", "type=provenance,mode=min,version=v0.2"),
            {"attest:provenance": "mode=min,version=v0.2"},
        ),
        (("--attest", "type=sbom,disabled=true"), {}),
    ],
)
def test_attestations(words: tuple[str, ...], found: dict[str, str]) -> None:
    assert attestation_options(parse_flags(FLAGS, list(words))) == found


@pytest.mark.parametrize("words", [("--attest", "mode=max"), ("--attest", "type=sbom", "--sbom=true")])
def test_attestations_that_cannot_be(words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        attestation_options(parse_flags(FLAGS, list(words)))


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["a=b=c"], {"annotation-manifest.a": "b=c"}),
        (["index:a=b"], {"annotation-index.a": "b"}),
        (
            ["index,manifest[linux/arm64]:a=b"],
            {"annotation-index.a": "b", "annotation-manifest[linux/arm64].a": "b"},
        ),
        (["x.y:z=b"], {"annotation-manifest.x.y:z": "b"}),
        (["manifest-descriptor:a="], {"annotation-manifest-descriptor.a": ""}),
    ],
)
def test_annotations(texts: list[str], found: dict[str, str]) -> None:
    assert annotation_attributes(texts) == found


@pytest.mark.parametrize("text", ["a", "=b", "index:=b"])
def test_annotations_that_are_none(text: str) -> None:
    with pytest.raises(CommandError):
        annotation_attributes([text])


def test_caches_that_go_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    found = exports(["x/y:cache", "type=local,dest=c,mode=max", "type=gha"], {"ACTIONS_CACHE_URL": "u"})
    assert found == [
        {"kind": "registry", "attributes": {"ref": "x/y:cache"}},
        {"kind": "local", "attributes": {"dest": str(tmp_path / "c"), "mode": "max"}},
        {"kind": "gha", "attributes": {"url": "u"}},
    ]
    for wrong in ("type=local", "mode=max", "type=registry,oops"):
        with pytest.raises(CommandError):
            exports([wrong], {})


def test_a_layout_keeps_what_it_had_under_other_tags(tmp_path: Path) -> None:
    def archive(digest: str) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            data = json.dumps({"manifests": [{"digest": digest}]}).encode()
            info = tarfile.TarInfo("index.json")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        return out.getvalue()

    def entries() -> list[Any]:
        return list(json.loads((tmp_path / "index.json").read_text())["manifests"])

    for tag, digest in (("one", "a"), ("latest", "b"), ("latest", "c")):
        sink = LayoutSink(str(tmp_path), tag)
        sink.take(archive(digest))
        sink.close()
    name = "org.opencontainers.image.ref.name"
    assert [(it["digest"], it["annotations"][name]) for it in entries()] == [("a", "one"), ("c", "latest")]

"""What vouches for an image, in BuildKit's layout: in-toto statements as blobs of a manifest of their own,
which stands in the image's index for a platform that nobody runs (docs/attestations/attestation-storage.md).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from scow.build.export.blobs import Blob, described, document
from scow.build.export.documents import OCI, UNKNOWN, Described, manifest
from scow.spec.digest import hex_of
from scow.spec.platform import Platform
from scow.spec.reference import Reference

IN_TOTO = "application/vnd.in-toto+json"
SPDX = "https://spdx.dev/Document"
_STATEMENT_V01 = "https://in-toto.io/Statement/v0.1"
_STATEMENT_V1 = "https://in-toto.io/Statement/v1"
_PREDICATE_TYPE = "in-toto.io/predicate-type"


@dataclass(frozen=True, slots=True)
class Attestation:
    """``file_name`` is what it is called among a result's files; ``inline_only``: there it is not.

    ``completed`` gives the predicate that also says what is not known before layers are packed: their blobs.
    """

    predicate_type: str
    predicate: Any
    file_name: str
    inline_only: bool = False
    completed: Callable[[Sequence[Described]], Any] | None = None

    def with_layers(self, layers: Sequence[Described]) -> "Attestation":
        """Of the image whose layers these are, lowest first."""
        return replace(self, predicate=self.completed(layers)) if self.completed is not None else self

    def statement(self, subjects: Sequence[dict[str, Any]]) -> bytes:
        """Says it of ``subjects``."""
        v1 = self.predicate_type.endswith("/provenance/v1")
        found = {
            "_type": _STATEMENT_V1 if v1 else _STATEMENT_V01,
            "predicateType": self.predicate_type,
            "subject": list(subjects),
            "predicate": self.predicate,
        }
        return json.dumps(found, indent=2, ensure_ascii=False).encode()


def subject(name: str, digest: str) -> dict[str, Any]:
    """What a statement is about."""
    algorithm, _, value = digest.partition(":")
    return {"name": name, "digest": {algorithm: value}}


def package_address(name: Reference, platform: Platform) -> str:
    """An image's name as a package URL: ``pkg:docker/…`` (package-url/purl-spec)."""
    version = f"@{name.tag or name.digest}" if name.tag or name.digest else ""
    return f"pkg:docker/{name.familiar_name}{version}?platform={quote(str(platform), safe='')}"


def attestation_manifest(
    attestations: Sequence[Attestation],
    image: Described,
    names: Sequence[Reference],
    platform: Platform,
) -> tuple[Described, list[Blob]]:
    """The entry of the index, and the blobs that it leads to. ``image`` is the manifest vouched for."""
    titles = [package_address(name, platform) for name in names] or ["_"]
    subjects = [subject(title, image.digest) for title in titles]
    layers = []
    for it in attestations:
        data = it.statement(subjects)
        plain = described(data, IN_TOTO)
        layers.append(
            document(data, Described(IN_TOTO, plain.digest, plain.size, {_PREDICATE_TYPE: it.predicate_type}))
        )
    raw_config = _config([it.described.digest for it in layers])
    config = described(raw_config, OCI.config)
    raw = manifest(OCI, config, [it.described for it in layers], {})
    plain = described(raw, OCI.manifest)
    annotations = {
        "vnd.docker.reference.digest": image.digest,
        "vnd.docker.reference.type": "attestation-manifest",
    }
    entry = Described(OCI.manifest, plain.digest, plain.size, annotations, UNKNOWN)
    return entry, [*layers, document(raw_config, config), document(raw, entry)]


def _config(digests: Sequence[str]) -> bytes:
    found = {
        "architecture": UNKNOWN.architecture,
        "os": UNKNOWN.os,
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hex_of(it)}" for it in digests]},
    }
    return json.dumps(found, separators=(",", ":")).encode()

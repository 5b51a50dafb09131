"""What an index says of how its images were made and what is in them: provenance and SBOM.

An attestation is a manifest of its own in the index, "for" the image whose digest its annotation has; its
layers are in-toto statements (BuildKit, docs/attestations/attestation-storage.md).
"""

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.registry_access import RegistryAccess
    from scow.spec.reference import Reference

_TYPE = "vnd.docker.reference.type"
_SUBJECT = "vnd.docker.reference.digest"
_PREDICATE = "in-toto.io/predicate-type"
_PROVENANCE = "https://slsa.dev/provenance/"
_SBOM = "https://spdx.dev/Document"


class Attested:
    """What is said of one image, in the members that buildx's templates have."""

    __slots__ = ("provenance", "sbom")

    def __init__(self) -> None:
        self.provenance: dict[str, Any] = {}
        self.sbom: dict[str, Any] = {}

    def add(self, kind: str, predicate: object) -> None:
        """One more statement; of several SBOMs the first is the image's own."""
        if kind.startswith(_PROVENANCE):
            self.provenance["SLSA"] = predicate
        elif "SPDX" in self.sbom:
            self.sbom.setdefault("AdditionalSPDXs", []).append(predicate)
        else:
            self.sbom["SPDX"] = predicate


def is_attestation(descriptor: "dict[str, Any]") -> bool:
    """Whether an entry of an index is no image but what is said of one."""
    return (descriptor.get("annotations") or {}).get(_TYPE) == "attestation-manifest"


def read_attestations(
    access: "RegistryAccess", reference: "Reference", manifests: "list[dict[str, Any]]"
) -> dict[str, Attested]:
    """What the entries of an index say, by the digest of the image. Raises ScowError."""
    found: dict[str, Attested] = {}
    for descriptor in filter(is_attestation, manifests):
        document = access.document(reference.with_digest(descriptor["digest"]))
        about = found.setdefault(str(descriptor["annotations"].get(_SUBJECT)), Attested())
        for layer in json.loads(document.data).get("layers") or ():
            kind = (layer.get("annotations") or {}).get(_PREDICATE) or ""
            if kind.startswith(_PROVENANCE) or kind == _SBOM:
                about.add(kind, _predicate(access, reference, layer))
    return found


def _predicate(access: "RegistryAccess", reference: "Reference", layer: "dict[str, Any]") -> object:
    digest, size = str(layer["digest"]), int(layer["size"])
    data = access.read(reference, lambda it: it.small_blob(digest, size))
    # Members in the order in which buildx shows those that it has no type for.
    statement = json.loads(data, object_pairs_hook=lambda pairs: dict(sorted(pairs)))
    return statement.get("predicate") if isinstance(statement, dict) else None

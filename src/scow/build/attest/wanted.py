"""The options ``attest:provenance`` and ``attest:sbom``, typed (BuildKit: frontend/attestations/parse.go)."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass

from scow.errors import InvalidArgumentError

_PREFIX = "attest:"
_KINDS = ("provenance", "sbom")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False, "": True}


@dataclass(frozen=True, slots=True)
class ProvenanceOptions:
    """``everything`` is mode=max. ``inline_only``: it is no file beside a result of files."""

    everything: bool = True
    version: str = "v1"
    builder_id: str = ""
    file_name: str = "provenance.json"
    reproducible: bool = False
    inline_only: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """``None`` for what nobody asked for."""

    provenance: ProvenanceOptions | None = None
    sbom: bool = False


def read_attestations(options: Mapping[str, str]) -> Wanted:
    """Raises InvalidArgumentError."""
    provenance: ProvenanceOptions | None = None
    sbom = False
    for name, text in options.items():
        if not name.startswith(_PREFIX):
            continue
        kind = name.removeprefix(_PREFIX)
        if kind not in _KINDS:
            raise InvalidArgumentError(f'unsupported attestation type "{kind}"')
        fields = _fields(text)
        if _boolean(fields, "disabled"):
            continue
        if kind == "sbom":
            sbom = True
        else:
            provenance = _provenance(fields)
    return Wanted(provenance, sbom)


def _provenance(fields: Mapping[str, str]) -> ProvenanceOptions:
    mode = fields.get("mode") or "max"
    if mode not in ("min", "max", "full"):
        raise InvalidArgumentError(f'invalid mode "{mode}"')
    version = fields.get("version") or "v1"
    if version not in ("v1", "v0.2"):
        raise InvalidArgumentError(f'invalid provenance type "{version}"')
    return ProvenanceOptions(
        everything=mode != "min",
        version=version,
        builder_id=fields.get("builder-id", ""),
        file_name=fields.get("filename") or "provenance.json",
        reproducible=_boolean(fields, "reproducible"),
        inline_only=_boolean(fields, "inline-only"),
    )


def _fields(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        (row,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError) as exc:
        raise InvalidArgumentError(f"failed to parse attestation: {exc}") from exc
    found = {}
    for item in row:
        key, equals, value = item.partition("=")
        found[key.strip().lower()] = value if equals else "true"
    return found


def _boolean(fields: Mapping[str, str], name: str) -> bool:
    if name not in fields:
        return False
    value = _BOOLEANS.get(fields[name].lower())
    if value is None:
        raise InvalidArgumentError(f'failed to parse {name} flag: invalid value "{fields[name]}"')
    return value

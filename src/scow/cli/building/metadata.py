"""``--metadata-file``: what a build came to, what is vouched for it, and what was warned of.

BUILDX_METADATA_PROVENANCE    min (usual), max, or disabled
BUILDX_METADATA_WARNINGS      whether warnings are in it
"""

import json

from scow.cli.building.status_values import vertex_warning
from scow.cli.exits import CommandError
from scow.cli.go_values import parse_bool
from scow.errors import InvalidArgumentError, ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from scow.api.client.client import Client
    from scow.spec.build_history import BlobEntry, BuildRecord, ResultEntry

    Document = dict[str, Any]

MIN, MAX, DISABLED = "min", "max", "disabled"
WARNINGS = "buildx.build.warnings"
_PROVENANCE = "buildx.build.provenance"
_KIND = "https://slsa.dev/provenance/"
_V1 = "https://slsa.dev/provenance/v1"
_BUILD_TYPE = "https://mobyproject.org/buildkit@v1"
_EXTENSION = "https://mobyproject.org/buildkit@v1#metadata"
_HERMETIC = "https://mobyproject.org/buildkit@v1#hermetic"
_PLAIN_RESULT = "result.json"
"""What a front end's answer is in: JSON that is not encoded again."""


def provenance_mode(environ: "Mapping[str, str]") -> str:
    """How much of the provenance is wanted; a word that nobody knows means the usual."""
    text = environ.get("BUILDX_METADATA_PROVENANCE", "")
    if text in (MIN, MAX, DISABLED):
        return text
    return DISABLED if _switch(text, default=True) is False else MIN


def wants_warnings(environ: "Mapping[str, str]") -> bool:
    return _switch(environ.get("BUILDX_METADATA_WARNINGS", ""), default=False)


def record_provenance(client: "Client", ref: str, mode: str) -> "Document":
    """Of the build's record, by platform if there are several. Raises CommandError."""
    from scow.api.client.buildkit import build_records, read_blob
    from scow.spec.build_history import PREDICATE_TYPE, HistoryQuery

    found: Document = {}
    try:
        records, _ = build_records(client, HistoryQuery(ref=ref))
        for name, result in (it for record in records for it in _results(record)):
            if (entry := _vouching(result, PREDICATE_TYPE)) is not None:
                predicate = json.loads(read_blob(client, entry.digest))
                found[name] = _shown(predicate, entry.annotations[PREDICATE_TYPE], mode)
    except (ScowError, ValueError) as exc:
        raise CommandError(f"ERROR: failed to load provenance blob from build record: {exc}") from exc
    return found


def _results(record: "BuildRecord") -> "Iterable[tuple[str, ResultEntry]]":
    if record.results:
        return [(f"{_PROVENANCE}/{platform}", it) for platform, it in sorted(record.results.items())]
    return [(_PROVENANCE, record.result)] if record.result is not None else []


def _vouching(result: "ResultEntry", key: str) -> "BlobEntry | None":
    return next((it for it in result.attestations if it.annotations.get(key, "").startswith(_KIND)), None)


def _shown(predicate: "Document", kind: str, mode: str) -> "Document":
    """In the older form, which is what scripts read."""
    found = _as_v02(predicate) if kind == _V1 else predicate
    return {key: it for key, it in found.items() if mode == MAX or key not in ("buildConfig", "metadata")}


def _as_v02(predicate: "Document") -> "Document":
    """SLSA 1 as SLSA 0.2, with BuildKit's extensions (docs/attestations/slsa-definitions.md)."""
    definition, run = predicate["buildDefinition"], predicate["runDetails"]
    internal = dict(definition["internalParameters"])
    source = dict(definition["externalParameters"]["configSource"])
    config, platform = internal.pop("buildConfig", None), internal.pop("builderPlatform", "")
    if "path" in source:
        source["entryPoint"] = source.pop("path")
    found: Document = {
        "builder": {"id": run["builder"].get("id", "")},
        "buildType": _BUILD_TYPE,
        "materials": definition.get("resolvedDependencies") or [],
        "invocation": {
            "configSource": source,
            "parameters": definition["externalParameters"]["request"],
            "environment": {"platform": platform, **internal},
        },
    }
    if config:
        found["buildConfig"] = config
    if told := run.get("metadata"):
        found["metadata"] = _metadata_as_v02(told)
    return found


def _metadata_as_v02(told: "Document") -> "Document":
    complete = told.get("buildkit_completeness") or {}
    return {
        "buildInvocationID": told.get("invocationId", ""),
        "buildStartedOn": told.get("startedOn"),
        "buildFinishedOn": told.get("finishedOn"),
        "completeness": {
            "parameters": complete.get("request", False),
            "environment": True,
            "materials": complete.get("resolvedDependencies", False),
        },
        "reproducible": told.get("buildkit_reproducible", False),
        _EXTENSION: told.get("buildkit_metadata") or {},
        **({_HERMETIC: True} if told.get("buildkit_hermetic") else {}),
    }


def warnings_as_metadata(warnings: "Iterable[Document]") -> "list[Document]":
    """Each once, whichever step it was told of."""
    found: dict[str, Document] = {}
    for warning in warnings:
        value = vertex_warning({**warning, "digest": ""})
        found.setdefault(json.dumps(value, sort_keys=True), value)
    return list(found.values())


def decoded(result: "Document") -> "Document":
    """What the engine gives as base64 of JSON, as buildx writes it: the document itself."""
    return {key: _document(key, value) for key, value in sorted(result.items())}


def _document(key: str, value: "Any") -> "Any":
    import base64

    try:
        found = json.loads(value if key == _PLAIN_RESULT else base64.b64decode(value, validate=True))
    except (ValueError, TypeError):
        return value
    is_listed = isinstance(found, list) and all(isinstance(it, dict) for it in found)
    return found if found and (isinstance(found, dict) or is_listed) else value


def write_metadata(path: str, document: "Document") -> None:
    """All of it or nothing. Raises OSError."""
    import os

    temporary = f"{os.path.dirname(os.path.abspath(path))}/.tmp-{os.path.basename(path)}{os.urandom(4).hex()}"
    text = json.dumps(document, indent=2, sort_keys=True)
    if os.path.lexists(path) and not os.path.isfile(path):
        with open(path, "w", encoding="utf-8") as file:  # a pipe, a device
            file.write(text)
        return
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(temporary, os.path.realpath(path))


def _switch(text: str, *, default: bool) -> bool:
    try:
        return parse_bool(text)
    except InvalidArgumentError:
        return default

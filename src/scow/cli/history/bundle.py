"""Records in one file, ``*.dockerbuild``: an OCI layout, packed by gzip (docker/buildx, util/desktop/bundle).

Each record is a manifest: its config is the record, its layers are the blobs that the record names.
"""

import gzip
import hashlib
import io
import json
import tarfile

from scow.api.client.buildkit import read_blob
from scow.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, BinaryIO

    from scow.api.client.client import Client
    from scow.cli.history.records import FoundRecord
    from scow.spec.build_history import BlobEntry, BuildRecord, ResultEntry

    Document = dict[str, Any]

_RECORD = "application/vnd.buildkit.historyrecord.v0"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_OWN_TYPE = "vnd.export-build.descriptor.mediatype"
_REFERENCE = "vnd.buildkit.history.reference"
_NS = 1_000_000_000


def write_bundle(records: "Sequence[FoundRecord]", out: "BinaryIO") -> None:
    """Raises ScowError, OSError."""
    layout = _Layout()
    manifests = [_manifest(layout, it) for it in records]
    root = manifests[0]
    if len(manifests) > 1:
        for manifest, found in zip(manifests, records, strict=True):
            manifest["annotations"] = {_REFERENCE: found.record.ref}
        root = layout.document(_INDEX, {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests})
    out.write(gzip.compress(layout.archive(root), mtime=0))


class _Layout:
    """Blobs by digest, each once."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}

    def document(self, media_type: str, content: "Document") -> "Document":
        """Adds JSON; its descriptor."""
        data = json.dumps(content, indent=2).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self._blobs[digest] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def fetched(self, client: "Client", entry: "BlobEntry") -> "Document | None":
        """Adds a blob of the engine's; None if it is in there already, or the engine has it no more."""
        if entry.digest in self._blobs:
            return None
        try:
            self._blobs[entry.digest] = read_blob(client, entry.digest)
        except NotFoundError:
            return None
        found: Document = {"mediaType": entry.media_type, "digest": entry.digest, "size": entry.size}
        return found | ({"annotations": dict(entry.annotations)} if entry.annotations else {})

    def archive(self, root: "Document") -> bytes:
        """All of them as a tar; ``root`` is where readers begin."""
        packed = io.BytesIO()
        files = {
            "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
            "index.json": json.dumps({"schemaVersion": 2, "manifests": [root]}).encode(),
            **{f"blobs/{it.replace(':', '/')}": data for it, data in sorted(self._blobs.items())},
        }
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(data), 0o444
                archive.addfile(info, io.BytesIO(data))
        return packed.getvalue()


def _manifest(layout: _Layout, found: "FoundRecord") -> "Document":
    record = found.record
    config = layout.document(_RECORD, _document(found))
    layers = [layout.fetched(found.client, it) for it in (record.logs, record.details) if it is not None]
    for result in (record.result, *record.results.values()):
        if result is None:
            continue
        layers += [layout.fetched(found.client, it) for it in result.attestations]
        layers += [_unwalked(layout.fetched(found.client, it)) for it in result.results.values()]
    content = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config}
    return layout.document(_MANIFEST, content | {"layers": [it for it in layers if it is not None]})


def _unwalked(descriptor: "Document | None") -> "Document | None":
    """A manifest whose own blobs are not in the archive is told as plain JSON."""
    if descriptor is None:
        return None
    annotations = {**descriptor.get("annotations", {}), _OWN_TYPE: descriptor["mediaType"]}
    return descriptor | {"mediaType": "application/json", "annotations": annotations}


def _document(found: "FoundRecord") -> "Document":
    """A record as Go writes it."""
    record = found.record
    document: Document = {
        "Ref": record.ref,
        "Frontend": record.frontend,
        "FrontendAttrs": _shown(record),
        "Exporters": [{"Type": it.kind, "Attrs": it.attributes} for it in record.exporters],
        "CreatedAt": _moment(record.created_ns),
        "CompletedAt": _moment(record.completed_ns or 0),
        "ExporterResponse": record.response,
        "Generation": record.generation,
        "pinned": record.pinned,
        "numCachedSteps": record.cached_steps,
        "numTotalSteps": record.total_steps,
        "numCompletedSteps": record.completed_steps,
        "numWarnings": record.warnings,
        "Results": {platform: _result(it) for platform, it in record.results.items()},
    }
    if record.error is not None:
        document["error"] = {"code": record.error.code, "message": record.error.message}
    if record.result is not None:
        document["Result"] = _result(record.result)
    for name, entry in (("logs", record.logs), ("externalError", record.details)):
        if entry is not None:
            document[name] = _entry(entry)
    state = {"localState": found.state.document()} if found.state is not None else {}
    return {key: it for key, it in document.items() if it} | {"DefaultPlatform": ""} | state


def _shown(record: "BuildRecord") -> dict[str, str]:
    """Options without what opens caches: engines of other kinds keep that."""
    found = dict(record.attributes)
    if caches := found.get("cache-imports"):
        try:
            entries = [
                it | {"Attrs": {key: value for key, value in it["Attrs"].items() if key in ("scope", "ref")}}
                for it in json.loads(caches)
            ]
            found["cache-imports"] = json.dumps(entries)
        except (ValueError, TypeError, KeyError, AttributeError):
            found["cache-imports"] = ""
    return found


def _moment(at_ns: int) -> "Document":
    return {"seconds": at_ns // _NS, "nanos": at_ns % _NS}


def _result(result: "ResultEntry") -> "Document":
    found = {
        "Attestations": [_entry(it) for it in result.attestations],
        "Results": {str(number): _entry(it) for number, it in result.results.items()},
    }
    return {key: it for key, it in found.items() if it}


def _entry(entry: "BlobEntry") -> "Document":
    found: Document = {"media_type": entry.media_type, "digest": entry.digest, "size": entry.size}
    return found | ({"annotations": entry.annotations} if entry.annotations else {})

"""Manifest lists in the making: kept in Docker's own place and form until they are pushed.

    <config>/manifests/<list>/<manifest>      JSON; ":" is "-" and "/" is "_" in both names

An entry has ``Ref``, ``Descriptor`` (with the platform, which ``annotate`` changes), ``Raw`` (the manifest's
bytes in base64) and the manifest once more as an object, for ``inspect``.
"""

import base64
import json
import os
import shutil

from scow.cli.exits import CommandError
from scow.spec.reference import Reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Entry = dict[str, Any]

DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_PLATFORM_KEYS = ("architecture", "os", "os.version", "os.features", "variant")


class ManifestStore:
    """The lists of one person."""

    def __init__(self, config_directory: str) -> None:
        self._root = os.path.join(config_directory, "manifests")

    def entries(self, target: Reference) -> "list[Entry]":
        """All of a list, in the order of their names. Raises CommandError if there is no such list."""
        folder = self._folder(target)
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            raise CommandError(f"No such manifest: {target}") from None
        return [_read(os.path.join(folder, name)) for name in names]

    def has(self, target: Reference) -> bool:
        """Whether the list is there."""
        return os.path.isdir(self._folder(target))

    def get(self, target: Reference, reference: Reference) -> "Entry | None":
        """One entry of a list."""
        path = os.path.join(self._folder(target), _file_name(reference))
        return _read(path) if os.path.exists(path) else None

    def save(self, target: Reference, reference: Reference, entry: "Entry") -> None:
        """Keep an entry; makes the list. Raises CommandError."""
        folder = self._folder(target)
        place = os.path.join(folder, _file_name(reference))
        temporary = f"{place}.{os.getpid()}"
        try:
            os.makedirs(folder, mode=0o755, exist_ok=True)
            with open(temporary, "w", encoding="utf-8") as file:
                json.dump(entry, file, separators=(",", ":"), ensure_ascii=False)
            os.replace(temporary, place)
        except OSError as exc:
            raise CommandError(f"{place}: {exc.strerror or exc}") from exc

    def remove(self, target: Reference) -> None:
        """Forget a list. Raises CommandError."""
        try:
            shutil.rmtree(self._folder(target))
        except OSError as exc:
            raise CommandError(str(exc)) from exc

    def _folder(self, target: Reference) -> str:
        return os.path.join(self._root, _file_name(target))


def _file_name(reference: Reference) -> str:
    return str(reference).replace(":", "-").replace("/", "_")


def _read(path: str) -> "Entry":
    try:
        with open(path, "rb") as file:
            entry = json.loads(file.read())
        entry["Descriptor"]["digest"], entry["Ref"]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise CommandError(f"{path} is not a manifest: {exc}") from exc
    return dict(entry)


def make_entry(
    reference: Reference, media_type: str, digest: str, data: bytes, platform: "dict[str, Any]"
) -> "Entry":
    """``platform`` may have more members than are wanted: a config, for one."""
    kind = "OCIManifest" if media_type == OCI_MANIFEST else "SchemaV2Manifest"
    return {
        "Ref": str(reference),
        "Descriptor": {
            "mediaType": media_type,
            "digest": digest,
            "size": len(data),
            "platform": in_order(platform),
        },
        "Raw": base64.b64encode(data).decode(),
        kind: json.loads(data),
    }


def in_order(platform: "dict[str, Any]") -> "dict[str, Any]":
    """What is known of a platform, as Docker's client writes it down."""
    return {key: platform[key] for key in _PLATFORM_KEYS if platform.get(key)}


def raw_manifest(entry: "Entry") -> bytes:
    """The manifest in the bytes that its digest covers. Raises CommandError."""
    try:
        return base64.b64decode(entry["Raw"], validate=True)
    except (KeyError, ValueError) as exc:
        raise CommandError(f"{entry['Ref']}: the manifest's bytes are not kept") from exc


def manifest_list(entries: "list[Entry]") -> tuple[str, bytes]:
    """Media type and bytes of the list, written as Docker's client writes it: digests are compared."""
    first = entries[0]["Descriptor"]["mediaType"] if entries else ""
    media_type = OCI_INDEX if first == OCI_MANIFEST else DOCKER_LIST
    manifests = []
    for entry in entries:
        descriptor = entry["Descriptor"]
        platform = descriptor.get("platform") or {}
        manifests.append(
            {
                "mediaType": descriptor["mediaType"],
                "size": descriptor["size"],
                "digest": descriptor["digest"],
                "platform": {
                    "architecture": platform.get("architecture", ""),
                    "os": platform.get("os", ""),
                    **{key: platform[key] for key in _PLATFORM_KEYS[2:] if platform.get(key)},
                },
            }
        )
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}
    return media_type, json.dumps(document, indent=3, ensure_ascii=False).encode()

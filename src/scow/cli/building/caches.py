"""``--cache-from`` and ``--cache-to``: what the engine is asked for; caches in folders of this machine."""

import os

from scow.api.client.json_text import dumps, loads
from scow.cli.exits import CommandError
from scow.cli.options.csv_fields import split_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, BinaryIO

    from scow.cli.invocation import Invocation

    Exchange = dict[str, Any]

OCI_LAYOUT = "oci-layout://"
_TAG = "org.opencontainers.image.ref.name"
_GHA_VARIABLES = {"url": "ACTIONS_CACHE_URL", "token": "ACTIONS_RUNTIME_TOKEN"}


def imports(invocation: "Invocation", texts: "list[str]") -> "list[Exchange]":
    """A folder that holds no cache is told of, and left out. Raises CommandError."""
    found = []
    for text in texts:
        cache = _parsed(text, invocation.environ)
        attributes = cache["attributes"]
        if cache["kind"] == "local":
            attributes["src"] = _folder(attributes, "src")
            try:
                attributes.setdefault("digest", _digest(attributes["src"], attributes.get("tag", "latest")))
            except (OSError, ValueError, LookupError) as exc:
                reason = exc.strerror.lower() if isinstance(exc, OSError) and exc.strerror else str(exc)
                invocation.err.line(
                    f"WARNING: local cache import at {attributes['src']} not found due to err: {reason}"
                )
                continue
        found.append(cache)
    return found


def exports(texts: "list[str]", environ: "Mapping[str, str]") -> "list[Exchange]":
    """Raises CommandError."""
    found = [_parsed(text, environ) for text in texts]
    for cache in found:
        if cache["kind"] == "local":
            cache["attributes"]["dest"] = _folder(cache["attributes"], "dest")
    return found


def layout_address(text: str) -> str:
    """``oci-layout://<folder>[:tag][@digest]``, with the digest that it means. Raises CommandError."""
    place, _, digest = text.removeprefix(OCI_LAYOUT).partition("@")
    folder, _, tag = place.partition(":")
    folder = os.path.realpath(folder)
    if not digest:
        try:
            digest = _digest(folder, tag or "latest")
        except (OSError, ValueError, LookupError) as exc:
            raise CommandError(f"failed to resolve {text}: {exc}") from exc
    return f"{OCI_LAYOUT}{folder}@{digest}"


class LayoutSink:
    """Takes an OCI layout that comes as an archive, for ``folder``: its index gets one entry more."""

    def __init__(self, folder: str, tag: str = "latest") -> None:
        import tempfile

        self._folder = folder
        self._tag = tag
        self._file: BinaryIO = tempfile.TemporaryFile()

    def take(self, data: bytes) -> None:
        """The next piece. Raises OSError."""
        self._file.write(data)

    def close(self) -> None:
        """All is there."""
        from scow.cli.copying.unpacking import unpack

        os.makedirs(self._folder, exist_ok=True)
        kept = [it for it in _entries(self._folder) if (it.get("annotations") or {}).get(_TAG) != self._tag]
        self._file.seek(0)
        unpack(iter(lambda: self._file.read(1 << 20), b""), self._folder, "", "")
        self._file.close()
        added = [{**it, "annotations": {_TAG: self._tag}} for it in _entries(self._folder)]
        path = os.path.join(self._folder, "index.json")
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            file.write(dumps({"schemaVersion": 2, "manifests": kept + added}))
        os.replace(f"{path}.new", path)


def _parsed(text: str, environ: "Mapping[str, str]") -> "Exchange":
    if "=" not in text:
        return {"kind": "registry", "attributes": {"ref": text}}
    fields = {}
    for field in split_fields(text):
        key, equals, value = field.partition("=")
        if not equals:
            raise CommandError(f"invalid value {field}")
        fields[key.lower()] = value
    kind = fields.pop("type", "")
    if not kind:
        raise CommandError(f"type required form> {dumps(text)}")
    if kind == "gha":
        for key, variable in _GHA_VARIABLES.items():
            if environ.get(variable):
                fields.setdefault(key, environ[variable])
    return {"kind": kind, "attributes": fields}


def _folder(attributes: "dict[str, str]", name: str) -> str:
    if not attributes.get(name):
        raise CommandError(f"local cache {'importer' if name == 'src' else 'exporter'} requires {name}")
    return os.path.realpath(attributes[name])


def _entries(folder: str) -> "list[dict[str, Any]]":
    """What a layout's index names; nothing where there is none."""
    try:
        with open(os.path.join(folder, "index.json"), encoding="utf-8") as file:
            found: list[dict[str, Any]] = loads(file.read())["manifests"]
            return found
    except FileNotFoundError:
        return []


def _digest(folder: str, tag: str) -> str:
    """Of what has ``tag`` in a layout. Raises LookupError, OSError, ValueError."""
    if not os.path.isdir(folder):
        raise FileNotFoundError(2, f"stat {folder}: no such file or directory")
    for it in _entries(folder):
        if (it.get("annotations") or {}).get(_TAG) == tag:
            return str(it["digest"])
    raise LookupError(f"nothing tagged {tag} in {folder}/index.json")

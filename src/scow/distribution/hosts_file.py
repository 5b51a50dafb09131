"""hosts.toml, containerd's file about one registry: which mirrors it has, and how each is talked to.

    certs.d/<host>/hosts.toml, certs.d/<host>_<port>_/hosts.toml, certs.d/_default/hosts.toml

(containerd, docs/hosts.md.) The last is for registries that have none of their own.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scow.distribution.endpoint import ALL, API_ROOT, Endpoint
from scow.errors import InvalidArgumentError

_MAX_FILE_BYTES = 1 << 20
_DEFAULT = "_default"


def hosts_file(folders: Sequence[Path], registry: str) -> Path | None:
    """The file that speaks for ``registry``, if there is one."""
    name, colon, port = registry.rpartition(":")
    names = [registry, *([f"{name}_{port}_"] if colon else []), _DEFAULT]
    places = (folder / name / "hosts.toml" for name in names for folder in folders)
    return next((place for place in places if place.is_file()), None)


def read_hosts_file(file: Path, registry: str, itself: list[Endpoint]) -> list[Endpoint]:
    """Where to ask for ``registry``, in order. ``itself``: the registry, if the file names no server.

    Raises InvalidArgumentError.
    """
    document = _read_toml(file)
    hosts = document.get("host") or {}
    if not isinstance(hosts, dict):
        raise InvalidArgumentError(f"{file}: host is not a table")
    found = [_entry(file, url, entry, registry, mirror=True) for url, entry in hosts.items()]
    server = document.get("server")
    return [*found, *itself] if server is None else [*found, _entry(file, server, document, registry)]


def _entry(file: Path, url: object, entry: object, registry: str, *, mirror: bool = False) -> Endpoint:
    if not isinstance(url, str) or not isinstance(entry, dict):
        raise InvalidArgumentError(f"{file}: {url!r} is not the address of a registry")
    if "://" not in url:
        url = f"https://{url}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidArgumentError(f"{file}: {url!r} is not the address of a registry")
    base = url.rstrip("/")
    capabilities = entry.get("capabilities")
    return Endpoint(
        base.removesuffix(API_ROOT),
        # The address is the whole prefix already: some registries serve their mirrors from a folder.
        root=base.removeprefix(base.removesuffix(API_ROOT)) if entry.get("override_path") else API_ROOT,
        mirror=mirror,
        verify=not entry.get("skip_verify", False),
        capabilities=ALL if capabilities is None else frozenset(map(str, capabilities)),
        ca_files=tuple(file.parent / str(path) for path in _list(entry.get("ca"))),
        client_certificates=tuple(_client_pair(file, pair) for pair in _list(entry.get("client"))),
        headers=tuple(_headers(file, entry.get("header"))),
        # Whose images are meant: one mirror may serve several registries.
        namespace=registry if mirror else "",
    )


def _headers(file: Path, value: object) -> list[tuple[str, str]]:
    if value is None:
        return []
    if not isinstance(value, dict):
        raise InvalidArgumentError(f"{file}: header is not a table")
    return [(str(name), ", ".join(map(str, _list(values)))) for name, values in value.items()]


def _client_pair(file: Path, pair: object) -> tuple[Path, Path]:
    certificate, key = pair if isinstance(pair, list) and len(pair) == 2 else (pair, pair)
    return file.parent / str(certificate), file.parent / str(key)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _read_toml(file: Path) -> dict[str, Any]:
    import tomllib  # most registries have no such file

    try:
        return tomllib.loads(file.read_bytes()[:_MAX_FILE_BYTES].decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise InvalidArgumentError(f"{file} cannot be read: {exc}") from exc

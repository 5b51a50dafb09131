"""Where plugins are found: Docker's folders and scow's own.

    <name>.sock, <name>/<name>.sock    a socket in a folder of running plugins
    <name>.spec                        a file with the plugin's address: ``unix:///path`` or ``tcp://host:port``
    <name>.json                        a file with ``Name``, ``Addr`` and ``TLSConfig``

Nothing is remembered: a plugin that comes or goes is seen at the next look (Docker, "Plugin discovery").
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from scow.errors import NotFoundError, ScowError

_MAX_FILE_BYTES = 64 << 10


class TlsFiles(msgspec.Struct, rename="pascal"):
    """How a plugin is spoken to by TLS; "" for what is not used."""

    ca_file: str = msgspec.field(default="", name="CAFile")
    cert_file: str = ""
    key_file: str = ""
    insecure_skip_verify: bool = False


@dataclass(frozen=True, slots=True)
class PluginAddress:
    """Where a plugin answers: a ``unix://``, ``tcp://``, ``http://`` or ``https://`` address."""

    name: str
    address: str
    tls: TlsFiles | None = None


class _Description(msgspec.Struct, rename="pascal"):
    name: str = ""
    addr: str = ""
    tls: TlsFiles | None = msgspec.field(default=None, name="TLSConfig")


@dataclass(frozen=True, slots=True)
class PluginFolders:
    """``sockets`` are folders of sockets, ``descriptions`` of files; the first that has a name counts."""

    sockets: Sequence[Path]
    descriptions: Sequence[Path]

    def names(self) -> Sequence[str]:
        """All plugins there are, of whatever kind; blocks."""
        return sorted({*self._socket_names(), *self._description_names()})

    def find(self, name: str) -> PluginAddress:
        """Where the plugin ``name`` answers; blocks. Raises NotFoundError with Docker's words, ScowError."""
        if name and "/" not in name and not name.startswith("."):
            for folder in self.sockets:
                for path in (folder / f"{name}.sock", folder / name / f"{name}.sock"):
                    if path.is_socket():
                        return PluginAddress(name, f"unix://{path}")
            for folder in self.descriptions:
                for suffix, read in ((".spec", _read_spec), (".json", _read_json)):
                    path = folder / f"{name}{suffix}"
                    if path.is_file():
                        return read(name, path)
        raise NotFoundError(f'plugin "{name}" not found')

    def _socket_names(self) -> Iterator[str]:
        for entry in _entries(self.sockets):
            if entry.name.endswith(".sock") and entry.is_socket():
                yield entry.name.removesuffix(".sock")
            elif (entry / f"{entry.name}.sock").is_socket():
                yield entry.name

    def _description_names(self) -> Iterator[str]:
        for entry in _entries(self.descriptions):
            if entry.suffix in (".spec", ".json") and entry.is_file():
                yield entry.stem


def _entries(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        yield from (folder / name for name in names)


def _read_spec(name: str, path: Path) -> PluginAddress:
    return _checked(PluginAddress(name, _text(path).strip()), path)


def _read_json(name: str, path: Path) -> PluginAddress:
    try:
        found = msgspec.json.decode(_text(path), type=_Description)
    except msgspec.MsgspecError as exc:
        raise ScowError(f"plugin {name}: {path}: {exc}") from exc
    return _checked(PluginAddress(found.name or name, found.addr, found.tls), path)


def _checked(found: PluginAddress, path: Path) -> PluginAddress:
    scheme, separator, rest = found.address.partition("://")
    if not separator or not rest or scheme not in ("unix", "tcp", "http", "https"):
        raise ScowError(f"plugin {found.name}: {path}: Unknown protocol")
    return found


def _text(path: Path) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_MAX_FILE_BYTES)
    except OSError as exc:
        raise ScowError(f"open {path}: {(exc.strerror or str(exc)).lower()}") from exc

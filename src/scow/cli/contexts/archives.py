"""A context as a file: ``meta.json`` and ``tls/<endpoint>/<file>`` in a tar, or in a zip on the way in.

Nothing is unpacked: what is in an archive is read into memory, up to ten megabytes of it.
"""

import io
import json
import posixpath
import tarfile
import zipfile
import zlib

from scow.cli.contexts.store import go_json
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from scow.cli.contexts.store import Metadata, TlsFiles

_META_FILE = "meta.json"
_TLS = "tls"
_MOST_BYTES = 10 << 20
_ZIP_MAGIC = b"PK\x03\x04"
_TOO_LARGE = "read exceeds the defined limit"


def pack(metadata: "Metadata", tls: "TlsFiles") -> bytes:
    """The archive that Docker's command line would make."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        _add(archive, _META_FILE, go_json(metadata).encode(), 0o644)
        _add_folder(archive, _TLS)
        for endpoint, files in tls.items():
            _add_folder(archive, f"{_TLS}/{endpoint}")
            for name, data in files.items():
                _add(archive, f"{_TLS}/{endpoint}/{name}", data, 0o600)
    return buffer.getvalue()


def unpack(source: "BinaryIO", name: str) -> "tuple[Metadata, TlsFiles]":
    """What is in an archive, for a context ``name``. Raises InvalidArgumentError."""
    data = source.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise InvalidArgumentError(_TOO_LARGE)
    metadata: Metadata | None = None
    tls: TlsFiles = {}
    for path, content in _zip_files(data) if data.startswith(_ZIP_MAGIC) else _tar_files(data):
        _check_path(path)
        if path == _META_FILE:
            metadata = _parse(content)
            continue
        _, endpoint, *rest = path.split("/")
        if not rest:
            raise InvalidArgumentError("archive format is invalid")
        _check_path(path, most_parts=3)
        tls.setdefault(endpoint, {})[rest[0]] = content
    if metadata is None:
        raise InvalidArgumentError("invalid context: no metadata found")
    return {**metadata, "Name": name}, tls


def _add(archive: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), mode
    archive.addfile(member, io.BytesIO(data))


def _add_folder(archive: tarfile.TarFile, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, 0o700
    archive.addfile(member)


def _tar_files(data: bytes) -> "Iterator[tuple[str, bytes]]":
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isreg() else None
                if file is not None:
                    yield member.name, file.read()
    except tarfile.TarError as exc:
        raise InvalidArgumentError("archive/tar: invalid tar header") from exc


def _zip_files(data: bytes) -> "Iterator[tuple[str, bytes]]":
    left = _MOST_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                if member.is_dir():
                    continue
                with archive.open(member) as file:
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise InvalidArgumentError(_TOO_LARGE)
                yield member.filename, content
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, zlib.error) as exc:
        raise InvalidArgumentError(f"zip: {exc}") from exc


def _check_path(path: str, *, most_parts: int = 0) -> None:
    problem = ""
    if path != _META_FILE and not path.startswith(f"{_TLS}/"):
        problem = "unexpected context file"
    elif posixpath.normpath(path) != path or ".." in path.split("/"):
        problem = "unexpected path format"
    elif "\\" in path:
        problem = r"unexpected '\' in path"
    elif most_parts and path.count("/") >= most_parts:
        problem = "unexpected path format"
    if problem:
        raise InvalidArgumentError(f"{path}: {problem}")


def _parse(content: bytes) -> "Metadata":
    try:
        found = json.loads(content)
    except ValueError as exc:
        raise InvalidArgumentError(f"{_META_FILE}: {exc}") from exc
    if not isinstance(found, dict):
        raise InvalidArgumentError(f"{_META_FILE}: not a JSON object")
    return found

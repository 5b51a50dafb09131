"""The contexts of one person, in Docker's layout, so that both command lines have the same.

    contexts/meta/<sha256 of the name>/meta.json                 {"Name", "Metadata", "Endpoints"}
    contexts/tls/<sha256 of the name>/<endpoint>/{ca,cert,key}.pem

What is written is complete or not there. Members that scow does not know are kept.
"""

import os

from scow.api.client.json_text import dumps, escaped_for_web, loads
from scow.cli.config_file import DEFAULT_CONTEXT
from scow.cli.go_values import quote
from scow.errors import ConflictError, InvalidArgumentError, NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Metadata = dict[str, Any]
    TlsFiles = dict[str, dict[str, bytes]]

DOCKER_ENDPOINT = "docker"
NAME_RULE = "^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$"
_META_FILE = "meta.json"


class ContextStore:
    """Contexts by name. ``directory`` is that of the settings, ``~/.docker``."""

    def __init__(self, directory: str) -> None:
        self._meta = os.path.join(directory, "contexts", "meta")
        self._tls = os.path.join(directory, "contexts", "tls")

    def meta_folder(self, name: str) -> str:
        """Where what is known of a context is, or would be."""
        return os.path.join(self._meta, _digest(name))

    def tls_folder(self, name: str) -> str:
        """Where its keys are, a folder for each endpoint."""
        return os.path.join(self._tls, _digest(name))

    def get(self, name: str) -> "Metadata":
        """Raises NotFoundError in Docker's words, InvalidArgumentError for a file that cannot be read."""
        path = os.path.join(self.meta_folder(name), _META_FILE)
        try:
            return _read(path)
        except FileNotFoundError:
            message = f"context not found: open {path}: no such file or directory"
            raise NotFoundError(f"context {quote(name)}: {message}") from None
        except (OSError, ValueError) as exc:
            raise InvalidArgumentError(f"context {quote(name)}: parsing {path}: {exc}") from exc

    def all(self) -> "list[Metadata]":
        """All of them. Raises InvalidArgumentError."""
        found = []
        for folder, _, files in os.walk(self._meta):
            if _META_FILE in files:
                path = os.path.join(folder, _META_FILE)
                try:
                    found.append(_read(path))
                except FileNotFoundError:
                    continue
                except (OSError, ValueError) as exc:
                    message = f"failed to read metadata: parsing {path}: {exc}"
                    raise InvalidArgumentError(message) from exc
        return found

    def check_new(self, name: str) -> None:
        """Raises ConflictError and InvalidArgumentError in Docker's words for a name that cannot be had."""
        check_name(name)
        if os.path.exists(os.path.join(self.meta_folder(name), _META_FILE)):
            raise ConflictError(f"context {quote(name)} already exists")

    def tls_files(self, name: str) -> dict[str, list[str]]:
        """The names of files by endpoint."""
        root = self.tls_folder(name)
        if not os.path.isdir(root):
            return {}
        folders = [it.name for it in os.scandir(root) if it.is_dir(follow_symlinks=False)]
        return {
            folder: sorted(it.name for it in os.scandir(os.path.join(root, folder)) if not it.is_dir())
            for folder in sorted(folders)
        }

    def tls_data(self, name: str) -> "TlsFiles":
        """The same with what is in them. Raises OSError."""
        root = self.tls_folder(name)
        return {
            endpoint: {file: _content(os.path.join(root, endpoint, file)) for file in files}
            for endpoint, files in self.tls_files(name).items()
        }

    def put(self, metadata: "Metadata") -> None:
        """Write a context, new or known. Raises OSError."""
        folder = self.meta_folder(metadata["Name"])
        os.makedirs(folder, mode=0o755, exist_ok=True)
        _write(os.path.join(folder, _META_FILE), go_json(metadata).encode(), 0o644)

    def put_tls(self, name: str, files: "TlsFiles") -> None:
        """Have these keys, and no others. Raises OSError."""
        _remove_tree(self.tls_folder(name))
        for endpoint, content in files.items():
            self.put_endpoint_tls(name, endpoint, content)

    def put_endpoint_tls(self, name: str, endpoint: str, content: dict[str, bytes]) -> None:
        """The same for one endpoint. Raises OSError."""
        folder = os.path.join(self.tls_folder(name), endpoint)
        _remove_tree(folder)
        if content:
            for missing in (self._tls, self.tls_folder(name), folder):
                if not os.path.isdir(missing):
                    os.makedirs(missing, mode=0o700)
        for file, data in content.items():
            _write(os.path.join(folder, file), data, 0o600)

    def remove(self, name: str) -> None:
        """No error if there is none. Raises OSError."""
        _remove_tree(self.meta_folder(name))
        _remove_tree(self.tls_folder(name))


def check_name(name: str) -> None:
    """Raises InvalidArgumentError in Docker's words."""
    if not name:
        raise InvalidArgumentError("context name cannot be empty")
    if name == DEFAULT_CONTEXT:
        raise InvalidArgumentError(f'"{DEFAULT_CONTEXT}" is a reserved context name')
    plain = name.translate({ord(char): "a" for char in "_.+-"})
    if len(name) < 2 or not (name[0].isalnum() and plain.isalnum() and name.isascii()):
        raise InvalidArgumentError(
            f"context name {quote(name)} is invalid, names are validated against regexp {quote(NAME_RULE)}"
        )


def endpoint_of(metadata: "Metadata") -> "dict[str, Any]":
    """``{"Host", "SkipTLSVerify"}`` of the engine. Raises InvalidArgumentError in Docker's words."""
    endpoint = (metadata.get("Endpoints") or {}).get(DOCKER_ENDPOINT)
    if not isinstance(endpoint, dict):
        raise InvalidArgumentError("cannot find docker endpoint in context")
    return endpoint


def context_names(directory: str) -> list[str]:
    """The stored contexts and the one that is always there, by name; what cannot be read is left out."""
    try:
        stored = ContextStore(directory).all()
    except InvalidArgumentError:
        stored = []
    return sorted([DEFAULT_CONTEXT, *(str(it["Name"]) for it in stored if "Name" in it)])


def go_json(value: object) -> str:
    """``value`` on one line, as Go's encoder writes it."""
    return escaped_for_web(dumps(value, compact=True))


def _digest(name: str) -> str:
    import hashlib

    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()


def _read(path: str) -> "Metadata":
    """Raises OSError, ValueError."""
    found = loads(_content(path))
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _write(path: str, data: bytes, mode: int) -> None:
    """A reader sees the file before or after, never half of it."""
    temporary = f"{path}.{os.getpid()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


def _remove_tree(path: str) -> None:
    import shutil

    if os.path.lexists(path):
        shutil.rmtree(path)

"""Builders as buildx stores them in ``~/.docker/buildx``, so that both programs know the same ones.

    current             {"Key": endpoint, "Name": builder, "Global": bool}: the one in use, of one endpoint
    defaults/<digest>   the one in use for another endpoint
    instances/<name>    a builder and its nodes

A node is an engine: the one at its endpoint builds, whatever the driver. Builders of the driver "docker" are
the contexts and are not stored.
"""

import os

from scow.api.client.json_text import dumps, loads
from scow.cli.contexts.store import context_names
from scow.cli.exits import CommandError
from scow.cli.patterns import Pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.api.client.client import Client
    from scow.cli.invocation import Invocation

    Document = dict[str, Any]

_NAME = Pattern(r"[a-zA-Z][a-zA-Z0-9._-]*")
OWN_DRIVER = "docker"
REMOTE_DRIVER = "remote"
DRIVERS = ("docker-container", REMOTE_DRIVER)
"""What a builder may be; the engine at its endpoint builds for all of them."""
BUILDX_VERSION = "0.13.1"
"""The buildx whose commands are answered to."""


class Builder:
    """One builder. ``nodes`` are as they are stored; ``stored`` is False for a context's own."""

    __slots__ = ("driver", "name", "nodes", "stored")

    def __init__(self, name: str, driver: str, nodes: "list[Document]", *, stored: bool) -> None:
        self.name = name
        self.driver = driver
        self.nodes = nodes
        self.stored = stored

    @property
    def endpoint(self) -> str:
        """A context's name, or an address."""
        return str(self.nodes[0]["Endpoint"]) if self.nodes else ""

    def place(self, node: "Document | None" = None) -> tuple[str, str]:
        """Its name, and that of a node, the first unless one is given: builds are told apart by both."""
        node = node or (self.nodes[0] if self.nodes else {})
        return self.name, str(node.get("Name", ""))


class Builders:
    """The store of one person."""

    def __init__(self, invocation: "Invocation") -> None:
        self._invocation = invocation
        self.folder = invocation.environ.get("BUILDX_CONFIG") or os.path.join(
            invocation.config_directory, "buildx"
        )

    def all(self) -> list[Builder]:
        """Those that are stored, then those of the contexts."""
        try:
            names = sorted(os.listdir(os.path.join(self.folder, "instances")))
        except OSError:
            names = []
        stored = [found for name in names if (found := self._load(name)) is not None]
        return stored + [context_builder(name) for name in context_names(self._invocation.config_directory)]

    def get(self, name: str) -> Builder:
        """Raises CommandError."""
        for builder in self.all():
            if builder.name == name:
                return builder
        raise CommandError(f'ERROR: no builder "{name}" found')

    def chosen(self, name: str = "") -> Builder:
        """The one that is named by option or environment, or the one in use. Raises CommandError."""
        name = name or self._invocation.environ.get("BUILDX_BUILDER", "")
        if name:
            return self.get(name)
        current = self.current_name()
        # One that is gone counts as none.
        return (self._load(current) if current else None) or context_builder(self._invocation.context_name())

    def current_name(self) -> str:
        """The one in use for this endpoint; "" for the context's own."""
        current = _read(os.path.join(self.folder, "current"))
        key = self._key()
        if current and (current.get("Global") or current.get("Key") == key):
            return str(current.get("Name") or "")
        try:
            with open(self._default_path(key), encoding="utf-8") as file:
                return file.read().strip()
        except OSError:
            return ""

    def use(self, builder: Builder, *, everywhere: bool = False, as_default: bool = False) -> None:
        """Raises OSError."""
        name = builder.name if builder.stored else ""
        key = self._key()
        if as_default:
            _write(self._default_path(key), name)
        _write(
            os.path.join(self.folder, "current"),
            dumps({"Key": key, "Name": name, "Global": everywhere}, compact=True),
        )

    def save(self, builder: Builder) -> None:
        """Raises OSError."""
        document = {"Name": builder.name, "Driver": builder.driver, "Nodes": builder.nodes, "Dynamic": False}
        _write(os.path.join(self.folder, "instances", builder.name), dumps(document, compact=True))

    def remove(self, builder: Builder) -> None:
        """Raises OSError."""
        os.unlink(os.path.join(self.folder, "instances", builder.name))
        if self.current_name() == builder.name:
            self.use(context_builder("default"))

    def client(self, builder: Builder, node: "Document | None" = None) -> "Client":
        """For the engine of a node, the first unless one is given. Raises CommandError."""
        endpoint = str(node["Endpoint"]) if node else builder.endpoint
        is_own = endpoint in (self._invocation.context_name(), self._address())
        if is_own and not self._invocation.has_moved:
            return self._invocation.client
        return self._invocation.client_of(endpoint)

    def clients(self, name: str = "") -> "list[tuple[Document, Client]]":
        """The nodes of the builder that is meant, and their engines. Raises CommandError."""
        builder = self.chosen(name)
        return [(node, self.client(builder, node)) for node in builder.nodes]

    def last_activity(self, builder: Builder) -> str:
        """When it was used last, RFC 3339, "" if nobody knows."""
        try:
            with open(os.path.join(self.folder, "activity", builder.name), encoding="utf-8") as file:
                return file.read().strip()
        except OSError:
            return ""

    def _load(self, name: str) -> Builder | None:
        found = _read(os.path.join(self.folder, "instances", name))
        if not found or not isinstance(found.get("Nodes"), list):
            return None
        return Builder(name, str(found.get("Driver") or ""), found["Nodes"], stored=True)

    def _address(self) -> str:
        return self._invocation.endpoint().text

    def _key(self) -> str:
        name = self._invocation.context_name()
        return self._address() if name == "default" else name

    def _default_path(self, key: str) -> str:
        import hashlib

        return os.path.join(self.folder, "defaults", hashlib.sha256(key.encode()).hexdigest())


def use_builder(invocation: "Invocation", name: str) -> None:
    """Ask the engine of a builder from now on: of the named one, or the one in use. Raises CommandError."""
    builders = Builders(invocation)
    builder = builders.chosen(name)
    if builder.stored or builder.name != invocation.context_name():
        invocation.move_to(builders.client(builder))


def context_builder(name: str) -> Builder:
    """The builder that every context has."""
    return Builder(name, OWN_DRIVER, [{"Name": name, "Endpoint": name}], stored=False)


def check_name(name: str) -> str:
    """Raises CommandError in buildx's words."""
    if not _NAME.fullmatch(name):
        raise CommandError(
            f"ERROR: invalid name {name}, name needs to start with a letter and may not contain symbols, "
            "except ._-"
        )
    return name


def _read(path: str) -> "Document | None":
    try:
        with open(path, encoding="utf-8") as file:
            found = loads(file.read())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write(path: str, text: str) -> None:
    """All or nothing."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    temporary = f"{path}.tmp{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(temporary, path)

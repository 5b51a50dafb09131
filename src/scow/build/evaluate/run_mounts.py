"""``RUN --mount=type=…,key=value``: what each key means, and what goes with what.

The words are BuildKit's, and so is the order: a key is judged by the type that stands before it.
"""

import csv
import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from scow.build.dockerfile.flags import suggestion
from scow.build.graph.ops import Mount, MountKind, Sharing
from scow.errors import InvalidArgumentError
from scow.spec.go_bool import FALSE, TRUE
from scow.spec.sizes import parse_size

_KINDS = ("bind", "cache", "secret", "ssh", "tmpfs")
_SHARINGS = ("shared", "private", "locked")
_ALIASES = {"src": "source", "dst": "target", "destination": "target", "rw": "readwrite", "ro": "readonly"}
_KEYS = (
    *("type", "from", "source", "target", "readonly", "id", "sharing", "required", "size", "mode"),
    *("uid", "gid", "src", "dst", "destination", "ro", "rw", "readwrite", "env"),
)
_SWITCHES = ("readonly", "readwrite", "required")
_ATTRIBUTES = ("mode", "uid", "gid")
_ATTRIBUTED = ("secret", "ssh", "cache")
_MODES = {"cache": 0o755, "secret": 0o400, "ssh": 0o600}
_MAX_NUMBER = (1 << 32) - 1


@dataclass(slots=True)
class _Wanted:
    """What the keys so far have said."""

    kind: str = "bind"
    texts: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    read_only: bool | None = None
    required: bool = False
    size_bytes: int = 0

    def text(self, key: str) -> str:
        return self.texts.get(key, "")

    def set(self, written: str, value: str, whole: str) -> None:
        """One key. Raises InvalidArgumentError."""
        key = _ALIASES.get(written, written)
        match key:
            case "type":
                self.kind = _one_of(value, _KINDS, "unsupported mount type")
            case "sharing":
                self.texts[key] = _one_of(value, _SHARINGS, "unsupported sharing value")
            case "from" | "source" | "target" | "id" | "env":
                self.texts[key] = value
            case "readonly" | "readwrite":
                self.read_only = _boolean(written, value) is (key == "readonly")
            case "required":
                self._belongs_to(written, "secret", "ssh")
                self.required = _boolean(written, value)
            case "size":
                self._belongs_to(written, "tmpfs")
                self.size_bytes = _size(written, value)
            case "mode" | "uid" | "gid":
                self.numbers[key] = _number(key, value)
            case _:
                raise InvalidArgumentError(
                    f"unexpected key '{written}' in '{whole}'{suggestion(written, _KEYS)}"
                )

    def _belongs_to(self, key: str, *kinds: str) -> None:
        if self.kind not in kinds:
            raise InvalidArgumentError(f"unexpected key '{key}' for mount type '{self.kind}'")


def parse_mount(text: str, expand: Callable[[str], str]) -> tuple[Mount, str]:
    """The mount, and what its ``from`` says. Raises InvalidArgumentError with BuildKit's messages.

    A target may be empty, and counts from the working directory.
    """
    wanted = _Wanted()
    for item in _fields(text):
        key, equals, value = item.partition("=")
        key = key.lower()
        if not equals and _ALIASES.get(key, key) not in _SWITCHES:
            raise InvalidArgumentError(f"invalid field '{item}' must be a key=value pair")
        wanted.set(key, expand(value) if equals else "true", item)
    _check(wanted)
    target = _target(wanted)
    read_only = wanted.kind not in ("cache", "tmpfs") if wanted.read_only is None else wanted.read_only
    mount = Mount(
        kind=cast("MountKind", wanted.kind),
        target=target,
        source=wanted.text("source") if wanted.kind in ("bind", "cache") else "",
        id=_identity(wanted, target),
        read_only=read_only,
        sharing=cast("Sharing", wanted.text("sharing") or "shared"),
        required=wanted.required,
        uid=wanted.numbers.get("uid", 0),
        gid=wanted.numbers.get("gid", 0),
        mode=wanted.numbers.get("mode", _MODES.get(wanted.kind, 0)),
        size_bytes=wanted.size_bytes,
        variable=wanted.text("env"),
    )
    return mount, wanted.text("from")


def _fields(text: str) -> list[str]:
    if not text:
        raise InvalidArgumentError("failed to parse csv mounts: EOF")
    try:
        (row,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError) as exc:
        raise InvalidArgumentError(f"failed to parse csv mounts: {exc}") from exc
    return row


def _check(wanted: _Wanted) -> None:
    """What goes with what. Raises InvalidArgumentError."""
    kind = wanted.kind
    for key in _ATTRIBUTES:
        if key in wanted.numbers and kind not in _ATTRIBUTED:
            raise InvalidArgumentError(f'{key} not allowed for "{kind}" type mounts')
    if kind == "secret":
        _check_secret(wanted)
    if wanted.text("sharing") and kind != "cache":
        raise InvalidArgumentError(f"invalid cache sharing set for {kind} mount")
    if kind == "ssh" and wanted.text("source"):
        raise InvalidArgumentError("ssh does not support source")


def _check_secret(wanted: _Wanted) -> None:
    if wanted.text("from"):
        raise InvalidArgumentError("secret mount should not have a from")
    if wanted.text("sharing"):
        raise InvalidArgumentError("secret mount should not define sharing")
    if not any(wanted.text(key) for key in ("source", "target", "id")):
        raise InvalidArgumentError("invalid secret mount. one of source, target required")
    if wanted.text("source") and wanted.text("id"):
        raise InvalidArgumentError("both source and id can't be set")


def _target(wanted: _Wanted) -> str:
    target = wanted.text("target")
    if target or wanted.kind not in ("secret", "ssh"):
        return target
    if wanted.kind == "ssh":
        return "/run/buildkit/ssh_agent.0"
    if "env" in wanted.texts:
        return ""
    return f"/run/secrets/{posixpath.basename(_identity(wanted, target))}"


def _identity(wanted: _Wanted, target: str) -> str:
    if wanted.kind == "cache":
        return wanted.text("id") or posixpath.normpath(target)
    if wanted.kind == "secret":
        return wanted.text("source") or wanted.text("id") or posixpath.basename(target)
    return wanted.text("id") or "default"


def _one_of(value: str, known: tuple[str, ...], what: str) -> str:
    if value.lower() not in known:
        raise InvalidArgumentError(f'{what} "{value}"{suggestion(value, known)}')
    return value.lower()


def _boolean(key: str, text: str) -> bool:
    if text not in TRUE | FALSE:
        raise InvalidArgumentError(f"invalid value for {key}: {text}")
    return text in TRUE


def _number(key: str, text: str) -> int:
    try:
        value = int(text, 8 if key == "mode" else 10) if text.isdecimal() else -1
    except ValueError:
        value = -1
    if not 0 <= value <= _MAX_NUMBER:
        raise InvalidArgumentError(f"invalid value {text} for {key}")
    return value


def _size(key: str, text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as exc:
        raise InvalidArgumentError(f"invalid value for {key}: {text}") from exc

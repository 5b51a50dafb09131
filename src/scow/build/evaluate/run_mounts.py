"""``RUN --mount=type=…,key=value``: what each key means, and what goes with what."""

import csv
import posixpath
from collections.abc import Callable, Mapping
from typing import cast

from scow.build.dockerfile.flags import suggestion
from scow.build.graph.ops import Mount, MountKind, Sharing
from scow.errors import InvalidArgumentError

_KINDS = ("bind", "cache", "tmpfs", "secret", "ssh")
_ALIASES = {"src": "source", "dst": "target", "destination": "target", "rw": "readwrite", "ro": "readonly"}
_KEYS = {
    "bind": {"type", "source", "target", "from", "readwrite", "readonly"},
    "cache": {
        "type",
        "source",
        "target",
        "from",
        "readonly",
        "readwrite",
        "id",
        "sharing",
        "mode",
        "uid",
        "gid",
    },
    "tmpfs": {"type", "target", "size"},
    "secret": {"type", "id", "target", "source", "required", "mode", "uid", "gid", "env"},
    "ssh": {"type", "id", "target", "required", "mode", "uid", "gid", "source"},
}
_MAX_NUMBER = (1 << 32) - 1  # of a user, a group, a mode
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def parse_mount(text: str, expand: Callable[[str], str]) -> tuple[Mount, str]:
    """The mount, and what its ``from`` says. Raises InvalidArgumentError with Docker's messages."""
    fields = _fields(text, expand)
    kind = fields.get("type", "bind")
    if kind not in _KINDS:
        raise InvalidArgumentError(f'unsupported mount type "{kind}"{suggestion(kind, _KINDS)}')
    for key in fields:
        if key not in _KEYS[kind]:
            raise InvalidArgumentError(
                f"unexpected key '{key}' for mount type '{kind}'{suggestion(key, sorted(_KEYS[kind]))}"
            )
    target = _target(kind, fields)
    default_mode = {"cache": 0o755, "secret": 0o400, "ssh": 0o600}.get(kind, 0)
    read_only = kind == "bind"
    if "readwrite" in fields:
        read_only = not _boolean("rw", fields["readwrite"])
    if "readonly" in fields:
        read_only = _boolean("ro", fields["readonly"])
    mount = Mount(
        kind=cast("MountKind", kind),
        target=target,
        source=fields.get("source", "") if kind in ("bind", "cache") else "",
        id=_identity(kind, fields, target),
        read_only=read_only,
        sharing=_sharing(fields.get("sharing", "shared")),
        required=_boolean("required", fields.get("required", "false")),
        uid=_number(fields, "uid", 10, 0),
        gid=_number(fields, "gid", 10, 0),
        mode=_number(fields, "mode", 8, default_mode),
        size_bytes=_size(fields.get("size", "")),
        variable=fields.get("env", ""),
    )
    return mount, fields.get("from", "")


def _fields(text: str, expand: Callable[[str], str]) -> dict[str, str]:
    try:
        (row,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError) as exc:
        raise InvalidArgumentError(f"failed to parse csv mounts: {exc}") from exc
    fields: dict[str, str] = {}
    for item in row:
        key, equals, value = item.partition("=")
        key = _ALIASES.get(key.lower(), key.lower())
        if not equals and key not in ("readonly", "readwrite", "required"):
            raise InvalidArgumentError(f"invalid field '{item}' must be a key=value pair")
        fields[key] = expand(value) if equals else "true"
    return fields


def _target(kind: str, fields: Mapping[str, str]) -> str:
    target = fields.get("target", "")
    if target:
        return target
    if kind == "secret":
        name = fields.get("id") or posixpath.basename(fields.get("source", ""))
        if not name:
            raise InvalidArgumentError("invalid secret mount. one of source, target required")
        return "" if "env" in fields else f"/run/secrets/{name}"
    if kind == "ssh":
        return "/run/buildkit/ssh_agent.0"
    raise InvalidArgumentError(
        f"{kind} mount: target is required" if kind != "bind" else "target is required"
    )


def _identity(kind: str, fields: Mapping[str, str], target: str) -> str:
    if kind == "cache":
        return fields.get("id") or target
    if kind == "secret":
        return fields.get("id") or fields.get("source", "") or posixpath.basename(target)
    return fields.get("id", "default")


def _sharing(text: str) -> Sharing:
    if text not in ("shared", "private", "locked"):
        raise InvalidArgumentError(f'unsupported sharing value "{text}"')
    return cast("Sharing", text)


def _boolean(key: str, text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise InvalidArgumentError(f"invalid value for {key}: {text}")
    return text.lower() in ("true", "1")


def _number(fields: Mapping[str, str], key: str, base: int, default: int) -> int:
    text = fields.get(key, "")
    if not text:
        return default
    try:
        value = int(text, base)
    except ValueError:
        value = -1
    if not 0 <= value <= _MAX_NUMBER:
        raise InvalidArgumentError(f"invalid value {text} for {key}")
    return value


def _size(text: str) -> int:
    if not text:
        return 0
    digits = text.rstrip("bBkKmMgGtT")
    unit = text[len(digits) :].lower()
    if not digits.isdigit() or (unit.removesuffix("b") or unit) not in _UNITS:
        raise InvalidArgumentError(f"invalid size: '{text}'")
    return int(digits) * _UNITS[unit.removesuffix("b") or unit]

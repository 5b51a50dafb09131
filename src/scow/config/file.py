"""daemon.json: one object whose members are settings (dockerd's reference, "Daemon configuration file").

A member must be a setting, must not be given as a flag too (runtimes add up instead), and must have the right
type; ``null`` is "not given". An object where a single value belongs is unpacked, as ``{"proxies":
{"http-proxy": …}}`` is in Docker.
"""

import json
from collections.abc import Mapping
from typing import Any

from scow.config import values
from scow.config.options import BY_KEY
from scow.errors import InvalidArgumentError, ParseError

_ADDS_UP = frozenset({"runtimes"})


def parse_file(text: str, flags: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in ``text``, by name. ``flags`` are those of the command line, by the same names.

    Raises InvalidArgumentError with dockerd's messages; the caller adds which file it was.
    """
    if not text.strip():
        return {}
    members = _unpack(_decode(text))
    if unknown := sorted(set(members) - set(BY_KEY)):
        raise InvalidArgumentError(
            f"the following directives don't match any configuration option: {', '.join(unknown)}"
        )
    _check_conflicts(members, flags)
    return {name: _convert(name, value) for name, value in members.items()}


def _decode(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as exc:
        raise ParseError(
            f"invalid JSON: line {exc.lineno} column {exc.colno}: {exc.msg}",
            line=exc.lineno,
            column=exc.colno,
        ) from exc
    except RecursionError as exc:
        raise ParseError("invalid JSON: nested too deeply") from exc
    if not isinstance(document, dict):
        raise ParseError("invalid JSON: expected an object")
    return document


def _unpack(document: Mapping[str, Any]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in document.items():
        option = BY_KEY.get(name)
        if isinstance(value, dict) and not (option and option.kind.is_map):
            members.update(value)
        else:
            members[name] = value
    return {name: value for name, value in members.items() if value is not None}


def _check_conflicts(members: Mapping[str, Any], flags: Mapping[str, Any]) -> None:
    both = [
        f"{name}: (from flag: {values.shown(given)}, from file: {values.shown(members[name])})"
        for name, given in flags.items()
        if name in members and name not in _ADDS_UP
    ]
    if both:
        raise InvalidArgumentError(
            "the following directives are specified both as a flag and in the configuration file: "
            + ", ".join(both)
        )


def _convert(name: str, value: Any) -> Any:
    try:
        return BY_KEY[name].kind.from_json(value)
    except TypeError as exc:
        raise InvalidArgumentError(f"{name}: expected {exc}, got {json.dumps(value)}") from None
    except ValueError as exc:
        raise InvalidArgumentError(f"{name}: {exc}") from None

"""Options as data: each command declares a tuple of ``Flag``; the parser and the help pages read it.

A ``Kind`` is pflag's Value: how one text becomes a value, how repeated ones add up, and what the help page
calls it.
"""

from scow.cli import go_values
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Kind:
    """``parse`` reads one text, raising InvalidArgumentError; ``combine`` joins it to what was given before.

    ``zero`` makes the value of an option that is not given; ``empty_text`` is printed as its default.
    ``warning`` says of a text what should not be used any more, "" for nothing.
    """

    __slots__ = ("combine", "empty_text", "name", "parse", "takes_value", "warning", "zero")

    def __init__(
        self,
        name: str,
        parse: "Callable[[str], Any]",
        *,
        zero: "Callable[[], Any]",
        combine: "Callable[[Any, Any], Any] | None" = None,
        empty_text: str = "",
        takes_value: bool = True,
        warning: "Callable[[str], str] | None" = None,
    ) -> None:
        self.name = name
        self.warning = warning
        self.parse = parse
        self.zero = zero
        self.combine = combine
        self.empty_text = empty_text
        self.takes_value = takes_value


class Flag:
    """One option. ``dest`` is the key of its value when that differs from the name (a second spelling).

    ``since`` is the API version and ``server_os`` the platform that the engine must have for it; an
    ``experimental`` one is for engines that allow such things. A ``deprecated`` one, with what to use
    instead, works and says so.
    """

    __slots__ = (
        "default",
        "deprecated",
        "dest",
        "experimental",
        "hidden",
        "kind",
        "name",
        "server_os",
        "short",
        "since",
        "usage",
    )

    def __init__(
        self,
        name: str,
        kind: Kind,
        usage: str,
        *,
        short: str = "",
        default: "Any" = None,
        dest: str = "",
        hidden: bool = False,
        since: str = "",
        server_os: str = "",
        experimental: bool = False,
        deprecated: str = "",
    ) -> None:
        self.name = name
        self.kind = kind
        self.usage = usage
        self.short = short
        self.default = default
        self.dest = dest or name
        self.hidden = hidden or bool(deprecated)
        self.deprecated = deprecated
        self.since = since
        self.server_os = server_os
        self.experimental = experimental

    @property
    def spelling(self) -> str:
        """``-m, --memory``, as errors name it."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"

    def default_text(self) -> str:
        """What the help page puts behind ``default``; empty for a zero value."""
        if self.default is None or self.default is False:
            return self.kind.empty_text
        if self.kind is STRING:
            return go_values.quote(self.default) if self.default else ""
        if self.kind is DURATION:
            from scow.spec.go_duration import format_duration  # for help pages alone

            return format_duration(self.default)
        return "true" if self.default is True else str(self.default)


class Flags(dict[str, "Any"]):
    """The values by option name, the names that were given, and the arguments that were no options.

    ``notices`` are lines to print about options that should not be used any more, ``warnings`` lines to log
    about values that should not.
    """

    def __init__(self) -> None:
        super().__init__()
        self.changed: set[str] = set()
        self.arguments: list[str] = []
        self.notices: list[str] = []
        self.warnings: list[str] = []


def _same(text: str) -> str:
    return text


def _append(old: "list[Any]", new: "Any") -> "list[Any]":
    return [*old, new]


def _add_pair(old: dict[str, str], pair: tuple[str, str]) -> dict[str, str]:
    return {**old, pair[0]: pair[1]}


def _zero() -> int:
    return 0


def _parse_flag_int(text: str) -> int:
    return go_values.parse_int(text, base=0)


def _parse_flag_uint16(text: str) -> int:
    return go_values.parse_uint(text, 16, base=0)


def _parse_flag_uint64(text: str) -> int:
    return go_values.parse_uint(text, base=0)


def list_of(
    validate: "Callable[[str], Any]" = _same,
    *,
    name: str = "list",
    empty_text: str = "",
    warning: "Callable[[str], str] | None" = None,
) -> Kind:
    """An option that may be repeated; each text goes through ``validate``."""
    return Kind(name, validate, zero=list, combine=_append, empty_text=empty_text, warning=warning)


def map_of(validate: "Callable[[str], str]" = _same) -> Kind:
    """Repeated ``key=value``; the last of equal keys counts."""

    def parse(text: str) -> tuple[str, str]:
        key, _, value = validate(text).partition("=")
        return key, value

    return Kind("map", parse, zero=dict, combine=_add_pair, empty_text="map[]")


def _parse_filter(text: str) -> tuple[str, str] | None:
    if not text:
        return None
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidArgumentError("bad format of filter (expected name=value)")
    return name.strip().lower(), value.strip()


def _add_filter(old: dict[str, list[str]], new: tuple[str, str] | None) -> dict[str, list[str]]:
    if new is None:
        return old
    return {**old, new[0]: [*old.get(new[0], []), new[1]]}


def _parse_comma_list(text: str) -> list[str]:
    return text.split(",") if text else []


BOOL = Kind("", go_values.parse_bool, zero=bool, takes_value=False)
STRING = Kind("string", _same, zero=str)
STRINGS = Kind("strings", _parse_comma_list, zero=list, combine=list.__add__)
INT = Kind("int", _parse_flag_int, zero=_zero)
UINT16 = Kind("uint16", _parse_flag_uint16, zero=_zero)
UINT64 = Kind("uint", _parse_flag_uint64, zero=_zero)
DURATION = Kind("duration", go_values.parse_duration, zero=_zero)
LIST = list_of()
FILTER = Kind("filter", _parse_filter, zero=dict, combine=_add_filter)

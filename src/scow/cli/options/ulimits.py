"""``--ulimit name=soft[:hard]``."""

from scow.cli.go_values import parse_int
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Ulimit = dict[str, Any]

_NAMES = frozenset(
    [
        "core",
        "cpu",
        "data",
        "fsize",
        "locks",
        "memlock",
        "msgqueue",
        "nice",
        "nofile",
        "nproc",
        "rss",
        "rtprio",
        "rttime",
        "sigpending",
        "stack",
    ]
)


def parse_ulimit(text: str) -> "Ulimit":
    """A Ulimit of the API; a hard limit that is not given is the soft one, -1 is no limit."""
    name, equals, limits = text.partition("=")
    if not equals:
        raise InvalidArgumentError(f"invalid ulimit argument: {text}")
    if name not in _NAMES:
        raise InvalidArgumentError(f"invalid ulimit type: {name}")
    parts = limits.split(":")
    if len(parts) > 2:
        raise InvalidArgumentError(
            f"too many limit value arguments - {limits}, can only have up to two, `soft[:hard]`"
        )
    hard = parse_int(parts[-1])
    soft = parse_int(parts[0])
    if hard != -1:
        if soft == -1:
            raise InvalidArgumentError(
                "ulimit soft limit must be less than or equal to hard limit: "
                f"soft: -1 (unlimited), hard: {hard}"
            )
        if soft > hard:
            raise InvalidArgumentError(
                f"ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}"
            )
    return {"Name": name, "Hard": hard, "Soft": soft}


def unique_ulimits(ulimits: "list[Ulimit]") -> "list[Ulimit]":
    """The last of each name, sorted by name."""
    return [limit for _, limit in sorted({limit["Name"]: limit for limit in ulimits}.items())]

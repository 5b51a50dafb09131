"""Flags of instructions: ``--name=value``, each known to its instruction, some of them more than once."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Literal

from scow.errors import InvalidArgumentError

Kind = Literal["text", "list", "boolean"]
_NEAR = 2  # letters that may be wrong, as BuildKit counts
_MAX_KNOWN = 300
"""Nobody is helped by a look through more than that, and a Dockerfile may have any number of names."""


class Flags:
    """The flags of one instruction. Raises InvalidArgumentError with Docker's messages."""

    def __init__(self, words: Sequence[str], known: Mapping[str, Kind]) -> None:
        self._values: dict[str, list[str]] = {}
        for word in words:
            name, equals, value = word.removeprefix("--").partition("=")
            kind = known.get(name)
            if kind is None:
                raise InvalidArgumentError(f"unknown flag: --{name}{suggestion(name, known, '--')}")
            if kind != "list" and name in self._values:
                raise InvalidArgumentError(f"duplicate flag specified: --{name}")
            if kind == "boolean":
                value = _boolean(name, value if equals else "true")
            elif not equals:
                raise InvalidArgumentError(f"missing a value on flag: --{name}")
            self._values.setdefault(name, []).append(value)

    def text(self, name: str) -> str:
        """The value, empty if the flag is not there."""
        return self._values.get(name, [""])[0]

    def all(self, name: str) -> tuple[str, ...]:
        """All values, in order."""
        return tuple(self._values.get(name, ()))

    def boolean(self, name: str) -> bool | None:
        """``None`` if the flag is not there."""
        return self._values[name][0] == "true" if name in self._values else None


def _boolean(name: str, value: str) -> str:
    if not value:
        raise InvalidArgumentError(f"missing a value on flag: --{name}")
    if value.lower() not in ("true", "false"):
        raise InvalidArgumentError(f"expecting boolean value for flag --{name}, not: {value}")
    return value.lower()


def suggestion(
    word: str, known: Mapping[str, object] | Sequence[str], prefix: str = "", *, folds_case: bool = True
) -> str:
    """`` (did you mean x?)`` where something is near enough."""

    def distance(other: str) -> int:
        return _distance(word.lower(), other.lower()) if folds_case else _distance(word, other)

    alike = (it for it in islice(known, _MAX_KNOWN) if abs(len(it) - len(word)) <= _NEAR)
    near = min(alike, key=distance, default="")
    if not near or distance(near) > _NEAR:
        return ""
    return f" (did you mean {prefix}{near}?)"


def _distance(one: str, other: str) -> int:
    """How many letters to add, leave out or change (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        before, row = row, [number]
        for at, theirs in enumerate(other, 1):
            row.append(min(before[at] + 1, row[-1] + 1, before[at - 1] + (letter != theirs)))
    return row[-1]

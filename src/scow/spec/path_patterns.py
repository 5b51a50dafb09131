"""Patterns of paths: Go's ``filepath.Match``, and the one with ``**`` that .dockerignore has."""

import re
from functools import lru_cache

from scow.errors import InvalidArgumentError

_MAGIC = re.compile(r"[*?\[\\]")


def has_magic(pattern: str) -> bool:
    """Whether it is more than a name."""
    return _MAGIC.search(pattern) is not None


@lru_cache(maxsize=512)
def path_pattern(pattern: str, *, double_star: bool = False) -> re.Pattern[str]:
    """For ``fullmatch`` with a path of slashes.

    ``*`` and ``?`` match no slash, ``[a-z]`` and ``[^a-z]`` one character of a set, ``\\`` takes the meaning
    from what follows; with ``double_star`` ``**`` is any number of folders. Raises InvalidArgumentError.
    """
    parts, at = [], 0
    while at < len(pattern):
        mark = pattern[at]
        at += 1
        if mark == "*" and double_star and pattern.startswith("*", at):
            at += 1
            at += pattern.startswith("/", at)
            parts.append(".*" if at >= len(pattern) else "(?:.*/)?")
        elif mark == "*":
            parts.append("[^/]*")
        elif mark == "?":
            parts.append("[^/]")
        elif mark == "[":
            piece, at = _set(pattern, at)
            parts.append(piece)
        elif mark == "\\":
            if at >= len(pattern):
                raise _syntax_error(pattern)
            parts.append(re.escape(pattern[at]))
            at += 1
        else:
            parts.append(re.escape(mark))
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error as exc:
        raise _syntax_error(pattern) from exc


def _set(pattern: str, at: int) -> tuple[str, int]:
    """A character class that begins at ``at``."""
    negated = pattern.startswith("^", at)
    at += negated
    items = ""
    while True:
        if at >= len(pattern):
            raise _syntax_error(pattern)
        mark = pattern[at]
        at += 1
        if mark == "]" and items:
            return f"[{'^/' if negated else ''}{items}]", at
        if mark == "\\":
            mark = pattern[at : at + 1]
            at += 1
            items += re.escape(mark)
        else:
            items += mark if mark == "-" else re.escape(mark)


def _syntax_error(pattern: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"syntax error in pattern: {pattern}")

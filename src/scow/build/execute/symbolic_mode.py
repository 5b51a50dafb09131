"""``--chmod=u+x,go-w``: modes in chmod(1)'s words (POSIX chmod, "symbolic_mode")."""

import re
import stat
from collections.abc import Callable

from scow.build.trees.tree import Node
from scow.errors import InvalidArgumentError

_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)")
_ACTION = re.compile(r"([-+=])([ugo]|[rwxXst]*)")
_SHIFTS = {"u": 6, "g": 3, "o": 0}
_BITS = {"r": 4, "w": 2, "x": 1}
_Change = tuple[str, str, str]


def symbolic_mode(text: str) -> Callable[[Node], int]:
    """What becomes of a node's mode. Raises InvalidArgumentError."""
    changes: list[_Change] = []
    for clause in text.split(","):
        match = _CLAUSE.fullmatch(clause)
        if match is None:
            raise InvalidArgumentError("invalid syntax")
        who = match[1].replace("a", "ugo") or "ugo"
        changes += [(who, action, what) for action, what in _ACTION.findall(match[2])]

    def changed(node: Node) -> int:
        mode = stat.S_IMODE(node.mode)
        for change in changes:
            mode = _apply(mode, change, is_folder=node.is_folder)
        return mode

    return changed


def _apply(mode: int, change: _Change, *, is_folder: bool) -> int:
    who, action, what = change
    mask = value = 0
    for whose in who:
        shift = _SHIFTS[whose]
        mask |= 7 << shift
        value |= _permissions(mode, what, is_folder=is_folder) << shift
    if "s" in what:
        value |= (stat.S_ISUID if "u" in who else 0) | (stat.S_ISGID if "g" in who else 0)
    if "t" in what:
        value |= stat.S_ISVTX
    if action == "+":
        return mode | value
    if action == "-":
        return mode & ~value
    return (mode & ~mask) | value


def _permissions(mode: int, what: str, *, is_folder: bool) -> int:
    if what and what in "ugo":
        return mode >> _SHIFTS[what] & 7
    bits = sum(_BITS.get(letter, 0) for letter in set(what))
    runs = is_folder or mode & 0o111
    return bits | 1 if "X" in what and runs else bits

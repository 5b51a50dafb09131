"""The ``tag`` log option: text with ``{{.Name}}`` and its like, in as much of Go's templates as tags use.

Fields, pipelines, conditions, and the functions that Docker gives to its log tags; no loops or variables.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scow.errors import InvalidArgumentError

_ACTION = re.compile(r"\{\{(-?)(.*?)(-?)\}\}", re.DOTALL)
_BRANCH = re.compile(r"\s*(?:(else)\b\s*)?(?:(if)\b|(end)\b)?(.*)", re.DOTALL)
_WORD = re.compile(
    r"""\s*(?: (?P<pipe>\|) | (?P<open>\() | (?P<close>\)) | (?P<field>(?:\.\w+)+)
    | (?P<string>"(?:[^"\\\n]|\\.)*") | `(?P<raw>[^`]*)` | (?P<number>-?\d+) | (?P<name>[A-Za-z]\w*) )""",
    re.VERBOSE,
)
_MAX_DEPTH = 50  # of brackets; a tag comes from a client


def render_tag(template: str, fields: Mapping[str, Any]) -> str:
    """``template`` with its actions replaced. Raises ``InvalidArgumentError``."""
    rendered: list[str] = []
    branches = _Branches(fields)
    position, trims = 0, False
    for action in _ACTION.finditer(template):
        text = template[position : action.start()]
        text = text.lstrip() if trims else text
        shown = branches.shown
        rendered.append((text.rstrip() if action[1] else text) if shown else "")
        if not branches.take(action[2]) and shown:
            rendered.append(_show(_evaluate(action[2], fields)))
        position, trims = action.end(), bool(action[3])
    text = template[position:]
    if "{{" in text:
        raise InvalidArgumentError("template: log-tag:1: unclosed action")
    if branches.open:
        raise InvalidArgumentError("template: log-tag:1: unexpected EOF")
    rendered.append(text.lstrip() if trims else text)
    return "".join(rendered)


@dataclass(frozen=True, slots=True)
class _Branch:
    """Of a condition: whether what it stands in is ``visible``, whether it is, whether one of it was already.

    Nothing but the end may follow the ``last``.
    """

    visible: bool
    shown: bool
    taken: bool
    last: bool = False


class _Branches:
    """The conditions that are open at a place of a template, and whether what stands there is shown."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields
        self._open: list[_Branch] = []

    @property
    def shown(self) -> bool:
        return not self._open or self._open[-1].shown

    @property
    def open(self) -> bool:
        return bool(self._open)

    def take(self, action: str) -> bool:
        """Whether ``action`` belongs to a condition. Raises ``InvalidArgumentError``."""
        match = _BRANCH.fullmatch(action)
        begins, condition, ends = (bool(match and match[group]) for group in (1, 2, 3))
        if not (begins or condition or ends) or match is None:
            return False
        if (begins or ends) and not self._open:
            raise InvalidArgumentError(f"template: log-tag:1: unexpected {{{{{action.strip()}}}}}")
        if ends:
            self._open.pop()
        elif begins:
            self._next(match[4] if condition else None)
        else:
            holds = self.shown and bool(_evaluate(match[4], self._fields))
            self._open.append(_Branch(self.shown, holds, holds))
        return True

    def _next(self, condition: str | None) -> None:
        """``else``, with a condition of its own or none."""
        before = self._open.pop()
        if before.last:
            raise InvalidArgumentError("template: log-tag:1: expected end; found {{else}}")
        tried = before.visible and not before.taken
        holds = tried and (condition is None or bool(_evaluate(condition, self._fields)))
        self._open.append(_Branch(before.visible, holds, before.taken or holds, last=condition is None))


def _evaluate(pipeline: str, fields: Mapping[str, Any]) -> Any:
    if pipeline.lstrip().startswith("/*"):
        return ""
    text = pipeline.strip()
    value, end = _pipeline(text, 0, fields, 0)
    if end < len(text):
        raise InvalidArgumentError("template: log-tag:1: unexpected right paren")
    return value


def _pipeline(text: str, position: int, fields: Mapping[str, Any], depth: int) -> tuple[Any, int]:
    """What stands at ``position``, up to the bracket that closes it, and where that ends."""
    if depth > _MAX_DEPTH:
        raise InvalidArgumentError("template: log-tag:1: max expression depth exceeded")
    commands: list[list[Any]] = [[]]
    while position < len(text):
        word = _WORD.match(text, position)
        if word is None:
            raise InvalidArgumentError(f"template: log-tag:1: unexpected {text[position:]!r} in command")
        if word["close"]:
            return _value(commands), word.end() if depth else position
        position = word.end()
        if word["pipe"]:
            commands.append([])
        elif word["open"]:
            value, position = _pipeline(text, position, fields, depth + 1)
            commands[-1].append(value)
        else:
            commands[-1].append(_operand(word, fields))
    if depth:
        raise InvalidArgumentError("template: log-tag:1: unclosed left paren")
    return _value(commands), position


def _value(commands: list[list[Any]]) -> Any:
    """Of a pipeline: each command gets what the one before it gave as its last argument."""
    piped: list[Any] = []
    for command in commands:
        if not command:
            raise InvalidArgumentError("template: log-tag:1: missing value for command")
        first, *arguments = command
        if isinstance(first, _Function):
            piped = [first.call([*arguments, *piped])]
        elif arguments or piped:
            raise InvalidArgumentError(
                "template: log-tag:1: can't give argument to non-function " + _show(first)
            )
        else:
            piped = [first]
    return piped[0]


def _operand(word: re.Match[str], fields: Mapping[str, Any]) -> Any:
    if word["field"]:
        return _field(word["field"], fields)
    if word["string"]:
        try:
            return json.loads(word["string"])
        except ValueError:
            raise InvalidArgumentError("template: log-tag:1: invalid syntax") from None
    if word["number"]:
        return int(word["number"])
    if word["name"]:
        function = _FUNCTIONS.get(word["name"])
        if function is None:
            raise InvalidArgumentError(f'template: log-tag:1: function "{word["name"]}" not defined')
        return _Function(word["name"], function)
    return word["raw"]


def _field(chain: str, fields: Mapping[str, Any]) -> Any:
    name, *deeper = chain[1:].split(".")
    if name not in fields:
        raise InvalidArgumentError(
            f'template: log-tag:1: executing "log-tag" at <.{name}>: '
            f"can't evaluate field {name} in type *logger.Info"
        )
    value = fields[name]
    for key in deeper:
        if not isinstance(value, Mapping):
            raise InvalidArgumentError(
                f'template: log-tag:1: executing "log-tag" at <{chain}>: can\'t evaluate field {key}'
            )
        value = value.get(key, "")
    return value


class _Function:
    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self._name = name
        self._function = function

    def call(self, arguments: Sequence[Any]) -> Any:
        try:
            return self._function(*arguments)
        except (TypeError, ValueError, AttributeError, LookupError):
            raise InvalidArgumentError(
                f'template: log-tag:1: executing "log-tag" at <{self._name}>: error calling {self._name}'
            ) from None


def _pad(text: str, before: int, after: int) -> str:
    if before > 1024 or after > 1024:
        raise ValueError
    return " " * before + text + " " * after if text else text


def _truncate(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="replace")


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        value = value.get(key, "") if isinstance(value, Mapping) else value[key]
    return value


def _title(text: str) -> str:
    """As Go's strings.Title: the rest of a word stays as it is."""
    return re.sub(r"(?<![\w'])\w", lambda match: match[0].upper(), text)


def _show(value: Any) -> str:
    """As Go's fmt prints it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{name}:{_show(value[name])}" for name in sorted(value)) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(map(_show, value)) + "]"
    return str(value)


def _equals(first: Any, second: Any, *others: Any) -> bool:
    """Whether ``first`` is one of the others."""
    return first in (second, *others)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "json": lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True),
    "split": lambda text, separator: text.split(separator) if separator else list(text),
    "join": lambda words, separator: separator.join(words),
    "title": _title,
    "lower": lambda text: text.lower(),
    "upper": lambda text: text.upper(),
    "pad": _pad,
    "truncate": _truncate,
    "index": _index,
    "len": len,
    "and": lambda *values: next((it for it in values if not it), values[-1]),
    "or": lambda *values: next((it for it in values if it), values[-1]),
    "not": lambda value: not value,
    "eq": _equals,
    "ne": lambda first, second: first != second,
    "lt": lambda first, second: first < second,
    "le": lambda first, second: first <= second,
    "gt": lambda first, second: first > second,
    "ge": lambda first, second: first >= second,
    "print": lambda *values: "".join(map(_show, values)),
}

"""The ``tag`` log option: text with ``{{.Name}}`` and its like, in as much of Go's templates as tags use.

Fields, pipelines, and the functions that Docker gives to its log tags; no conditions, loops or variables.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scow.errors import InvalidArgumentError

_ACTION = re.compile(r"\{\{(-?)(.*?)(-?)\}\}", re.DOTALL)
_WORD = re.compile(
    r"""\s*(?: (?P<pipe>\|) | (?P<field>(?:\.\w+)+) | (?P<string>"(?:[^"\\\n]|\\.)*") | `(?P<raw>[^`]*)`
    | (?P<number>-?\d+) | (?P<name>[A-Za-z]\w*) )""",
    re.VERBOSE,
)


def render_tag(template: str, fields: Mapping[str, Any]) -> str:
    """``template`` with its actions replaced. Raises ``InvalidArgumentError``."""
    rendered: list[str] = []
    position, trims = 0, False
    for action in _ACTION.finditer(template):
        text = template[position : action.start()]
        text = text.lstrip() if trims else text
        rendered.append(text.rstrip() if action[1] else text)
        rendered.append(_show(_evaluate(action[2], fields)))
        position, trims = action.end(), bool(action[3])
    text = template[position:]
    if "{{" in text:
        raise InvalidArgumentError("template: log-tag:1: unclosed action")
    rendered.append(text.lstrip() if trims else text)
    return "".join(rendered)


def _evaluate(pipeline: str, fields: Mapping[str, Any]) -> Any:
    if pipeline.lstrip().startswith("/*"):
        return ""
    commands = _commands(pipeline.strip(), fields)
    if not commands[0]:
        raise InvalidArgumentError("template: log-tag:1: missing value for command")
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


def _commands(pipeline: str, fields: Mapping[str, Any]) -> list[list[Any]]:
    commands: list[list[Any]] = [[]]
    position = 0
    while position < len(pipeline):
        word = _WORD.match(pipeline, position)
        if word is None:
            raise InvalidArgumentError(f"template: log-tag:1: unexpected {pipeline[position:]!r} in command")
        position = word.end()
        if word["pipe"]:
            commands.append([])
        else:
            commands[-1].append(_operand(word, fields))
    return commands


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
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{name}:{_show(value[name])}" for name in sorted(value)) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(map(_show, value)) + "]"
    return str(value)


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
    "print": lambda *values: "".join(map(_show, values)),
}

"""Words of a Dockerfile line: split at blanks outside quotes, then expanded (BuildKit's shell/lex.go).

Single quotes keep everything, double quotes expand variables, a backslash takes the meaning from the
next character. Variables are ``$name``, ``${name}``, ``${name:-word}`` and ``${name:+word}``; one that is
not set is empty.
"""

import re
from collections.abc import Mapping

from scow.errors import InvalidArgumentError

_PLAIN = re.compile(r"[^\\'\"$]+")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::([-+])((?:[^}\\]|\\.)*))?\})")
_WORD = re.compile(r"""(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+""")


def split_words(text: str) -> list[str]:
    """The words of ``text``, quotes still on. Raises InvalidArgumentError for a quote that does not end."""
    words = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _WORD.match(text, at)
        end = match.end() if match else at
        if match is None or (end < len(text) and not text[end].isspace()):
            raise InvalidArgumentError("unexpected end of statement while looking for matching quote")
        words.append(match[0])
        at = end
    return words


def expand(text: str, variables: Mapping[str, str]) -> str:
    """``text`` without its quotes and with variables replaced. Raises InvalidArgumentError."""
    result = ""
    at = 0
    while at < len(text):
        mark = text[at]
        if mark == "'":
            end = _closing(text, at)
            result += text[at + 1 : end]
            at = end + 1
        elif mark == '"':
            end = _closing(text, at)
            result += _expand_double(text[at + 1 : end], variables)
            at = end + 1
        elif mark == "\\":
            result += text[at + 1 : at + 2]
            at += 2
        elif mark == "$":
            value, at = _variable(text, at, variables)
            result += value
        else:
            plain = _PLAIN.match(text, at)
            assert plain is not None
            result += plain[0]
            at = plain.end()
    return result


def _expand_double(text: str, variables: Mapping[str, str]) -> str:
    result = ""
    at = 0
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] in ('"', "$", "\\"):
            result += text[at + 1]
            at += 2
        elif text[at] == "$":
            value, at = _variable(text, at, variables)
            result += value
        else:
            result += text[at]
            at += 1
    return result


def _variable(text: str, at: int, variables: Mapping[str, str]) -> tuple[str, int]:
    match = _VARIABLE.match(text, at)
    if match is None:
        if text[at + 1 : at + 2] == "{":
            raise InvalidArgumentError(f"unsupported modifier in substitution: {text[at:]}")
        return "$", at + 1
    bare, name, mode, word = match.groups()
    value = variables.get(bare or name, "")
    if (mode == "-" and not value) or (mode == "+" and value):
        value = expand(word, variables)
    return value, match.end()


def _closing(text: str, at: int) -> int:
    """Where the quote that opens at ``at`` ends."""
    quote = text[at]
    end = at + 1
    while end < len(text) and text[end] != quote:
        end += 2 if quote == '"' and text[end] == "\\" else 1
    if end >= len(text):
        raise InvalidArgumentError("unexpected end of statement while looking for matching quote")
    return end

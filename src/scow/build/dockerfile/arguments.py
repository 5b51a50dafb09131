"""What follows an instruction's word: flags, then words, pairs, one string, or JSON."""

import json
import re

from scow.errors import InvalidArgumentError
from scow.spec.shell_words import split_words

_BLANKS = re.compile(r"[\t\v\f\r ]+")
_DECODER = json.JSONDecoder()
_NOT_STRINGS = "when using JSON array syntax, arrays must be comprised of strings only"


def take_flags(text: str) -> tuple[list[str], str]:
    """The words that begin with ``--``, without their quotes, and the rest. ``--`` alone ends them."""
    flags: list[str] = []
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if not text.startswith("--", at):
            return flags, text[at:]
        word, at = _flag(text, at)
        if word == "--":
            return flags, text[at:].lstrip()
        flags.append(word)


def _flag(text: str, at: int) -> tuple[str, int]:
    """One word; here the backslash escapes whatever the Dockerfile's escape character is."""
    word, quote = "", ""
    while at < len(text):
        mark = text[at]
        at += 1
        if mark == "\\":
            word += text[at : at + 1]
            at += 1
        elif mark == quote:
            quote = ""
        elif not quote and mark in "'\"":
            quote = mark
        elif not quote and mark.isspace():
            break
        else:
            word += mark
    return word, at


def blank_separated(text: str) -> list[str]:
    """Words between blanks; quotes mean nothing."""
    return _BLANKS.split(text.strip()) if text.strip() else []


def json_strings(text: str) -> list[str] | None:
    """A JSON array of strings, ``None`` for anything that does not begin with a JSON array.

    What follows the array means nothing, as to the official parser. Raises InvalidArgumentError for an array
    that holds something else.
    """
    text = text.lstrip()
    if not text.startswith("["):
        return None
    try:
        value, _ = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(it, str) for it in value):
        raise InvalidArgumentError(_NOT_STRINGS)
    return list(value)


def name_values(text: str, instruction: str, escape: str) -> list[tuple[str, str, bool]]:
    """``name=value …``, or the old form ``name the rest``: names, values, and whether it had the sign.

    Raises InvalidArgumentError with Docker's messages.
    """
    words = split_words(text, escape)
    if not words:
        return []
    if "=" not in words[0]:
        name, *rest = _BLANKS.split(text.strip(), maxsplit=1)
        if not rest:
            raise InvalidArgumentError(f"{instruction} must have two arguments")
        return [(name, rest[0], False)]
    pairs = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            quoted = json.dumps(word, ensure_ascii=False)
            raise InvalidArgumentError(
                f"Syntax error - can't find = in {quoted}. Must be of the form: name=value"
            )
        pairs.append((name, value, True))
    return pairs

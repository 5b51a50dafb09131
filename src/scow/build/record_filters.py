"""Tests of records as BuildKit's clients write them (containerd, filters/filter.go).

field==value    field!=value    field~=pattern    flag    !flag
"""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from scow.errors import InvalidArgumentError
from scow.spec.go_regexp import go_search

R = TypeVar("R")

_COMPARISON = re.compile(r"\s*([a-z.]+)\s*(==|!=|~=)\s*(.*)", re.DOTALL)
_FLAG = re.compile(r"\s*(!?)([a-z]+)\s*")


def test_of(
    text: str, fields: Mapping[str, Callable[[R], str]], flags: Mapping[str, Callable[[R], bool]]
) -> Callable[[R], bool]:
    """What one part of a filter means for records with these fields. Raises InvalidArgumentError."""
    if match := _COMPARISON.fullmatch(text):
        name, operator, value = match.groups()
        read = fields.get(name)
        if read is not None:
            return _comparison(read, operator, value.strip().strip('"'))
    elif match := _FLAG.fullmatch(text):
        negated, name = match.groups()
        flag = flags.get(name)
        if flag is not None:
            return (lambda record: not flag(record)) if negated else flag
    raise InvalidArgumentError(f"invalid filter {text!r}")


def _comparison(read: Callable[[R], str], operator: str, value: str) -> Callable[[R], bool]:
    if operator == "~=":
        try:
            is_in = go_search(value)
        except ValueError as exc:
            raise InvalidArgumentError(f"invalid filter pattern {value!r}: {exc}") from exc
        return lambda record: is_in(read(record))
    equal = operator == "=="
    return lambda record: (read(record) == value) is equal

"""Values of HCL as Python's: text, numbers, switches, lists, objects, and ``None`` for null."""

import math
from typing import Any

from scow.errors import InvalidArgumentError

Value = Any


def to_text(value: Value) -> str:
    """As a template has it. Raises InvalidArgumentError."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number_text(value)
    if value is None:
        raise InvalidArgumentError("value is null")
    raise InvalidArgumentError("string required")


def number_text(value: float) -> str:
    """Without an exponent, and without a fraction where there is none."""
    if value.is_integer():
        return str(int(value))
    text = repr(value)
    return f"{value:.20f}".rstrip("0") if "e" in text else text


def to_number(value: Value) -> float:
    """Raises InvalidArgumentError."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
        try:
            found = float(value)
        except ValueError:
            found = math.nan
        if math.isfinite(found):
            return found
    raise InvalidArgumentError("a number is required")


def to_switch(value: Value) -> bool:
    """Raises InvalidArgumentError."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false", "1", "0"):
        return value in ("true", "1")
    raise InvalidArgumentError("a bool is required")


def plain(value: float) -> float:
    """A number that is whole, as a whole number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def equal(left: Value, right: Value) -> bool:
    """Of one kind and the same."""
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    return bool(left == right)


def kind_of(value: Value) -> str:
    """What messages call it."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "tuple"
    return "null" if value is None else "object"


def pairs_of(value: Value) -> list[tuple[Value, Value]]:
    """Keys and items of a list or an object, the latter in order of its keys.

    Raises InvalidArgumentError for what is neither.
    """
    if isinstance(value, list):
        return list(enumerate(value))
    if isinstance(value, dict):
        return sorted(value.items())
    raise InvalidArgumentError("a list, a set or an object is required")

"""JSON in and out without importing ``json``, by the functions in C that stand behind it.

``json`` imports ``re`` (7 ms of processor time with ``enum``) for patterns that its C functions do without;
``scow ps`` as a whole takes 30. What is not plain goes to the library: text that is wrong, so that errors are
its own, and everything on a Python whose ``_json`` is another than the one known here.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _json import make_encoder, make_scanner
    from collections.abc import Callable
    from typing import Any

_INDENT = "    "
_SPACE = " \t\n\r"


class _Rules:
    """What ``json.JSONDecoder()`` tells the scanner."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    array_hook = None
    parse_float = float
    parse_int = int

    @staticmethod
    def parse_constant(name: str) -> float:
        return float(name)


def _c_functions() -> "tuple[make_scanner, type[make_encoder], Callable[[str], str]] | None":
    try:
        import _json

        scanner = _json.make_scanner(_Rules)  # type: ignore[arg-type]  # it reads no more of a decoder
        _json.make_encoder(None, str, _json.encode_basestring, None, ":", ",", False, False, True)
    except (ImportError, AttributeError, TypeError):
        return None
    return scanner, _json.make_encoder, _json.encode_basestring


_C = _c_functions()


def loads(data: bytes | str) -> "Any":
    """The value that ``data`` (UTF-8) is. Raises ValueError, as ``json.loads`` words it."""
    if _C is not None:
        try:
            text = (data if isinstance(data, str) else data.decode()).strip(_SPACE)
            value, end = _C[0](text, 0)
            if end == len(text):
                return value
        except (ValueError, StopIteration, SystemError):
            # SystemError: the scanner wants the library's exception, and has none while that is not imported.
            pass
    import json

    return json.loads(data)


def first_value(text: str) -> "tuple[Any, int]":
    """The value that ``text`` begins with, and where it ends. Raises ValueError, as the library words it."""
    if _C is not None:
        try:
            return _C[0](text, 0)
        except (ValueError, StopIteration, SystemError):
            pass
    import json

    return json.JSONDecoder().raw_decode(text)


def dumps(value: object, *, compact: bool = False, sort_keys: bool = False) -> str:
    """``value`` on one line, characters as they are; ``compact``: without the spaces behind ``,`` and ``:``.

    Raises TypeError for what JSON has no form for.
    """
    item, key = (",", ":") if compact else (", ", ": ")
    if _C is None:
        import json

        return json.dumps(value, separators=(item, key), ensure_ascii=False, sort_keys=sort_keys)
    encode = _C[1](None, _refuse, _C[2], None, key, item, sort_keys, False, True)
    return "".join(encode(value, 0))


def indented(value: object, margin: str = "") -> str:
    """``value`` as ``json.dumps(value, indent=4, ensure_ascii=False)`` writes it."""
    inner = margin + _INDENT
    if isinstance(value, dict) and value:
        entries = [f"{inner}{dumps(str(key))}: {indented(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(entries) + f"\n{margin}}}"
    if isinstance(value, list) and value:
        entries = [inner + indented(item, inner) for item in value]
        return "[\n" + ",\n".join(entries) + f"\n{margin}]"
    return dumps(value)


def escaped_for_web(text: str) -> str:
    """JSON as Go's encoder writes it by default: what means something in HTML is in digits."""
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _refuse(value: object) -> object:
    raise TypeError(f"Object of type {value.__class__.__name__} is not JSON serializable")

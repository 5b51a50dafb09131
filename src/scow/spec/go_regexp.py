"""Go's regular expressions, which filters are written in.

Their syntax is RE2's (https://github.com/google/re2/wiki/Syntax). A text is searched in time that grows with
its length; Python's own expressions can take for ever for a pattern of ten letters, and hold everybody up.
"""

from collections.abc import Callable

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/ ,:;=@%~!&#<>'\"")
"""Characters that stand for themselves. Names consist of them, and for names the library is not loaded."""


def go_search(pattern: str) -> Callable[[str], bool]:
    """Whether a text has a match of ``pattern`` anywhere. Raises ValueError for what is no pattern."""
    at_begin, at_end = pattern.startswith("^"), pattern.endswith("$")
    literal = pattern[at_begin : len(pattern) - at_end]
    if not _PLAIN.issuperset(literal):
        return _compiled(pattern)
    if at_begin and at_end:
        return literal.__eq__
    if at_begin:
        return lambda text: text.startswith(literal)
    if at_end:
        return lambda text: text.endswith(literal)
    return lambda text: literal in text


def _compiled(pattern: str) -> Callable[[str], bool]:
    import re2  # 2 MB, and most patterns are names

    options = re2.Options()
    options.log_errors = False
    try:
        search = re2.compile(pattern.encode("utf-8", "surrogateescape"), options).search
    except re2.error as exc:
        raise ValueError(exc.args[0].decode("utf-8", "replace")) from exc
    # What is no UTF-8 is some character.
    return lambda text: search(text.encode("utf-8", "replace")) is not None

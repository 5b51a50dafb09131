"""The size of a terminal window in a query."""

from scow.api.http.query import Query
from scow.errors import InvalidArgumentError

_UINT32_MAX = 2**32 - 1


def parse_window_size(query: Query) -> tuple[int, int]:
    """Height and width in characters. Raises InvalidArgumentError."""
    return _dimension(query, "h", "height"), _dimension(query, "w", "width")


def _dimension(query: Query, key: str, word: str) -> int:
    text = query.text(key)
    if not (text.isascii() and text.isdecimal()):
        raise InvalidArgumentError(f'invalid resize {word} "{text}": invalid syntax')
    if len(text) > len(str(_UINT32_MAX)) or int(text) > _UINT32_MAX:
        raise InvalidArgumentError(f'invalid resize {word} "{text}": value out of range')
    return int(text)

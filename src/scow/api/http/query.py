"""Request targets: path and query, decoded and read as Go's net/http and Docker's engine read them."""

import re
from urllib.parse import quote, unquote

from scow.errors import InvalidArgumentError

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
_AUTHORITY = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_FALSE = frozenset(("", "0", "no", "false", "none"))
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_CONFIDENTIAL = re.compile(r"(?<=[?&])(buildargs|remote|fromSrc)=[^&]*")
"""Parameters that passwords stand in: of proxies among build arguments, of addresses."""


class Query:
    """The parameters of a target. A repeated key is a list; where one value is wanted the first counts."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, list[str]]) -> None:
        self._values = values

    def text(self, key: str, default: str = "") -> str:
        """The first value of ``key``."""
        found = self._values.get(key)
        return found[0] if found else default

    def all(self, key: str) -> list[str]:
        """Every value of ``key``, in order."""
        return self._values.get(key, [])

    def boolean(self, key: str, default: bool = False) -> bool:
        """False for "", 0, no, false and none in any case; all else is true. ``default`` if not given."""
        found = self._values.get(key)
        return found[0].strip().lower() not in _FALSE if found else default

    def integer(self, key: str) -> int | None:
        """The number, None when it is empty or not given. Raises InvalidArgumentError, in Go's words."""
        text = self.text(key)
        if not text:
            return None
        if not _INTEGER.fullmatch(text):
            raise InvalidArgumentError(f'strconv.Atoi: parsing "{text}": invalid syntax')
        return int(text)

    def __contains__(self, key: str) -> bool:
        return key in self._values


EMPTY_QUERY = Query({})


def loggable_target(target: str) -> str:
    """A request's target as a log may have it: without the values that passwords stand in."""
    return _CONFIDENTIAL.sub(r"\1=…", target)


def parse_target(target: str) -> tuple[str, Query]:
    """The decoded path and the query of an origin-form or absolute-form target.

    Raises InvalidArgumentError for a bad percent escape, and for a target that is no path.
    """
    if not target.startswith("/"):
        found = _AUTHORITY.match(target)
        if found is None:
            raise InvalidArgumentError(f'invalid request target "{target[:100]}"')
        target = target[found.end() :]
        target = target if target.startswith("/") else "/" + target
    path, _, query = target.partition("?")
    return _unescape(path), (parse_query(query) if query else EMPTY_QUERY)


def parse_query(text: str) -> Query:
    """Read ``a=1&b=2``. Raises InvalidArgumentError for a bad percent escape."""
    values: dict[str, list[str]] = {}
    for part in text.split("&"):
        if part:
            key, _, value = part.partition("=")
            values.setdefault(_unescape_plus(key), []).append(_unescape_plus(value))
    return Query(values)


def clean_path(path: str) -> str:
    """``path`` without empty, ``.`` and ``..`` segments; a slash at the end stays."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    cleaned = "/" + "/".join(kept)
    return cleaned + "/" if kept and path.endswith("/") else cleaned


def escape_path(path: str) -> str:
    """``path`` as it may stand in a header."""
    return quote(path, safe="/:@!$&'()*+,;=~")


def _unescape_plus(text: str) -> str:
    return _unescape(text.replace("+", " "))


def _unescape(text: str) -> str:
    if "%" not in text and text.isascii():
        return text
    if found := _BAD_ESCAPE.search(text):
        raise InvalidArgumentError(f'invalid URL escape "{found[0]}"')
    # Clients may send UTF-8 unescaped; the head was read byte by byte.
    return unquote(text.encode("latin-1"), errors="replace") if not text.isascii() else unquote(text)

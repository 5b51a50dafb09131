"""The filters of ``docker search``: ``is-official``, ``stars``, and ``is-automated``, which nothing is now.

Pure.
"""

from collections.abc import Callable

from scow.distribution.search import SearchResult
from scow.errors import InvalidArgumentError
from scow.spec.filters import Filters

_KNOWN = ("is-automated", "is-official", "stars")
_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0"})


def search_filter(filters: Filters) -> Callable[[SearchResult], bool]:
    """Whether a result passes. Raises InvalidArgumentError in Docker's words."""
    filters.check(*_KNOWN)
    automated = _boolean(filters, "is-automated")
    official = _boolean(filters, "is-official")
    stars = max(map(_stars, filters.get("stars")), default=0)

    def passes(result: SearchResult) -> bool:
        if automated or (official is not None and result.is_official != official):
            return False
        return result.star_count >= stars

    return passes


def _boolean(filters: Filters, name: str) -> bool | None:
    values = filters.get(name)
    if not values:
        return None
    is_true, is_false = not _TRUE.isdisjoint(values), not _FALSE.isdisjoint(values)
    if is_true == is_false:
        raise InvalidArgumentError(f"invalid filter '{name}={values}'")
    return is_true


def _stars(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidArgumentError(f"invalid filter 'stars={text}'") from None

"""Which networks a list or a prune means. Pure.

Matching is Docker's: ``name`` and ``id`` are regular expressions, found anywhere; ``driver`` and ``scope``
are exact.
"""

from collections.abc import Callable

from scow.engine.networks.record import NetworkRecord, is_predefined
from scow.errors import InvalidArgumentError
from scow.spec.filters import Filters
from scow.spec.go_regexp import go_search

InUse = Callable[[NetworkRecord], bool]


def check_list_filters(filters: Filters) -> None:
    """Raises InvalidArgumentError with Docker's messages."""
    filters.check("dangling", "driver", "id", "label", "name", "scope", "type")
    dangling = filters.get("dangling")
    if len(dangling) > 1:
        raise InvalidArgumentError('got more than one value for filter key "dangling"')
    if dangling and dangling[0] not in ("0", "false", "1", "true"):
        raise InvalidArgumentError(
            'invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")'
        )
    for kind in filters.get("type"):
        if kind not in ("builtin", "custom"):
            raise InvalidArgumentError(f"invalid filter: 'type'='{kind}'")


def passes(record: NetworkRecord, filters: Filters, in_use: InUse) -> bool:
    """Whether a network is in a list. ``in_use``: it has running containers."""
    tests: dict[str, Callable[[str], bool]] = {
        "name": lambda value: _matches(value, record.name),
        "id": lambda value: _matches(value, record.id),
        "driver": lambda value: value == record.driver,
        "scope": lambda value: value == "local",
        "type": lambda value: (value == "builtin") == is_predefined(record.name),
        "dangling": lambda value: (value in ("1", "true")) == _is_dangling(record, in_use),
    }
    if not filters.match_labels(record.labels):
        return False
    return all(
        any(test(value) for value in filters.get(key)) for key, test in tests.items() if key in filters
    )


def _is_dangling(record: NetworkRecord, in_use: InUse) -> bool:
    return not is_predefined(record.name) and not in_use(record)


def _matches(pattern: str, text: str) -> bool:
    """What is no pattern still matches itself."""
    try:
        return pattern == text or go_search(pattern)(text)
    except ValueError:
        return False

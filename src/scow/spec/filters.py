"""The ``filters`` parameter of list, events and prune: keys with the values that pass.

Clients write it as ``{"label": ["a=b"]}`` or, following Go's encoder, as ``{"label": {"a=b": true}}``.
Source: Engine API documents; github.com/docker/docker/api/types/filters for the corner cases.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from scow.errors import InvalidArgumentError


class Filters:
    """Values by key, in the order given; never changes. Falsy when there are none."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Sequence[str]] | None = None) -> None:
        self._values = {key: tuple(items) for key, items in (values or {}).items()}

    def check(self, *allowed: str) -> None:
        """Raise InvalidArgumentError for a key that is not in ``allowed``."""
        for key in self._values:
            if key not in allowed:
                raise InvalidArgumentError(f"invalid filter '{key}'")

    def get(self, key: str) -> list[str]:
        """The values of ``key``; empty when it was not given."""
        return list(self._values.get(key, ()))

    def adding(self, key: str, value: str) -> "Filters":
        """A copy that has ``value`` among the values of ``key``."""
        return Filters({**self._values, key: (*self._values.get(key, ()), value)})

    def match_labels(self, labels: Mapping[str, str]) -> bool:
        """Whether ``labels`` has every ``label`` asked for and not every ``label!`` asked against."""
        if not all(_has_label(labels, wanted) for wanted in self._values.get("label", ())):
            return False
        unwanted = self._values.get("label!", ())
        return not unwanted or not all(_has_label(labels, text) for text in unwanted)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __bool__(self) -> bool:
        return bool(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filters) and self._values == other._values

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def __repr__(self) -> str:
        return f"Filters({self._values!r})"


def parse_filters(text: str) -> Filters:
    """Read either spelling; empty text is no filters. Raises InvalidArgumentError."""
    if not text:
        return Filters()
    try:
        decoded = msgspec.json.decode(text.encode("utf-8", "replace"), type=_WireFilters)
    except (msgspec.MsgspecError, RecursionError) as exc:
        raise InvalidArgumentError(f"invalid filter: {exc}") from exc
    return Filters({key: tuple(values or ()) for key, values in (decoded or {}).items()})


# The truth value in the second spelling says nothing: Go's side never reads it.
_WireFilters = dict[str, list[str] | dict[str, bool] | None] | None


def _has_label(labels: Mapping[str, str], wanted: str) -> bool:
    """``key`` asks for the key with any value, ``key=value`` for both."""
    key, equals, value = wanted.partition("=")
    return key in labels and (not equals or labels[key] == value)

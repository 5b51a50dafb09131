"""What all prunes share: which objects are meant, and that one prune runs at a time."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from scow.engine.timestamps import parse_past
from scow.errors import ConflictError, InvalidArgumentError
from scow.spec.filters import Filters


@dataclass(frozen=True, slots=True)
class Chosen:
    """The filters ``label``, ``label!`` and ``until``, read."""

    filters: Filters
    until_ns: int | None

    def includes(self, labels: Mapping[str, str], created_ns: int) -> bool:
        """Whether an object with these labels, made then, may go."""
        is_old = self.until_ns is None or created_ns <= self.until_ns
        return is_old and self.filters.match_labels(labels)


def read_chosen(filters: Filters, now_ns: int) -> Chosen:
    """Raises InvalidArgumentError with Docker's messages."""
    moments = filters.get("until")
    if len(moments) > 1:
        raise InvalidArgumentError("more than one until filter specified")
    return Chosen(filters, parse_past(moments[0], now_ns) if moments else None)


def read_switch(filters: Filters, key: str, default: bool) -> bool:
    """A filter that is a truth value. Raises InvalidArgumentError for none, or for both of them."""
    if key not in filters:
        return default
    values = filters.get(key)
    says_no = any(value in ("0", "false") for value in values)
    says_yes = any(value in ("1", "true") for value in values)
    if says_no == says_yes:
        raise InvalidArgumentError(f"invalid filter '{key}=[{' '.join(values)}]'")
    return says_yes


class OneAtATime:
    """Two prunes at once would count the same bytes twice."""

    def __init__(self) -> None:
        self._running = False

    @contextmanager
    def run(self) -> Iterator[None]:
        """For the time of one prune. Raises ConflictError while another runs."""
        if self._running:
            raise ConflictError("a prune operation is already running")
        self._running = True
        try:
            yield
        finally:
            self._running = False

"""What every driver that sends lines elsewhere is: a check of its options, and a destination for records."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from scow.logs.remote.records import Origin, Record


class Destination(Protocol):
    """Where the lines of one container go."""

    async def open(self) -> None:
        """Connect. Raises OSError."""

    async def send(self, records: Sequence[Record]) -> None:
        """Send them, in order; all of them anew after a failure and another ``open``. Raises OSError."""

    def close(self) -> None:
        """End the connection; what has been sent still arrives."""


@dataclass(frozen=True)
class RemoteDriver:
    """A driver by its options.

    ``check`` raises ``InvalidArgumentError`` with Docker's words. ``starts_without``: whether a container may
    start while the destination cannot be reached.
    """

    options: frozenset[str]
    check: Callable[[Mapping[str, str]], None]
    make: Callable[[Mapping[str, str], Origin], Destination]
    starts_without: Callable[[Mapping[str, str]], bool] = lambda _options: False

"""Objects that are made when somebody first wants something of them, with the imports that they need."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")


def deferred(make: Callable[[], T]) -> T:
    """What ``make`` returns, as far as its attributes go; ``make`` runs at the first use of one.

    For the event loop's thread only. If ``make`` raises, the next use tries again.
    """
    return cast("T", _Deferred(make))


class _Deferred:
    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make
        self._made: object | None = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            self._made = self._make()
        return getattr(self._made, name)

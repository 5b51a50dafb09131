"""Wait for a condition with a deadline; the tests never sleep for a fixed time and hope."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_INTERVAL_S = 0.02


def wait_until(condition: Callable[[], T], what: str, timeout_s: float = 20.0) -> T:
    """Return the first true value of ``condition``; fail with ``what`` when the time is up."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s in vain: {what}")
        time.sleep(_INTERVAL_S)
    return value

"""Wait for a condition with a deadline; the tests never sleep for a fixed time and hope."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 90.0
"""How long a test waits for what must come. Only one that fails waits so long, so it is long enough for a
machine that is several times slower or busy with other work."""
_INTERVAL_S = 0.02


def wait_until(condition: Callable[[], T], what: str, timeout_s: float = PATIENCE_S) -> T:
    """Return the first true value of ``condition``; fail with ``what`` when the time is up."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        # The clock is read after the condition was false, so that one look is not taken for the last.
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s in vain: {what}")
        time.sleep(_INTERVAL_S)
    return value

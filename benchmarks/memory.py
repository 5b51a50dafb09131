"""Memory of an engine's processes, each page by the share of those who have it (proc_pid_smaps(5))."""

import time

from benchmarks.engines import Engine
from tests.support.footprint import pss_kib

_SETTLES_S = 2.0


def settled_kib(engine: Engine) -> int:
    """PSS after two seconds without a request, which is when engines give memory back."""
    time.sleep(_SETTLES_S)
    return pss_kib(engine.daemon)

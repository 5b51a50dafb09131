"""Memory of an engine's processes, each page by the share of those who have it (proc_pid_smaps(5))."""

import time

from benchmarks.engines import Engine
from tests.support.footprint import QUIET_S, pss_kib


def settled_kib(engine: Engine) -> int:
    """PSS after a few seconds without a request, when scowd has given back what it can."""
    time.sleep(QUIET_S)
    return pss_kib(engine.daemon)

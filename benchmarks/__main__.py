"""``python -m benchmarks``: run cases by name, or ``all`` of them, and print a table.

list                 the cases
NAME...              these cases; ``networks-*`` takes all that begin so
all                  every case
--pairs N            pairs of each, however long they take
--quick              less work and fewer pairs: all cases in about ten minutes
--limit S            no case begins later than S seconds from the start
--table FILE         write the table there, too
"""

import argparse
import fnmatch
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.case import FULL, QUICK, BenchmarkError, Case, NotHereError
from benchmarks.catalogue import CASES
from benchmarks.engines import Engine, WorkError, both_engines
from benchmarks.pairs import measure
from benchmarks.report import HEAD, failure, rows
from tests.support.environment import reference_lacks, root_lacks

_FAILURES = (
    BenchmarkError,
    WorkError,
    AssertionError,
    OSError,
    LookupError,
    ValueError,
    subprocess.SubprocessError,
)


def main() -> int:
    """The exit status: 1 if a case failed."""
    options = _options()
    if options.names == ["list"]:
        print(*(f"{case.name:24} {case.summary}" for case in CASES), sep="\n")
        return 0
    if lacking := root_lacks() or reference_lacks():
        sys.exit(f"benchmarks: {lacking}")
    chosen = [case for case in CASES if any(_means(name, case) for name in options.names)]
    if not chosen:
        sys.exit("benchmarks: no case of that name; see: python -m benchmarks list")
    signal.signal(signal.SIGTERM, _end)
    return _run(chosen, options)


def _end(number: int, frame: object) -> None:
    """Asked to end: take the engines down first, as after an interrupt."""
    sys.exit(128 + number)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "benchmarks", None, __doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--limit", type=float, metavar="S")
    parser.add_argument("--table", type=Path, metavar="FILE")
    return parser.parse_args()


def _means(name: str, case: Case) -> bool:
    return name == "all" or fnmatch.fnmatch(case.name, name)


def _run(chosen: list[Case], options: argparse.Namespace) -> int:
    began, failed = time.monotonic(), False
    until = began + (options.limit or float("inf"))
    lines = [
        f"Load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors, {time.strftime('%F %R %Z')}.",
        "",
        HEAD,
    ]
    print(*lines, sep="\n", flush=True)
    for reference, cases in itertools.groupby(chosen, key=lambda case: case.reference):
        with both_engines(reference) as engines:
            for case in cases:
                if time.monotonic() > until:
                    found = [failure(case.name, f"not run: {options.limit:g} s are over")]
                else:
                    found, wrong = _table_of(case, engines, options, until)
                    failed = failed or wrong
                print(*found, sep="\n", flush=True)
                lines += found
                if options.table:
                    options.table.write_text("\n".join(lines) + "\n")
    print(f"\n{time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.1f}")
    return int(failed)


def _table_of(
    case: Case, engines: tuple[Engine, Engine], options: argparse.Namespace, until: float
) -> tuple[list[str], bool]:
    """The lines of a case, and whether it failed; one that fails does not stop the others."""
    scale = QUICK if options.quick else FULL
    try:
        found = measure(case, engines, scale, options.pairs or case.pairs(scale), until)
    except NotHereError as exc:
        return [failure(case.name, f"not run: {exc}")], False
    except _FAILURES as exc:
        for engine in engines:  # what a case that failed had no time to clear away
            engine.daemon.remove_containers()
        return [failure(case.name, f"failed: {type(exc).__name__}: {exc}")], True
    return rows(case.name, found), False


if __name__ == "__main__":
    sys.exit(main())

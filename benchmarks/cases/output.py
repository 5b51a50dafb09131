"""Output of containers: a million lines into the log, out of it, and through an attached command."""

import subprocess
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from benchmarks.case import Case, Sample, Scale, check
from benchmarks.engines import IMAGE, Engine

_FILL = "x" * 91
_LINES_AT_ONCE = 1000
_READ_SIZE = 1 << 18


def _writer(lines: int) -> list[str]:
    """A command that writes ``lines`` lines of 100 bytes."""
    return ["awk", f'BEGIN {{ for (i = 0; i < {lines}; i++) printf "%07d {_FILL}\\n", i }}']


@cache
def _checksum(lines: int) -> int:
    """Of what ``_writer`` writes."""
    found = 0
    for first in range(0, lines, _LINES_AT_ONCE):
        numbers = range(first, min(lines, first + _LINES_AT_ONCE))
        found = zlib.crc32("".join(f"{number:07d} {_FILL}\n" for number in numbers).encode(), found)
    return found


def _read(engine: Engine, lines: int, *words: str) -> float:
    """Seconds until a command has printed exactly the lines."""
    began = time.perf_counter()
    with subprocess.Popen(
        engine.command(*words), env=engine.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        found = 0
        while block := process.stdout.read(_READ_SIZE):
            found = zlib.crc32(block, found)
    took_s = time.perf_counter() - began
    check(process.returncode == 0 and found == _checksum(lines), f"{words[0]}: other lines")
    return took_s


@contextmanager
def _logs(engine: Engine, scale: Scale) -> Iterator[Sample]:
    _checksum(scale.log_lines)

    def sample() -> dict[str, float]:
        container = engine.create("", *_writer(scale.log_lines))
        began = time.perf_counter()
        engine.api("POST", f"/containers/{container}/start")
        ended = engine.api("POST", f"/containers/{container}/wait")
        wrote_s = time.perf_counter() - began
        check(ended["StatusCode"] == 0, f"the writer ended with {ended}")
        read_s = _read(engine, scale.log_lines, "logs", container)
        engine.remove(container)
        return {"written s": wrote_s, "read s": read_s, "both s": wrote_s + read_s}

    yield sample


@contextmanager
def _attached(engine: Engine, scale: Scale) -> Iterator[Sample]:
    words = ("run", "--rm", "--network", "none", IMAGE, *_writer(scale.log_lines))
    _checksum(scale.log_lines)
    yield lambda: {"s": _read(engine, scale.log_lines, *words)}


CASES = (
    Case("logs", "a million lines to a json-file log and back by docker logs", _logs, slow=True),
    Case("run-output", "the same lines through an attached docker run", _attached, slow=True),
)

"""What a case is, and how much work it gives to the engines."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from benchmarks.engines import Engine
from tests.support.daemons import Daemon, ReferenceDaemon

Sample = Callable[[], Mapping[str, float]]
"""One piece of measured work; figures by name, the last word of a name is the unit."""


class BenchmarkError(Exception):
    """An engine answered something else than what was asked of it."""


class NotHereError(Exception):
    """This machine lacks what the case needs."""


def check(condition: object, complaint: str) -> None:
    """Raise BenchmarkError unless ``condition`` holds."""
    if not condition:
        raise BenchmarkError(complaint)


@dataclass(frozen=True)
class Scale:
    """How much work there is. ``fast`` and ``slow`` are the numbers of pairs of short and long cases."""

    fast: int
    slow: int
    started: int
    """Containers that are started at once."""
    listed: int
    """Containers, and images, of the lists."""
    log_lines: int
    copied_files: int
    copied_mib: int
    layer_mib: int
    """Size of the image with one layer; the one with many has twenty of a twenty-fifth each."""
    image_files: int
    context_files: int
    traffic_s: int
    """How long each throughput is measured."""
    ports: int
    networks: int
    watched_s: int
    """How long an idle engine is watched."""


FULL = Scale(
    fast=7,
    slow=3,
    started=200,
    listed=500,
    log_lines=1_000_000,
    copied_files=5_000,
    copied_mib=190,
    layer_mib=250,
    image_files=20_000,
    context_files=20_000,
    traffic_s=3,
    ports=500,
    networks=50,
    watched_s=20,
)
QUICK = Scale(
    fast=5,
    slow=1,
    started=100,
    listed=100,
    log_lines=1_000_000,
    copied_files=5_000,
    copied_mib=190,
    layer_mib=125,
    image_files=20_000,
    context_files=20_000,
    traffic_s=2,
    ports=50,
    networks=20,
    watched_s=10,
)


@dataclass(frozen=True)
class Case:
    """``work`` sets an engine up, gives the sample to be taken again and again, and clears away.

    With ``alone`` only scowd is measured: there is nothing at dockerd to compare with, or nothing alike.
    ``reference`` is the dockerd to compare with.
    """

    name: str
    summary: str
    work: Callable[[Engine, Scale], AbstractContextManager[Sample]]
    slow: bool = False
    alone: bool = False
    reference: type[Daemon] = ReferenceDaemon

    def pairs(self, scale: Scale) -> int:
        """How often it is measured if nobody says otherwise."""
        return scale.slow if self.slow else scale.fast

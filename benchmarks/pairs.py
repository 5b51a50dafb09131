"""Giving a case to the engines in turns: A B, then B A, and so on, seconds from each other."""

import time
from collections.abc import Mapping
from contextlib import ExitStack

from benchmarks.case import Case, Sample, Scale
from benchmarks.engines import Engine
from benchmarks.figures import Figure, figures

PROCESSOR = "engine's processor ms"


def measure(
    case: Case, engines: tuple[Engine, Engine], scale: Scale, pairs: int, until: float
) -> list[Figure]:
    """``pairs`` pairs, fewer when ``until`` (time.monotonic) has passed after the first."""
    a, b = engines
    taken: dict[str, list[Mapping[str, float]]] = {a.kind: [], b.kind: []}
    with ExitStack() as stack:
        sides = [b] if case.alone else [a, b]
        samples = {side.kind: stack.enter_context(case.work(side, scale)) for side in sides}
        for number in range(pairs):
            if number and time.monotonic() > until:
                break
            for side in reversed(sides) if number % 2 else sides:
                taken[side.kind].append(_sample(side, samples[side.kind]))
    return figures(taken[a.kind], taken[b.kind])


def _sample(side: Engine, sample: Sample) -> Mapping[str, float]:
    before_s = side.processor_s()
    found = sample()
    return {**found, PROCESSOR: (side.processor_s() - before_s) * 1000}

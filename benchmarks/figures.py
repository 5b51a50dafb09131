"""From samples of pairs to the figures of a table: medians, ratios pair by pair. Nothing but arithmetic."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Samples = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class Figure:
    """One quantity of a case; ``ratios`` are B/A, pair by pair, none where only one side was measured."""

    name: str
    a: tuple[float, ...]
    b: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        return [b / a for a, b in zip(self.a, self.b, strict=False) if a > 0]


def figures(a: Samples, b: Samples) -> list[Figure]:
    """The quantities of a case, in the order in which the samples have them."""
    names = dict.fromkeys(name for sample in [*a, *b] for name in sample)
    return [Figure(name, _values(a, name), _values(b, name)) for name in names]


def _values(samples: Samples, name: str) -> tuple[float, ...]:
    return tuple(sample[name] for sample in samples if name in sample)


def summary(values: Sequence[float], digits: int = 2) -> str:
    """``median (least, most)``; ``-`` for no values."""
    if not values:
        return "-"
    middle = _number(statistics.median(values), digits)
    if len(values) == 1:
        return middle
    return f"{middle} ({_number(min(values), digits)}, {_number(max(values), digits)})"


def _number(value: float, digits: int) -> str:
    """Three digits that say something: 0.28, 65.3, 491."""
    if abs(value) < 0.1 and value:
        return f"{value:.3f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.{1 if abs(value) >= 10 else digits}f}"

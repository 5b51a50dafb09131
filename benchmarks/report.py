"""The table that is printed: a line a figure, as docs/benchmarks.md has them."""

from collections.abc import Sequence

from benchmarks.figures import Figure, summary

HEAD = """\
| case | figure | dockerd | scowd | B/A: median of the pairs (min, max) | pairs |
|---|---|---|---|---|---|"""


def rows(case: str, found: Sequence[Figure]) -> list[str]:
    """The lines of one case."""
    return [
        f"| {case} | {figure.name} | {summary(figure.a)} | {summary(figure.b)} "
        f"| {summary(figure.ratios)} | {max(len(figure.a), len(figure.b))} |"
        for figure in found
    ]


def failure(case: str, reason: str) -> str:
    """The line of a case that could not be measured."""
    return f"| {case} | **{' '.join(reason.split())[:300]}** | | | | 0 |"

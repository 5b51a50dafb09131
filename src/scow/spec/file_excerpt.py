"""Lines of a file as they are shown to whoever wrote them. Pure."""

from collections.abc import Sequence

_CONTEXT_LINES = 2
_MAX_SHOWN = 200


def file_excerpt(name: str, lines: Sequence[str], first_line: int, last_line: int) -> str:
    """The lines around those from ``first_line`` to ``last_line`` (from 1), with marks before these."""
    shown = [f"{name}:{first_line}", "-" * 20]
    for number in range(max(1, first_line - _CONTEXT_LINES), min(len(lines), last_line + _CONTEXT_LINES) + 1):
        mark = ">>>" if first_line <= number <= last_line else "   "
        line = lines[number - 1].rstrip("\r")
        cut = line if len(line) <= _MAX_SHOWN else f"{line[:_MAX_SHOWN]}…"
        shown.append(f"{number:4} | {mark} {cut}".rstrip())
    return "\n".join([*shown, "-" * 20])

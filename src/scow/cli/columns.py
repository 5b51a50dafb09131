"""Columns in line, as Go's text/tabwriter makes them; the plain tables need no more than this."""

from scow.cli.units import display_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# tabwriter.NewWriter(out, 10, 1, 3, ' ', 0)
_MIN_WIDTH = 10
_PADDING = 3


def align(texts: "Iterable[str]", *, min_width: int = _MIN_WIDTH, padding: int = _PADDING) -> str:
    """Pad tab-terminated cells so that each column of neighbouring lines has one width (elastic tabstops).

    What follows the last tab of a line is in no column: it is neither padded nor counted.
    """
    text = "".join(texts).replace("\f", "\n").replace("\v", "\t")
    lines = [line.split("\t") for line in text.split("\n")]
    widths = [[0] * (len(cells) - 1) for cells in lines]
    for column in range(max(map(len, widths))):
        first = 0
        while first < len(lines):
            end = first
            while end < len(lines) and len(widths[end]) > column:
                end += 1
            if end > first:
                wanted = max(display_width(lines[row][column]) for row in range(first, end)) + padding
                for row in range(first, end):
                    widths[row][column] = max(wanted, min_width)
            first = max(end, first + 1)
    return "\n".join(
        "".join(
            cell + " " * (width - display_width(cell)) for cell, width in zip(cells, padded, strict=False)
        )
        + cells[-1]
        for cells, padded in zip(lines, widths, strict=True)
    )

"""Examples of the guides: the indented blocks of a page below one of its headings."""

import textwrap
from collections.abc import Iterator

from tests.support.environment import PROJECT


def examples(page: str, heading: str = "") -> list[str]:
    """The blocks of ``docs/<page>`` below ``heading``, or above the first one, without their indentation."""
    found: list[str] = []
    block: list[str] = []
    for line in [*_below(page, heading), "end"]:
        if line.startswith("    ") or (block and not line):
            block.append(line)
        elif block:
            found.append(textwrap.dedent("\n".join(block)).strip("\n") + "\n")
            block = []
    return found


def _below(page: str, heading: str) -> Iterator[str]:
    here = not heading
    for line in _lines(page):
        if line.startswith("## "):
            here = line == f"## {heading}"
        elif here:
            yield line


def headings(page: str) -> list[str]:
    """Those below the title, with "" for what stands before the first."""
    return ["", *(line.removeprefix("## ") for line in _lines(page) if line.startswith("## "))]


def _lines(page: str) -> list[str]:
    return (PROJECT / "docs" / page).read_text().splitlines()

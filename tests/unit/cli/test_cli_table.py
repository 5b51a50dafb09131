"""Columns in line, as text/tabwriter makes them with docker/cli's settings."""

import pytest

from scow.cli.columns import align
from scow.cli.table import render_rows


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\n", "a         b\n"),
        ("a\tb\nlonger than ten\tc\n", "a                 b\nlonger than ten   c\n"),
        ("a\tb\n\nlonger than ten\tc\n", "a         b\n\nlonger than ten   c\n"),
        ("a\tb\tc\nx\ty\nu\tv\tw\n", "a         b         c\nx         y\nu         v         w\n"),
        ("日本語日本語\tb\nx\tc\n", "日本語日本語   b\nx              c\n"),
        ("e\u0301\tb\n", "e\u0301         b\n"),
        ("plain", "plain"),
        ("", ""),
        ("a\t\n", "a         \n"),
    ],
)
def test_cells_before_a_tab_are_padded(text: str, shown: str) -> None:
    assert align([text]) == shown


def test_a_table_without_rows_is_its_header() -> None:
    assert render_rows("table {{.ID}}\t{{.Name}}", [], {"ID": "ID", "Name": "NAME"}) == "ID        NAME\n"


def test_without_table_nothing_is_printed_for_no_rows() -> None:
    assert render_rows("{{.ID}}", [], {}) == ""


def test_a_column_without_a_header_has_none() -> None:
    assert render_rows("table {{.ID}}\t{{.X}}", [{"ID": "1", "X": "2"}], {"ID": "ID"}) == (
        "ID        <no value>\n1         2\n"
    )

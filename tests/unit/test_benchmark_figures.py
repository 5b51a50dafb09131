"""The arithmetic of the benchmarks, and that the documentation has a command for what there is."""

import re

from benchmarks.catalogue import CASES
from benchmarks.figures import figures, summary
from benchmarks.report import failure, rows
from tests.support.environment import PROJECT


def test_ratios_are_taken_pair_by_pair() -> None:
    (found,) = figures([{"ms": 10.0}, {"ms": 20.0}, {"ms": 40.0}], [{"ms": 5.0}, {"ms": 20.0}, {"ms": 10.0}])
    assert found.ratios == [0.5, 1.0, 0.25]
    assert rows("x", [found]) == [
        "| x | ms | 20.0 (10.0, 40.0) | 10.0 (5.00, 20.0) | 0.50 (0.25, 1.00) | 3 |"
    ]


def test_what_one_side_alone_has_needs_no_ratio() -> None:
    found = figures([], [{"ms": 1.0, "MB": 200.0}])
    assert [(figure.name, figure.ratios) for figure in found] == [("ms", []), ("MB", [])]
    assert rows("x", found)[1] == "| x | MB | - | 200 | - | 1 |"


def test_a_side_that_took_nothing_gives_no_ratio() -> None:
    (found,) = figures([{"KiB": 0.0}, {"KiB": 10.0}], [{"KiB": 3.0}, {"KiB": 1.0}])
    assert found.ratios == [0.1]
    assert summary(found.ratios) == "0.10"


def test_small_numbers_keep_their_digits() -> None:
    assert summary([0.0123, 0.0456, 123.4]) == "0.046 (0.012, 123)"


def test_a_failure_is_one_line() -> None:
    assert failure("x", "failed:\n  because") == "| x | **failed: because** | | | | 0 |"


def test_every_case_is_named_in_the_documentation_and_no_other() -> None:
    text = (PROJECT / "docs/benchmarks.md").read_text()
    commands = re.findall(r"-m benchmarks ([^`\n]*)", text)
    named = {
        word for command in commands for word in command.split() if re.fullmatch(r"[a-z]+(-[a-z]+)*", word)
    }
    assert named - {"all", "list"} == {case.name for case in CASES}

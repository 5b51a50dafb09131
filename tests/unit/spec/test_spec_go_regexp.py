"""Patterns of filters: as Go reads them, and in time that grows with the text."""

import re
import time

import pytest

from scow.spec.go_regexp import go_search


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("web", ["web", "my-web-1"], ["wep", ""]),
        ("^web", ["web-1"], ["my-web"]),
        ("^/web$", ["/web"], ["web", "/web1", "/web\n"]),
        ("1$", ["web-1"], ["1-web", "web-1\n"]),
        ("", ["", "web"], []),
        ("^$", [""], ["web"]),
        ("w.b", ["my-web"], ["wb"]),
        ("^(web|db)[0-9]+$", ["web1", "db22"], ["web", "adb2"]),
        (r"^\pL+\z", ["größe"], ["a1"]),
        ("(?i)WEB", ["web"], ["w"]),
        ("^.$", ["ü", "\udcff"], ["ab"]),
    ],
)
def test_what_has_a_match_and_what_has_none(pattern: str, matching: list[str], other: list[str]) -> None:
    has_match = go_search(pattern)
    assert [text for text in [*matching, *other] if has_match(text)] == matching


@pytest.mark.parametrize("pattern", ["(", "a**", "[z-a]", r"(a)\1", "(?=a)", "a{1001}"])
def test_what_go_does_not_take_for_a_pattern(pattern: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        go_search(pattern)
    assert capfd.readouterr() == ("", "")


def test_a_pattern_that_can_match_in_many_ways_takes_no_longer() -> None:
    text = "a" * 3_000 + "b"
    began_s = time.thread_time()
    assert not go_search("^(a+)+$")(text)
    assert not go_search("(.*a){20}c")(text)
    assert time.thread_time() - began_s < 2
    assert re.compile("^(a+)+$").search("a" * 15 + "b") is None  # each letter more takes Python twice as long

"""Word expansion against BuildKit's own test vectors (``tests/golden/dockerfile/shell``)."""

import time
from pathlib import Path

import pytest

from scow.errors import InvalidArgumentError
from scow.spec.shell_words import Lexing, expand, expand_words

_VECTORS = Path(__file__).parent / "dockerfile" / "shell"
_VARIABLES = {"PWD": "/home", "SHELL": "bash", "KOREAN": "한국어", "NULL": ""}


def _lines(name: str) -> list[str]:
    lines = (_VECTORS / name).read_text().split("\n")
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("line", [it for it in _lines("envVarTest") if it[0] in "AU"])
def test_a_word_is_expanded_as_by_the_official_front_end(line: str) -> None:
    _, word, expected = (part.strip() for part in line.split("|"))
    if expected == "error":
        with pytest.raises(InvalidArgumentError):
            expand(word, _VARIABLES)
    else:
        assert expand(word, _VARIABLES) == expected


def test_a_line_is_split_as_by_the_official_front_end() -> None:
    variables: dict[str, str] = {}
    for line in _lines("wordsTest"):
        if line.startswith("ENV "):
            name, _, value = line[4:].lstrip(" ").partition("=")
            variables[name] = value
            continue
        text, expected = line.split(" | ")
        text = text.strip() if not text.endswith(" ") else text.rstrip(" ") + " " * 3
        if expected == "error":
            with pytest.raises(InvalidArgumentError):
                expand_words(text.strip(), variables)
        else:
            assert expand_words(text.strip(), variables) == expected.split(","), text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${p#*/}", "b/c.tar.gz"),
        ("${p##*/}", "c.tar.gz"),
        ("${p%.*}", "a/b/c.tar"),
        ("${p%%.*}", "a/b/c"),
        ("${p/b/X}", "a/X/c.tar.gz"),
        ("${p//a/X}", "X/b/c.tXr.gz"),
        ("${p//\\//-}", "${p//\\//-}"),
        ("${p/?/X}", "X/b/c.tar.gz"),
        ("${none#x}", ""),
        ("${star#\\*}", "b"),
    ],
)
def test_prefixes_suffixes_and_replacements(text: str, expected: str) -> None:
    variables = {"p": "a/b/c.tar.gz", "star": "*b"}
    if expected == text:
        with pytest.raises(InvalidArgumentError):
            expand(text, variables)
    else:
        assert expand(text, variables) == expected


def test_what_is_not_set_can_be_kept_or_told() -> None:
    told: list[str] = []
    assert expand("$a ${b} ${c:-d}", {}, Lexing(keep_unset=True), told.append) == "$a ${b} ${c:-d}"
    assert told == ["a", "b", "c"]
    assert expand("'$a' \"x\"", {"a": "1"}, Lexing(quotes_plain=True)) == "'1' \"x\""


def test_a_word_of_a_million_letters_takes_no_longer_than_its_letters() -> None:
    """A program's text without blanks in a heredoc; everybody waits for the loop that it is read on."""
    letters = "x" * 1_000_000
    began_s = time.process_time()
    assert expand(f"{letters}${{a}}{letters}", {"a": "-"}) == f"{letters}-{letters}"
    assert expand_words(f"{letters} ${{a:-{letters}}}", {}) == [letters, letters]
    assert (
        time.process_time() - began_s < 10
    )  # minutes, where each letter is put to a copy of those before it

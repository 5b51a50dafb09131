"""``.dockerignore``: Docker's rules, case by case."""

import pytest

from scow.errors import InvalidArgumentError
from scow.spec.ignore_rules import parse_ignore_file


@pytest.mark.parametrize(
    ("text", "path", "ignored"),
    [
        ("node_modules", "node_modules/a/b.js", True),
        ("node_modules", "src/node_modules/b.js", False),
        ("**/node_modules", "src/node_modules/b.js", True),
        ("*.key", "a.key", True),
        ("*.key", "x/a.key", False),
        ("**/*.key", "x/y/a.key", True),
        (".env.*", ".env.local", True),
        ("logs/", "logs/today", True),
        ("/logs", "logs/today", True),
        ("*\n!README.md", "README.md", False),
        ("*\n!README.md", "other.md", True),
        ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", True),
        ("docs\n!docs/keep.txt", "docs/keep.txt", False),
        ("docs\n!docs/keep.txt", "docs/other.txt", True),
        ("# docs\n\n  \n  temp?  ", "tempa", True),
        ("temp?", "temp/", False),
        ("a/**/z", "a/b/c/z", True),
        ("a/**/z", "a/z", True),
        ("a/**", "a/b/c", True),
        ("a/**", "a", False),
        ("[a-c].txt", "b.txt", True),
        ("[^a-c].txt", "b.txt", False),
        ("! docs/x\ndocs", "docs/x", True),
        ("\ufeffsecret", "secret", True),
        ("foo/../bar", "bar", True),
        (r"\!important", "!important", True),
    ],
)
def test_the_last_rule_that_matches_decides(text: str, path: str, ignored: bool) -> None:
    assert parse_ignore_file(text).ignores(path) is ignored


def test_a_folder_is_left_out_only_if_nothing_in_it_may_come_back() -> None:
    rules = parse_ignore_file("docs\nvendor\n!docs/keep")
    assert rules.may_hold_included("docs")
    assert not rules.may_hold_included("vendor")
    assert parse_ignore_file("vendor\n!**/keep").may_hold_included("vendor")


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="syntax error in pattern"):
        parse_ignore_file("[a-")

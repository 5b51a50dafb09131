"""Documents do not drift: their links lead somewhere, and what they say about options is so."""

import re
from pathlib import Path

import pytest

from scow.config import options
from tests.support.environment import PROJECT

_NOT_LETTERS = re.compile("[^a-z]+", re.I)
_CHANGES = re.compile(r'…|"[^"]*"|unix://\S+|linux/\S+|\bx\b|default$|[:;(]')
# Said by the runtime, and by the programs that a step runs.
_OF_OTHERS = {"exec format error", 'exec: "/bin/sh": … no such file or directory'}
PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_page_can_be_reached_from_the_list_of_documents() -> None:
    listed = (PROJECT / "docs" / "README.md").read_text()
    for page in (PROJECT / "docs").rglob("*.md"):
        if page.name != "README.md":
            assert str(page.relative_to(PROJECT / "docs")) in listed


def test_the_architecture_page_has_the_tables_rooms() -> None:
    text = (PROJECT / "docs" / "development" / "architecture.md").read_text()
    rooms = {path.parent.name for path in (PROJECT / "src" / "scow").glob("*/__init__.py")} - {"api"}
    for room in rooms:
        assert f"`{room}`" in text


def test_options_that_the_reference_names_exist() -> None:
    known = set(options.BY_FLAG)
    text = (PROJECT / "docs" / "reference" / "daemon.md").read_text()
    for name in re.findall(r"^\| .*?`--([a-z-]+)`", text, re.M):
        assert name in known | {"validate", "config-file"}


def test_messages_that_are_explained_are_said_somewhere() -> None:
    """Those of the first columns of "when something goes wrong", without what is not the same each time."""
    text = "".join(path.read_text() for path in (PROJECT / "src").rglob("*.py"))
    said = _NOT_LETTERS.sub("", text)
    page = (PROJECT / "docs" / "guides" / "troubleshooting.md").read_text()
    rows = [row.split(" | ")[0] for row in page.splitlines() if row.startswith("| `")]
    messages = [message for row in rows for message in re.findall("`([^`]+)`", row)]
    assert len(messages) > 20
    for message in set(messages) - _OF_OTHERS:
        longest = max(_CHANGES.split(message), key=len)
        assert _NOT_LETTERS.sub("", longest) in said, message

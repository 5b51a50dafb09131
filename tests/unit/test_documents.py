"""Documents do not drift: their links lead somewhere, and what they say about options is so."""

import re
from pathlib import Path

import pytest

from scow.config import options
from tests.support.environment import PROJECT

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

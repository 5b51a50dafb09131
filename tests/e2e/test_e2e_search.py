"""``search`` in an index of our own."""

from collections.abc import Iterator

import pytest

from tests.support.clients import Client
from tests.support.namespaces import serving

pytestmark = pytest.mark.reference

_PORT = 5090


@pytest.fixture(scope="module")
def index(client: Client) -> Iterator[str]:
    with serving(client.daemon.namespace, "index_server", _PORT) as address:
        yield address


def test_what_is_found_is_listed(client: Client, index: str) -> None:
    lines = client("search", f"{index}/app").lines
    assert [line.split()[0] for line in lines] == ["NAME", "team/app", "app"]
    assert lines[0].split() == ["NAME", "DESCRIPTION", "STARS", "OFFICIAL"]
    assert lines[2].split() == ["app", "The", "app", "12", "[OK]"]
    assert "An app of ours" in lines[1]
    assert "…" in lines[1]
    assert "x" * 60 in client("search", "--no-trunc", f"{index}/app").out


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["-f", "is-official=true"], ["app"]),
        (["-f", "is-official=false"], ["team/app"]),
        (["-f", "stars=4"], ["app"]),
        (["-f", "stars=2", "-f", "stars=100"], []),
        (["--limit", "1"], ["team/app"]),
    ],
)
def test_filters_and_limits(client: Client, index: str, options: list[str], names: list[str]) -> None:
    found = client.text("search", *options, "--format", "{{.Name}}", f"{index}/app")
    assert found.splitlines() == names


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--limit", "101"], "101 is outside the range of [1, 100]"),
        (["-f", "stars=many"], "invalid filter 'stars=many'"),
        (["-f", "color=red"], "color"),
    ],
)
def test_what_makes_no_sense(client: Client, index: str, options: list[str], words: str) -> None:
    assert words.lower() in client("search", *options, f"{index}/app", code=1).err.lower()


def test_a_scheme_is_no_part_of_a_name(client: Client) -> None:
    err = client("search", "https://x/app", code=1).err
    assert "should not have a scheme" in err or "Invalid repository name" in err


def test_an_answer_that_is_none(client: Client, index: str) -> None:
    assert client("search", f"{index}/junk", code=1).err


def test_nobody_answers(client: Client) -> None:
    assert client("search", "127.0.0.1:5999/app", code=1).err

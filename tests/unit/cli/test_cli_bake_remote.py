"""Where definitions are that are elsewhere, and what their paths mean there."""

import pytest

from scow.cli.bake.remote import below, take_addresses
from scow.cli.exits import CommandError

HTTPS = "https://h/a.git"


@pytest.mark.parametrize(
    ("address", "path", "found"),
    [
        (HTTPS, ".", HTTPS),
        (HTTPS, "sub", f"{HTTPS}#:sub"),
        (f"{HTTPS}#main", "sub/./x/..", f"{HTTPS}#main:sub"),
        (f"{HTTPS}#main:part", "sub", f"{HTTPS}#main:part/sub"),
        ("git@h:a", "/sub", "git@h:a#:sub"),
        ("https://h/a.tar", ".", "https://h/a.tar"),
    ],
)
def test_a_path_is_below_the_address(address: str, path: str, found: str) -> None:
    assert below(address, path) == found


def test_a_folder_of_an_archive_has_no_address() -> None:
    with pytest.raises(CommandError, match="folders of archives cannot be contexts"):
        below("https://h/a.tar", "sub")


@pytest.mark.parametrize(
    ("words", "address", "context", "targets"),
    [
        ([], "", "cwd://", []),
        (["app", HTTPS], "", "cwd://", ["app", HTTPS]),
        ([HTTPS], HTTPS, "cwd://", []),
        ([HTTPS, "app", "b"], HTTPS, "cwd://", ["app", "b"]),
        ([HTTPS, "git@h:b", "app"], HTTPS, "git@h:b", ["app"]),
    ],
)
def test_addresses_come_before_targets(
    words: list[str], address: str, context: str, targets: list[str]
) -> None:
    assert take_addresses(words) == (address, context, targets)

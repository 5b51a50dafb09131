"""Tags that are right at first sight are right by the grammar, too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.cli.building.refusals import is_plain
from scow.spec.reference import parse_reference


@pytest.mark.parametrize(
    "tag", ["a", "web:1", "web:1.2.3", "me/my-app:latest", "localhost/a/b", "a--b", "9:9"]
)
def test_what_people_write_is_plain(tag: str) -> None:
    assert is_plain(tag)


@given(
    st.text("aZ9-./:_@é", max_size=12) | st.from_regex(r"[a-z0-9-]{1,9}(/[a-z9-]{1,9})?(:[a-z0-9.-]{0,5})?")
)
def test_no_plain_tag_is_wrong(tag: str) -> None:
    if is_plain(tag):
        parse_reference(tag)

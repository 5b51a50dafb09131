"""Percent-encoding as Go's."""

import pytest

from scow.api.client.url_text import encode_query, escape_path


def test_paths_keep_slashes_and_colons() -> None:
    assert escape_path("/images/host:5000/a b/c@sha256:1/json?#%") == (
        "/images/host:5000/a%20b/c@sha256:1/json%3F%23%25"
    )


def test_queries_are_sorted_and_repeated_keys_keep_their_order() -> None:
    assert encode_query([("b", "x y"), ("a", "ü&="), ("b", "1")]) == "?a=%C3%BC%26%3D&b=x+y&b=1"


@pytest.mark.parametrize("pairs", [[], ()])
def test_no_pairs_make_no_query(pairs: list[tuple[str, str]]) -> None:
    assert encode_query(pairs) == ""

"""``WWW-Authenticate`` as registries write it, well and badly."""

import pytest

from scow.distribution.challenge import Challenge, parse_challenges

BEARER = 'Bearer realm="https://auth/token",service="reg",scope="repository:a/b:pull,push"'


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Basic realm="x"', [Challenge("basic", {"realm": "x"})]),
        ("basic", [Challenge("basic")]),
        (
            BEARER,
            [
                Challenge(
                    "bearer",
                    {"realm": "https://auth/token", "service": "reg", "scope": "repository:a/b:pull,push"},
                )
            ],
        ),
        (r'Bearer realm="a\"b" , service=c', [Challenge("bearer", {"realm": 'a"b', "service": "c"})]),
        (
            'Basic realm="x", Bearer realm="y"',
            [Challenge("basic", {"realm": "x"}), Challenge("bearer", {"realm": "y"})],
        ),
        ('BEARER Realm="x",realm="y"', [Challenge("bearer", {"realm": "x"})]),
        ("", []),
        ('"', []),
    ],
)
def test_what_is_read(header: str, expected: list[Challenge]) -> None:
    assert parse_challenges([header]) == expected


def test_a_header_without_end_is_read_to_a_bound() -> None:
    assert parse_challenges(["Basic " + 'a="b", ' * 100_000])[0].parameters == {"a": "b"}

import pytest

from scow.spec.api_version import ApiVersion, parse_api_version


@pytest.mark.parametrize(
    ("text", "version"),
    [("1.41", (1, 41)), ("1.5", (1, 5)), ("1", (1, 0)), ("", (0, 0)), ("1.44.3", (1, 44)), ("1..2", (1, 0))],
)
def test_versions_are_numbers_with_dots(text: str, version: tuple[int, int]) -> None:
    assert parse_api_version(text) == version


def test_versions_are_ordered_by_number() -> None:
    assert parse_api_version("1.9") < parse_api_version("1.24") < (1, 55)
    assert str(ApiVersion(1, 9)) == "1.9"


def test_absurd_lengths_are_just_large() -> None:
    assert parse_api_version("1." + "9" * 10_000) > ApiVersion(1, 999_999)

"""Sizes, durations and widths, with the cases of docker/go-units' own tests."""

import pytest

from scow.cli import units
from scow.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0B"),
        (1000, "1kB"),
        (1024, "1.024kB"),
        (1000000, "1MB"),
        (1048576, "1.049MB"),
        (2 * 1000**2, "2MB"),
        (3.42 * 1000**3, "3.42GB"),
        (5.372 * 1000**4, "5.372TB"),
        (2.22 * 1000**5, "2.22PB"),
        (1e28, "1e+04YB"),
    ],
)
def test_human_size_counts_in_thousands(size: float, shown: str) -> None:
    assert units.human_size(size) == shown


def test_human_size_takes_a_precision() -> None:
    assert units.human_size(187_654_321, 3) == "188MB"
    assert units.human_size(999_900, 3) == "1e+03kB"


@pytest.mark.parametrize(
    ("size", "shown"), [(0, "0B"), (1024, "1KiB"), (1048576, "1MiB"), (3.42 * 1024**3, "3.42GiB")]
)
def test_bytes_size_counts_in_powers_of_two(size: float, shown: str) -> None:
    assert units.bytes_size(size) == shown


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("32", 32),
        ("32b", 32),
        ("32k", 32 * 1024),
        ("32K", 32 * 1024),
        ("32kb", 32 * 1024),
        ("32Kib", 32 * 1024),
        ("32Mb", 32 * 1024**2),
        ("32Gb", 32 * 1024**3),
        ("32Tb", 32 * 1024**4),
        ("32Pb", 32 * 1024**5),
        ("32.5kB", 33280),
        ("32.5 kB", 33280),
        ("0.5g", 512 * 1024**2),
        ("1e3", 1000),
        (".3kB", 307),
        ("32 ", 32),
    ],
)
def test_ram_sizes_are_read(text: str, size: int) -> None:
    assert units.ram_in_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "invalid size: ''"),
        ("hello", "invalid size: 'hello'"),
        ("-32", "invalid size: '-32'"),
        (".", 'strconv.ParseFloat: parsing ".": invalid syntax'),
        ("32m b", 'strconv.ParseFloat: parsing "32m": invalid syntax'),
        ("32bm", "invalid suffix: 'bm'"),
        ("32mm", "invalid suffix: 'mm'"),
        ("32XB", "invalid suffix: 'xb'"),
        ("32kbyte", "invalid suffix: 'kbyte'"),
    ],
)
def test_what_is_no_size_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        units.ram_in_bytes(text)
    assert str(caught.value) == complaint


def test_human_sizes_are_read_in_thousands() -> None:
    assert units.from_human_size("1.5MB") == 1_500_000


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("t🐳ststring", 0, ""),
        ("t🐳ststring", 1, "t"),
        ("t🐳ststring", 2, "t…"),
        ("t🐳ststring", 6, "t🐳st…"),
        ("t🐳ststring", 20, "t🐳ststring"),
        ("你好世界teststring", 0, ""),
        ("你好世界teststring", 1, "你"),
        ("你好世界teststring", 3, "你…"),
        ("你好世界teststring", 6, "你好…"),
        ("你好世界teststring", 20, "你好世界teststring"),
        ("plain words", 6, "plain…"),
        ("plain", 5, "plain"),
    ],
)
def test_long_text_ends_in_an_ellipsis(text: str, width: int, shown: str) -> None:
    assert units.ellipsis(text, width) == shown


@pytest.mark.parametrize(
    ("identifier", "shown"),
    [
        ("sha256:0123456789abcdef", "0123456789ab"),
        ("0123456789abcdef", "0123456789ab"),
        ("abc", "abc"),
        ("", ""),
    ],
)
def test_ids_are_shortened_to_twelve(identifier: str, shown: str) -> None:
    assert units.truncate_id(identifier) == shown

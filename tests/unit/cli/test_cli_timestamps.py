"""--since and --until, with the cases of moby's api/types/time."""

import calendar
import time
from collections.abc import Iterator

import pytest

from scow.cli.timestamps import format_local_time, parse_moment
from scow.errors import InvalidArgumentError

_NOW = float(calendar.timegm((2024, 5, 1, 12, 0, 0))) + 0.25


@pytest.fixture(autouse=True)
def _two_hours_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "XXX-2")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("2006-01-02T15:04:05.999999999+07:00", "1136189045.999999999"),
        ("2006-01-02T15:04:05.999999999Z", "1136214245.999999999"),
        ("2006-01-02T15:04:05.999999999", "1136207045.999999999"),
        ("2006-01-02T15:04:05Z", "1136214245.000000000"),
        ("2006-01-02T15:04:05-07:00", "1136239445.000000000"),
        ("2006-01-02T15:04:05", "1136207045.000000000"),
        ("2006-01-02T15:04Z", "1136214240.000000000"),
        ("2006-01-02T15:04", "1136207040.000000000"),
        ("2006-01-02T15Z", "1136214000.000000000"),
        ("2006-01-02T15", "1136206800.000000000"),
        ("2006-01-02Z", "1136160000.000000000"),
        ("2006-01-02", "1136152800.000000000"),
        ("2024-02-29", "1709157600.000000000"),
        ("1136073600", "1136073600"),
        ("1136073600.000000001", "1136073600.000000001"),
        ("0", "0"),
        ("10m", str(int(_NOW) - 600)),
        ("-10m", str(int(_NOW) + 600)),
        ("1h30m", str(int(_NOW) - 5400)),
        ("500ms", str(int(_NOW) - 1)),
    ],
)
def test_moments_are_sent_as_docker_sends_them(text: str, sent: str) -> None:
    assert parse_moment(text, _NOW) == sent


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("invalid", 'failed to parse value as time or duration: "invalid"'),
        ("", 'failed to parse value as time or duration: ""'),
        ("1.x", 'failed to parse value as time or duration: "1.x"'),
        ("2006-13-02", 'parsing time "2006-13-02" as "2006-01-02": month out of range'),
        ("2023-02-29", 'parsing time "2023-02-29" as "2006-01-02": day out of range'),
        (
            "2006-01-02T25:04:05",
            'parsing time "2006-01-02T25:04:05" as "2006-01-02T15:04:05": hour out of range',
        ),
        ("a-b", 'parsing time "a-b" as "2006-01-02": cannot parse "a-b" as "2006"'),
        ("2006-01-02x", 'parsing time "2006-01-02x" as "2006-01-02": extra text: "x"'),
    ],
)
def test_what_is_no_moment_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_moment(text, _NOW)
    assert str(caught.value) == complaint


def test_local_times_print_as_in_go() -> None:
    assert format_local_time(1136214245) == "2006-01-02 17:04:05 +0200 XXX"

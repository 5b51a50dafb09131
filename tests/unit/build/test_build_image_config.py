"""Times in an image's history when a time is given."""

import pytest

from scow.build.image_config import no_later_than
from scow.spec.oci_image import History

EPOCH = "2020-09-13T12:26:40Z"


@pytest.mark.parametrize(
    ("created", "found"),
    [
        ("2019-01-01T00:00:00.123456789Z", "2019-01-01T00:00:00.123456789Z"),
        ("2023-01-01T00:00:00Z", EPOCH),
        ("2020-09-13T14:26:40.1+02:00", EPOCH),
        ("", EPOCH),
        ("yesterday", EPOCH),
        ("2019-01-01T00:00:00", EPOCH),
    ],
)
def test_no_entry_is_later_than_the_given_time(created: str, found: str) -> None:
    (entry,) = no_later_than([History(created=created, created_by="x")], 1_600_000_000)
    assert (entry.created, entry.created_by) == (found, "x")

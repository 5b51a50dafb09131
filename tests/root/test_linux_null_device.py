"""The /dev/null that can be given away."""

import os

import pytest

from scow.linux.null_device import open_read_only_null


def test_it_is_the_null_device_and_cannot_be_changed() -> None:
    before = os.stat("/dev/null")
    null = open_read_only_null()
    try:
        assert os.fstat(null).st_rdev == before.st_rdev
        assert os.read(null, 1) == b""
        with pytest.raises(OSError, match="Read-only"):
            os.fchown(null, 12345, 12345)
        with pytest.raises(OSError, match="Read-only"):
            os.fchmod(null, 0o600)
        after = os.stat("/dev/null")
        assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    finally:
        os.close(null)

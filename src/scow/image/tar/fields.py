"""What the fields of a tar header and the records of a pax extension mean; pure, and in their own bounds."""

import os
import struct
import zlib
from functools import lru_cache

from scow.errors import InvalidArgumentError
from scow.image.tar import sparse as tar_sparse

_MAX_NAME_BYTES = 4095  # PATH_MAX less its zero, linux/limits.h
_NANOSECONDS = 1_000_000_000
_MAX_SECONDS = (1 << 63) // _NANOSECONDS - 1
HEADER = struct.Struct("100s8s8s8s12s12s8ss100s8s32s32s8s8s155s12s")
"""A header block as fields: ``struct posix_header`` and its padding (tar(5), GNU tar manual)."""
# What adler32 counts bytes up to (RFC 1950).
_ADLER_BASE = 65521


def parse_pax_records(data: bytes) -> dict[str, bytes]:
    """The records ``<length> <key>=<value>\\n`` of one extended header. Raises InvalidArgumentError."""
    records: dict[str, bytes] = {}
    at = 0
    while at < len(data):
        space = data.find(b" ", at, at + 20)
        digits = data[at:space]
        if space < 0 or not digits.isdigit():
            raise InvalidArgumentError("damaged pax header in archive")
        end = at + int(digits)
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if not space < end <= len(data) or data[end - 1 : end] != b"\n" or not equals or not key:
            raise InvalidArgumentError("damaged pax header in archive")
        name = key.decode("utf-8", "surrogateescape")
        if not tar_sparse.join_pairs(records, name, value):
            records[name] = value
        at = end
    return records


def verify_checksum(block: bytes, stored: bytes) -> None:
    """Raises InvalidArgumentError if ``block`` is no header; ``stored`` is its own field for that."""
    # The field itself counts as eight spaces. The sum of all bytes is the lower half of adler32, a tenth of
    # the time of ``sum``, though modulo 65521: a header that is wrong by just that would pass.
    total = (zlib.adler32(block) & 0xFFFF) - 1 - sum(stored) + 256
    if (total - _parsed_number(stored)) % _ADLER_BASE:
        raise InvalidArgumentError("archive/tar: invalid tar header")


def _parsed_number(data: bytes) -> int:
    """Octal digits, or GNU's base-256 where the first bit is set."""
    if data and data[0] & 0x80:
        value = int.from_bytes(data, "big") - (1 << (8 * len(data) - 1))
        # Two's complement over what is left after the marker bit.
        return value - (1 << (8 * len(data) - 1)) if data[0] & 0x40 else value
    text = data.strip(b"\0 ")
    try:
        return int(text, 8) if text else 0
    except ValueError:
        raise InvalidArgumentError("archive/tar: invalid tar header") from None


# Neighbours have the same owner, mode and time.
number = lru_cache(1024)(_parsed_number)
"""A numeric field. Raises InvalidArgumentError."""


def extended_number(extensions: dict[str, bytes], key: str, header: bytes) -> int:
    """The record ``key``, or the field ``header`` where there is none. Raises InvalidArgumentError."""
    text = extensions.get(key)
    if text is None:
        return number(header)
    if not text.isdigit() or len(text) > 20:
        raise InvalidArgumentError(f"damaged pax header in archive: bad {key}")
    return int(text)


def mtime_ns(text: bytes | None, header: bytes) -> int:
    """Record ``text``, or field ``header``, in nanoseconds.

    Out of range is clamped, as file systems do with times that they cannot hold.
    """
    if text is None:
        seconds, nanoseconds = number(header), 0
    else:
        whole, _, fraction = text.partition(b".")
        digits = whole.removeprefix(b"-")
        if not digits.isdigit() or len(digits) > 20 or (fraction and not fraction.isdigit()):
            raise InvalidArgumentError("damaged pax header in archive: bad mtime")
        seconds, nanoseconds = int(whole), int((fraction[:9] or b"0").ljust(9, b"0"))
        if whole.startswith(b"-"):
            nanoseconds = -nanoseconds
    return max(-_MAX_SECONDS, min(seconds, _MAX_SECONDS)) * _NANOSECONDS + nanoseconds


def device_number(fields: tuple[bytes, ...]) -> int:
    """As mknod(2) takes it. Raises InvalidArgumentError."""
    major, minor = number(fields[12]), number(fields[13])
    # What Linux's dev_t holds: 12 and 20 bits (linux/kdev_t.h).
    if not (0 <= major < 1 << 12 and 0 <= minor < 1 << 20):
        raise InvalidArgumentError(f"archive/tar: device number {major}:{minor} is out of range")
    return os.makedev(major, minor)


def until_zero(data: bytes) -> bytes:
    """A text field."""
    return data.partition(b"\0")[0]


def header_name(fields: tuple[bytes, ...]) -> bytes:
    """The name in the header itself, with ustar's prefix."""
    name = until_zero(fields[0])
    # GNU's older format has other things in the place of ustar's prefix.
    if fields[9][:6] != b"ustar\0":
        return name
    prefix = until_zero(fields[14])
    return prefix + b"/" + name if prefix else name


def checked_name(name: bytes) -> str:
    """As Python names files. Raises InvalidArgumentError for one that no file can have."""
    if not name:
        return ""
    if len(name) > _MAX_NAME_BYTES:
        raise InvalidArgumentError(f"name of {len(name)} bytes in archive: {os.fsdecode(name[:64])}…")
    if b"\0" in name:
        raise InvalidArgumentError(f"name with a zero byte in archive: {name[:64]!r}")
    return os.fsdecode(name)

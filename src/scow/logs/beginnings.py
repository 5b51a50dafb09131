"""When a log file begins: the time of its first line, which is its identity.

It stays the same whatever becomes of the file: renamed by a rotation, packed into another one, copied from
elsewhere. The writer sees to it that each file begins later than the one before it, so that the times also
tell the order, and a reader can name the file that it wants next without a word between the two.
"""

import os

_FIRST_READ_BYTES = 4096
_MOST_BYTES = 1 << 20  # a record of 16 KiB, each byte escaped, and its attributes
_KEY = b'"time":'

NO_TIME = "0"
"""Of a file whose first line is none of a log's; earlier than all times."""


def beginning_of(fd: int) -> str:
    """The time of the first line, with nine digits so that it sorts as text; "": there is no line yet."""
    size_bytes = _FIRST_READ_BYTES
    while True:
        head = os.pread(fd, size_bytes, 0)
        if b"\n" in head or size_bytes >= _MOST_BYTES:
            return beginning_in(head)
        if len(head) < size_bytes:
            return ""
        size_bytes *= 16


def beginning_in(head: bytes) -> str:
    """The same from the first bytes of a file, of which the first line is one."""
    _before, found, after = head.partition(b"\n")[0].rpartition(_KEY)
    if not found:
        return NO_TIME
    return full_time(after.strip(b' "}').decode("ascii", "replace"))


def full_time(moment: str) -> str:
    """RFC 3339 with all nine digits, which sorts as text and is what Docker prints."""
    if len(moment) == 30:
        return moment
    whole, _point, fraction = moment.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<9}Z"

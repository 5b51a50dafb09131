"""What a packet of fsutil's protocol tells of a file.

A context of 20,000 files begins with a packet for each. As a message within a message one takes five times as
long as read at once, and a context in which nothing is new consists of them; so those that say no more than
most do are read at once.
"""

import functools
import os

from scow.api.server.buildkit.session_messages import StatMessage
from scow.errors import InvalidArgumentError
from scow.spec.go_file_mode import unix_file_mode
from scow.spec.protobuf import read_varint
from scow.spec.sent_files import SentFile

_STAT, _PATH = 2 << 3 | 2, 1 << 3 | 2
"""Number and wire type of a packet's ``stat``, and of what is in it: see ``StatMessage``."""
_MODE, _UID, _GID, _SIZE, _MTIME = (number << 3 for number in (2, 3, 4, 5, 6))
_SIGN = 1 << 63

_unix_mode = functools.lru_cache(64)(unix_file_mode)


def file_of(told: StatMessage) -> SentFile:
    """Raises InvalidArgumentError for one that no context can have."""
    device = os.makedev(told.device_major, told.device_minor) if told.device_major or told.device_minor else 0
    file = _file(told.path, told.mode, told.uid, told.gid, told.size, told.mtime_ns)
    return file._replace(link=told.link, device=device, xattrs=tuple(sorted(told.xattrs.items())))


def plain_file_of(packet: bytes) -> SentFile | None:
    """The file that a packet tells of, None if it is another packet, tells of something else, or is none.

    Raises InvalidArgumentError like ``file_of``.
    """
    try:
        if packet[0] != _STAT:
            return None
        size, position = read_varint(packet, 1)
        return _plain_file(packet, position) if position + size == len(packet) else None
    except (IndexError, ValueError):
        return None


def _plain_file(packet: bytes, position: int) -> SentFile | None:
    """Raises IndexError or ValueError for what is no message."""
    path, mode, uid, gid, size, mtime_ns = "", 0, 0, 0, 0, 0
    end = len(packet)
    while position < end:
        tag, number = packet[position], packet[position + 1]
        position += 2
        if number >= 0x80:
            number, position = read_varint(packet, position - 1)
        if tag == _PATH:
            path = os.fsdecode(packet[position : position + number])
            position += number
        elif number & _SIGN:
            return None
        elif tag == _MODE:
            mode = number
        elif tag == _SIZE:
            size = number
        elif tag == _MTIME:
            mtime_ns = number
        elif tag == _UID:
            uid = number
        elif tag == _GID:
            gid = number
        else:
            return None
    return _file(path, mode, uid, gid, size, mtime_ns) if position == end else None


def _file(path: str, mode: int, uid: int, gid: int, size: int, mtime_ns: int) -> SentFile:
    parts = path.split("/")  # on every system: fsutil's clients send no other separator
    if "" in parts or "." in parts or ".." in parts:
        raise InvalidArgumentError(f'invalid path: "{path}" leads out of the build context')
    try:
        return SentFile(path, _unix_mode(mode), uid, gid, size, mtime_ns)
    except ValueError as exc:
        raise InvalidArgumentError(f"{path}: {exc}") from exc

"""Writing tar headers: ustar where it can say it, a pax extended header before it where it cannot (POSIX.1).

The same entry gives the same bytes whenever and wherever it is written. Times are whole seconds, as in
Docker's archives: fractions would cost an extended header for every entry.
"""

import os
from collections.abc import Mapping

from scow.image.tar.reader import BLOCK, BLOCK_DEVICE, CHARACTER_DEVICE

END_OF_ARCHIVE = bytes(2 * BLOCK)
_EXTENDED = b"x"
_NAME_BYTES = 100
_MAX_SMALL = 0o7777777  # seven octal digits: mode, owner, device numbers
_MAX_LARGE = 0o77777777777  # eleven: size and time
_XATTR = "SCHILY.xattr."


def encode_header(
    name: bytes,
    kind: bytes,
    *,
    mode: int,
    uid: int = 0,
    gid: int = 0,
    size: int = 0,
    mtime_s: int = 0,
    link: bytes = b"",
    device: int = 0,
    xattrs: Mapping[str, bytes] | None = None,
) -> bytes:
    """The blocks before an entry's content. ``kind`` is one of the reader's; names of any bytes."""
    records: list[tuple[bytes, bytes]] = []
    if not _fits(name):
        records.append((b"path", name))
        name = _ascii(name)[:_NAME_BYTES]
    if not _fits(link):
        records.append((b"linkpath", link))
        link = _ascii(link)[:_NAME_BYTES]
    if size > _MAX_LARGE:
        records.append((b"size", b"%d" % size))
        size = 0
    if uid > _MAX_SMALL:
        records.append((b"uid", b"%d" % uid))
        uid = 0
    if gid > _MAX_SMALL:
        records.append((b"gid", b"%d" % gid))
        gid = 0
    if not 0 <= mtime_s <= _MAX_LARGE:
        records.append((b"mtime", b"%d" % mtime_s))
        mtime_s = 0
    if xattrs:
        # An equals sign would end the key early.
        records += [(os.fsencode(_XATTR + key), xattrs[key]) for key in sorted(xattrs) if "=" not in key]
    block = _block(name, kind, mode, uid, gid, size, mtime_s, link, device)
    return _extension(name, records) + block if records else block


def padding(size: int) -> bytes:
    """What follows ``size`` bytes of content."""
    return bytes(-size % BLOCK)


def encode_pax_record(key: bytes, value: bytes) -> bytes:
    """``<length> <key>=<value>\\n``, where the length counts its own digits."""
    rest = len(key) + len(value) + 3
    size = rest + len(str(rest))
    size = rest + len(str(size))
    return b"%d %b=%b\n" % (size, key, value)


def _block(
    name: bytes, kind: bytes, mode: int, uid: int, gid: int, size: int, mtime_s: int, link: bytes, device: int
) -> bytes:
    front = b"%b%07o\0%07o\0%07o\0%011o\0%011o\0" % (
        name.ljust(_NAME_BYTES, b"\0"), mode, uid, gid, size, mtime_s,
    )  # fmt: skip
    back = b"%b%b" % (kind, link)
    if kind in (CHARACTER_DEVICE, BLOCK_DEVICE):
        numbers = (os.major(device), os.minor(device))
        back = b"%bustar\00000%b%07o\0%07o\0" % (back.ljust(_NAME_BYTES + 1, b"\0"), bytes(64), *numbers)
    else:
        back = b"%bustar\00000" % back.ljust(_NAME_BYTES + 1, b"\0")
    # The field itself counts as eight spaces.
    checksum = sum(front) + sum(back) + 256
    return (b"%b%06o\0 %b" % (front, checksum, back)).ljust(BLOCK, b"\0")


def _extension(name: bytes, records: list[tuple[bytes, bytes]]) -> bytes:
    data = b"".join(encode_pax_record(key, value) for key, value in records)
    folder, _, base = name.rstrip(b"/").rpartition(b"/")
    label = b"/".join(filter(None, (folder, b"PaxHeaders.0", base)))[:_NAME_BYTES]
    return _block(label, _EXTENDED, 0, 0, 0, len(data), 0, b"", 0) + data + padding(len(data))


def _fits(name: bytes) -> bool:
    return len(name) <= _NAME_BYTES and name.isascii()


def _ascii(name: bytes) -> bytes:
    """For readers that know no pax: better than nothing."""
    return name if name.isascii() else bytes(byte for byte in name if byte < 0x80)

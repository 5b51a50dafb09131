"""Tar headers: ustar with PAX records (POSIX.1-2001), and GNU's long names on the way in."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK = 512
END = bytes(2 * BLOCK)
REGULAR, HARD_LINK, SYMLINK, CHARACTER, BLOCK_DEVICE, DIRECTORY, FIFO = "0123456"
_OLD_REGULAR, _CONTIGUOUS = "\0", "7"
_PAX, _PAX_GLOBAL, _GNU_NAME, _GNU_LINK = "xgLK"
_MAGIC = b"ustar\x0000"
_MAX_OCTAL_7, _MAX_OCTAL_11 = 0o7777777, 0o77777777777
_MAX_EXTENSION = 1 << 20
"""Bytes of names and attributes before one entry; Go's limit is the same."""
XATTR = "SCHILY.xattr."


class TarError(ValueError):
    """What came is no tar archive, or a broken one."""


class Entry:
    """One member. ``records`` are its extended attributes and what else PAX says, as bytes."""

    __slots__ = ("device", "gid", "kind", "link", "mode", "mtime_s", "name", "records", "size", "uid")

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.kind = kind
        self.mode = 0
        self.uid = 0
        self.gid = 0
        self.size = 0
        self.mtime_s = 0.0
        self.link = ""
        self.device = (0, 0)
        self.records: dict[str, bytes] = {}


def encode(entry: Entry) -> bytes:
    """The header blocks of an entry. What ustar has no room for goes into PAX records before it."""
    name, link = _path_bytes(entry.name), _path_bytes(entry.link)
    records = dict(entry.records)
    prefix = b""
    if len(name) > 100:
        prefix, name = _split_name(name)
        if not name:
            records["path"], name = _path_bytes(entry.name), _path_bytes(entry.name)[:100]
    if len(link) > 100:
        records["linkpath"], link = link, link[:100]
    numbers = {"uid": entry.uid, "gid": entry.gid, "size": entry.size, "mtime": int(entry.mtime_s)}
    for key, value in numbers.items():
        limit = _MAX_OCTAL_7 if key in ("uid", "gid") else _MAX_OCTAL_11
        if not 0 <= value <= limit:
            records[key], numbers[key] = str(value).encode(), 0
    header = _header(entry, name, link, prefix, numbers)
    return _extension(records) + header if records else header


def _header(entry: Entry, name: bytes, link: bytes, prefix: bytes, numbers: dict[str, int]) -> bytes:
    major, minor = entry.device
    head = b"%-100b%07o\0%07o\0%07o\0%011o\0%011o\0" % (
        name.ljust(100, b"\0"),
        entry.mode,
        numbers["uid"],
        numbers["gid"],
        numbers["size"],
        numbers["mtime"],
    )
    tail = b"%b%b%b%b%07o\0%07o\0%b" % (
        entry.kind.encode(),
        link.ljust(100, b"\0"),
        _MAGIC,
        bytes(64),
        major,
        minor,
        prefix.ljust(155, b"\0"),
    )
    checksum = sum(head) + sum(tail) + 8 * 0x20
    return (head + b"%06o\0 " % checksum + tail).ljust(BLOCK, b"\0")


def _split_name(name: bytes) -> tuple[bytes, bytes]:
    """ustar's prefix and name, the name empty when there is no slash in the right place."""
    place = name.rfind(b"/", 0, 156)
    if place <= 0 or not 0 < len(name) - place - 1 <= 100 or not name.isascii():
        return b"", b""
    return name[:place], name[place + 1 :]


def _extension(records: dict[str, bytes]) -> bytes:
    data = b"".join(_record(key.encode(), value) for key, value in sorted(records.items()))
    entry = Entry("PaxHeaders.0/entry", _PAX)
    numbers = {"uid": 0, "gid": 0, "size": len(data), "mtime": 0}
    return _header(entry, entry.name.encode(), b"", b"", numbers) + padded(data)


def _record(key: bytes, value: bytes) -> bytes:
    """``length key=value\\n``, where the length counts its own digits."""
    size = len(key) + len(value) + 3
    total = size + len(str(size))
    if len(str(total)) != len(str(size)):
        total = size + len(str(total))
    return b"%d %b=%b\n" % (total, key, value)


def padded(data: bytes) -> bytes:
    """``data`` up to the next block."""
    return data + bytes(-len(data) % BLOCK)


def read_entry(read: "Callable[[int], bytes]") -> Entry | None:
    """The next entry, its data not read; None at the end of the archive.

    ``read(n)`` gives exactly n bytes, or fewer at the end of the stream. Raises TarError.
    """
    records: dict[str, bytes] = {}
    while True:
        block = read(BLOCK)
        if not block.strip(b"\0"):
            return None
        if len(block) < BLOCK:
            raise TarError("unexpected EOF")
        entry = _decode(block)
        if entry.kind not in (_PAX, _PAX_GLOBAL, _GNU_NAME, _GNU_LINK):
            _apply(entry, records)
            return entry
        if entry.size > _MAX_EXTENSION:
            raise TarError("archive/tar: header field too long")
        data = read(entry.size + -entry.size % BLOCK)[: entry.size]
        if entry.kind == _PAX:
            records.update(_parse_records(data))
        elif entry.kind == _GNU_NAME:
            records["path"] = data.rstrip(b"\0")
        elif entry.kind == _GNU_LINK:
            records["linkpath"] = data.rstrip(b"\0")


def _decode(block: bytes) -> Entry:
    checksum = sum(block[:148]) + sum(block[156:]) + 8 * 0x20
    if _number(block[148:156]) != checksum:
        raise TarError("archive/tar: invalid tar header")
    kind = block[156:157].decode("latin-1")
    entry = Entry(_text(block[:100]), REGULAR if kind in (_OLD_REGULAR, _CONTIGUOUS) else kind)
    entry.mode, entry.uid, entry.gid = (_number(block[at : at + 8]) for at in (100, 108, 116))
    entry.size, entry.mtime_s = _number(block[124:136]), float(_number(block[136:148]))
    entry.link = _text(block[157:257])
    if block[257:262] == b"ustar":
        entry.device = (_number(block[329:337]), _number(block[337:345]))
        prefix = _text(block[345:500]) if block[262:263] == b"\0" else ""
        entry.name = f"{prefix}/{entry.name}" if prefix else entry.name
    if entry.kind != REGULAR and entry.kind in "123456":
        entry.size = 0
    return entry


def _apply(entry: Entry, records: dict[str, bytes]) -> None:
    entry.records = records
    try:
        if "path" in records:
            entry.name = _path_text(records["path"])
        if "linkpath" in records:
            entry.link = _path_text(records["linkpath"])
        if "size" in records and entry.kind == REGULAR:
            entry.size = int(records["size"])
        if "mtime" in records:
            entry.mtime_s = float(records["mtime"])
    except ValueError:
        raise TarError("archive/tar: invalid tar header") from None
    if entry.size < 0:
        raise TarError("archive/tar: invalid tar header")


def _parse_records(data: bytes) -> dict[str, bytes]:
    records = {}
    while data:
        digits, space, _ = data.partition(b" ")
        if not space or not digits.isdigit() or not len(digits) + 1 < int(digits) <= len(data):
            raise TarError("archive/tar: invalid tar header")
        record, data = data[len(digits) + 1 : int(digits)], data[int(digits) :]
        key, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n"):
            raise TarError("archive/tar: invalid tar header")
        records[_path_text(key)] = value[:-1]
    return records


def _number(field: bytes) -> int:
    if field[0] & 0x80:  # GNU: base 256
        number = int.from_bytes(field, "big") & ((1 << (len(field) * 8 - 1)) - 1)
        return number - (1 << (len(field) * 8 - 1)) if field[0] & 0x40 else number
    digits = field.strip(b" \0")
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        raise TarError("archive/tar: invalid tar header") from None


def _text(field: bytes) -> str:
    return _path_text(field.partition(b"\0")[0])


def _path_text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _path_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")

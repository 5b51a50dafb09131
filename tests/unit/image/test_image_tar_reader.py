"""Reading tar: tarfile as the oracle for what is right, mutations for what is wrong."""

import io
import random
import tarfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scow.errors import InvalidArgumentError
from scow.image.tar import reader as tar_reader
from scow.image.tar.fields import parse_pax_records
from scow.image.tar.reader import Entry, TarReader

_name = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\0"), min_size=1, max_size=140
).filter(lambda name: name.strip("/ ") and not name.endswith("/"))


def read_all(data: bytes, buffer_bytes: int = 4096) -> list[tuple[Entry, bytes]]:
    reader = TarReader(io.BytesIO(data), buffer_bytes=buffer_bytes)
    result = []
    for entry in reader:
        content = b""
        while piece := reader.read(1000):
            content += piece
        result.append((entry, content))
    reader.drain()
    return result


def packed(*members: tuple[tarfile.TarInfo, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def member(name: str, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            _name,
            st.binary(max_size=2000),
            st.integers(0, 2**32 - 2),
            st.integers(0, 0o7777),
            st.integers(0, 2**33 + 5),
        ),
        max_size=6,
    ),
    st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
    st.sampled_from([512, 700, 1 << 20]),
)
def test_reads_what_tarfile_wrote(
    files: list[tuple[str, bytes, int, int, int]], format: int, buffer_bytes: int
) -> None:
    data = packed(
        *((member(name, uid=uid, mode=mode, mtime=mtime), body) for name, body, uid, mode, mtime in files),
        format=format,
    )
    seen = [
        (entry.name, content, entry.uid, entry.mode, entry.mtime_ns)
        for entry, content in read_all(data, buffer_bytes)
    ]
    assert seen == [(name, body, uid, mode, mtime * 10**9) for name, body, uid, mode, mtime in files]


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_reads_every_kind_of_member(format: int) -> None:
    data = packed(
        (member("dir/" * 20 + "file"), b"content"),
        (member("link", type=tarfile.SYMTYPE, linkname="target/" * 10), b""),
        (member("hard", type=tarfile.LNKTYPE, linkname="link"), b""),
        (member("char", type=tarfile.CHRTYPE, devmajor=10, devminor=229), b""),
        (member("fifo", type=tarfile.FIFOTYPE), b""),
        (member("folder", type=tarfile.DIRTYPE), b""),
        format=format,
    )
    entries = [entry for entry, _ in read_all(data)]
    assert [entry.kind for entry in entries] == [
        tar_reader.REGULAR,
        tar_reader.SYMLINK,
        tar_reader.HARD_LINK,
        tar_reader.CHARACTER_DEVICE,
        tar_reader.FIFO,
        tar_reader.DIRECTORY,
    ]
    assert entries[1].link == "target/" * 10
    assert entries[3].device == (10 << 8) | (229 & 0xFF)


def test_pax_gives_nanoseconds_attributes_and_negative_times() -> None:
    headers = {"mtime": "1700000000.123456789", "SCHILY.xattr.security.capability": "\x01\udcff=x\n"}
    data = packed((member("a", pax_headers=headers), b""), (member("b", pax_headers={"mtime": "-1.5"}), b""))
    first, second = (entry for entry, _ in read_all(data))
    assert first.mtime_ns == 1_700_000_000_123_456_789
    assert set(first.xattrs) == {"security.capability"}
    assert second.mtime_ns == -1_500_000_000


def test_a_global_header_counts_for_all_that_follow_unless_they_say_otherwise() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", pax_headers={"uid": "1234567"}) as tar:
        tar.addfile(member("a"))
        tar.addfile(member("b", pax_headers={"uid": "7"}))
        tar.addfile(member("c"))
    assert [entry.uid for entry, _ in read_all(buffer.getvalue())] == [1234567, 7, 1234567]


def test_base_256_numbers_may_be_negative() -> None:
    data = packed((member("old", mtime=-5), b""), format=tarfile.GNU_FORMAT)
    assert read_all(data)[0][0].mtime_ns == -5 * 10**9


def test_a_name_that_ends_in_a_slash_is_a_directory_in_v7() -> None:
    block = bytearray(packed((member("folder/x"), b""), format=tarfile.USTAR_FORMAT)[:512])
    block[:8] = b"folder/\0"
    block[156:157] = b"\0"
    assert read_all(bytes(_rechecked(block)) + bytes(1024))[0][0].kind == tar_reader.DIRECTORY


@pytest.mark.parametrize("cut", [100, 512, 700, 512 + 2000 - 1])
def test_a_cut_in_the_middle_is_an_error(cut: int) -> None:
    data = packed((member("a"), b"x" * 2000), (member("b"), b"y"))
    with pytest.raises(InvalidArgumentError):
        read_all(data[:cut])


@pytest.mark.parametrize("behind", [0, 1, 506])
def test_padding_may_be_missing_behind_the_last_content(behind: int) -> None:
    """docker's client ends a context so when the Dockerfile comes from elsewhere."""
    data = packed((member("a"), b"x" * 600), (member("b"), b"y" * 5))
    (_, last) = read_all(data[: data.index(b"yyyyy") + 5 + behind])
    assert (last[0].name, last[1]) == ("b", b"yyyyy")


@pytest.mark.parametrize(
    "damage",
    [
        lambda block: block.__setitem__(slice(124, 136), b"\xff" * 12),  # size -1
        lambda block: block.__setitem__(slice(124, 136), b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"),
        lambda block: block.__setitem__(slice(124, 136), b"99999999999\0"),
        lambda block: block.__setitem__(slice(108, 116), b"\xff" * 8),  # uid -1
        lambda block: block.__setitem__(slice(156, 157), b"S"),  # sparse
        lambda block: block.__setitem__(slice(156, 157), b"V"),  # volume label
        lambda block: block.__setitem__(slice(156, 157), b"Z"),
    ],
)
def test_headers_that_claim_the_impossible_are_refused(damage: Callable[[bytearray], None]) -> None:
    block = bytearray(packed((member("a"), b""), format=tarfile.USTAR_FORMAT)[:512])
    damage(block)
    with pytest.raises(InvalidArgumentError):
        read_all(bytes(_rechecked(block)) + bytes(1024))


def test_an_extension_header_of_a_gigabyte_is_not_read() -> None:
    block = bytearray(packed((member("a"), b""), format=tarfile.USTAR_FORMAT)[:512])
    block[156:157] = b"x"
    block[124:136] = b"07777777777\0"
    with pytest.raises(InvalidArgumentError, match="extension header"):
        read_all(bytes(_rechecked(block)) + bytes(4096))


@pytest.mark.parametrize(
    "text",
    [
        b"5",
        b"9 a=b\n",
        b"6 a=bX",
        b"0 a=b\n",
        b"-6 a=b\n",
        b"6 ab \n",
        b"5 =b\n",
        b"99999999999999999999999 a=b\n",
    ],
)
def test_damaged_pax_records_are_refused(text: bytes) -> None:
    with pytest.raises(InvalidArgumentError):
        parse_pax_records(text)


def test_random_damage_ends_in_the_one_error_or_in_other_entries() -> None:
    rng = random.Random(4)
    whole = packed(
        (member("a" * 150, pax_headers={"SCHILY.xattr.user.x": "v"}), b"x" * 700),
        (member("b", type=tarfile.SYMTYPE, linkname="y" * 120), b""),
        (member("c", uid=1 << 22), b"z"),
    )
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            read_all(bytes(data[: rng.randrange(len(data))]))
        except InvalidArgumentError:
            continue


def _rechecked(block: bytearray) -> bytearray:
    block[148:156] = b"        "
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return block

"""Joined frames: the same streams in fewer frames, however the bytes arrive."""

import random

import pytest
from hyperframe.frame import DataFrame, Frame, PingFrame, WindowUpdateFrame

from scow.api.grpc.joined_frames import FrameJoiner

LIMIT = 16_384


def frames_of(data: bytes) -> list[Frame]:
    found, at = [], 0
    while at < len(data):
        frame, size = Frame.parse_frame_header(memoryview(data[at : at + 9]))
        frame.parse_body(memoryview(data[at + 9 : at + 9 + size]))
        found.append(frame)
        at += 9 + size
    return found


def data(stream: int, content: bytes, *flags: str, padding: int = 0) -> bytes:
    return DataFrame(stream, content, pad_length=padding, flags=flags).serialize()


def pieces(whole: bytes, chance: random.Random) -> list[bytes]:
    found = []
    while whole:
        size = chance.choice([1, 5, 9, 100, 70_000])
        found.append(whole[:size])
        whole = whole[size:]
    return found


def test_small_frames_of_a_stream_become_one() -> None:
    sent = b"".join(data(1, b"%d," % number) for number in range(1000))
    (joined,) = frames_of(FrameJoiner(0).join(sent, LIMIT))
    assert isinstance(joined, DataFrame)
    assert joined.data == b"".join(b"%d," % number for number in range(1000))
    assert (joined.stream_id, set(joined.flags)) == (1, set())


def test_no_frame_passes_another_and_none_is_too_long() -> None:
    sent = data(1, b"a") + data(1, b"b") + PingFrame(0, b"12345678").serialize() + data(1, b"c")
    sent += data(3, b"d", "END_STREAM") + data(1, bytes(LIMIT)) + data(1, b"e", "END_STREAM") + data(1, b"f")
    found = frames_of(FrameJoiner(0).join(sent, LIMIT))
    assert [(type(it), it.stream_id, getattr(it, "data", b"")[:3]) for it in found] == [
        (DataFrame, 1, b"ab"),
        (PingFrame, 0, b""),
        (DataFrame, 1, b"c"),
        (DataFrame, 3, b"d"),
        (DataFrame, 1, bytes(3)),
        (DataFrame, 1, b"e"),
        (DataFrame, 1, b"f"),
    ]
    assert [set(it.flags) for it in found] == [
        set(),
        set(),
        set(),
        {"END_STREAM"},
        set(),
        {"END_STREAM"},
        set(),
    ]


def test_padding_stays_with_its_frame() -> None:
    sent = data(1, b"a") + data(1, b"b", "PADDED", padding=7) + data(1, b"c")
    assert FrameJoiner(0).join(sent, LIMIT) == sent


@pytest.mark.parametrize("seed", range(20))
def test_it_does_not_matter_how_the_bytes_arrive(seed: int) -> None:
    chance = random.Random(seed)
    preface = bytes(range(24))
    contents: dict[int, bytes] = {1: b"", 3: b""}
    windows, sent = 0, preface
    for number in range(300):
        stream = chance.choice([1, 1, 1, 3])
        content = chance.randbytes(chance.choice([0, 3, 90, 4000]))
        contents[stream] += content
        sent += data(stream, content)
        if number % 50 == 0:
            windows += 1
            sent += WindowUpdateFrame(0, number + 1).serialize()
    joiner = FrameJoiner(len(preface))
    came = b"".join(joiner.join(piece, LIMIT) for piece in pieces(sent, chance))
    assert came.startswith(preface)
    found = frames_of(came.removeprefix(preface))
    assert sum(type(it) is WindowUpdateFrame for it in found) == windows
    for stream, content in contents.items():
        assert (
            b"".join(it.data for it in found if isinstance(it, DataFrame) and it.stream_id == stream)
            == content
        )


def test_a_frame_that_is_too_long_is_left_to_the_reader() -> None:
    joiner = FrameJoiner(0)
    sent = data(1, b"a") + data(1, bytes(LIMIT + 1)) + data(1, b"b") + data(1, b"c")
    assert joiner.join(sent[:100], LIMIT) + joiner.join(sent[100:], LIMIT) == sent

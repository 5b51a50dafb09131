"""WebSocket: frames against a second implementation, and the life of a connection."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websocket import ABNF

from scow.api.http.answer import Answer, Full, Hijack
from scow.api.http.head import RefusedError
from scow.api.http.request import Request
from scow.api.http.websocket import WebSocket, check_handshake, over_websocket
from scow.api.http.websocket_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    FrameDecoder,
    FrameError,
    accept_key,
    encode_close,
    encode_frame,
)
from tests.unit.api.api_wire import HandlerApp, WireClient, request_bytes, runs, serving

HANDSHAKE = {
    "Connection": "keep-alive, Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def masked(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """A client's frame, by the other implementation."""
    frame = ABNF(1 if final else 0, 0, 0, 0, opcode, 1, payload)
    return bytes(frame.format())


def test_the_key_of_the_rfc() -> None:
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@settings(max_examples=60, deadline=None)
@given(
    messages=st.lists(st.binary(max_size=300) | st.sampled_from([b"x" * 126, b"y" * 65536]), max_size=5),
    step=st.integers(1, 5000),
)
def test_messages_come_out_however_they_are_cut(messages: list[bytes], step: int) -> None:
    stream = b"".join(masked(BINARY, message) + masked(PING, b"p") for message in messages)
    decoder = FrameDecoder()
    got, pings = b"", 0
    for start in range(0, len(stream), step):
        for opcode, payload in decoder.feed(stream[start : start + step]):
            if opcode == PING:
                assert payload == b"p"
                pings += 1
            else:
                got += payload
    assert got == b"".join(messages)
    assert pings == len(messages)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 200_000])
def test_our_frames_are_read_by_others(size: int) -> None:
    frame = encode_frame(BINARY, b"z" * size)
    header = ABNF(1, 0, 0, 0, BINARY, 0, b"z" * size)
    assert frame == bytes(header.format())


def test_a_message_in_parts_with_a_ping_between() -> None:
    stream = masked(TEXT, b"one", final=False) + masked(PING, b"") + masked(CONTINUATION, b"two")
    assert list(FrameDecoder().feed(stream)) == [(BINARY, b"one"), (PING, b""), (BINARY, b"two")]


@pytest.mark.parametrize(
    "wrong",
    [
        b"\x82\x01x",  # not masked
        b"\xc2\x80\0\0\0\0",  # a reserved bit
        b"\x83\x80\0\0\0\0",  # an unknown opcode
        b"\x09\x80\0\0\0\0",  # a ping in parts
        b"\x89\xfe\x00\x7e\0\0\0\0",  # a ping that is too long
        b"\x80\x80\0\0\0\0",  # goes on without a beginning
        b"\x02\x80\0\0\0\0\x82\x80\0\0\0\0",  # begins again
        b"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0",  # a negative length
    ],
)
def test_what_is_no_frame_is_refused(wrong: bytes) -> None:
    with pytest.raises(FrameError):
        list(FrameDecoder().feed(wrong))


async def echo(conn: WebSocket) -> None:
    while data := await conn.read():
        await conn.write(data.upper())
        if data.endswith(b"bye"):
            return


async def application(request: Request) -> Answer:
    try:
        handshake = check_handshake(request.head)
    except RefusedError as exc:
        return Full(exc.status, exc.message.encode())
    return Hijack(over_websocket(echo), protocol="websocket", headers=handshake.headers())


async def opened(client: WireClient) -> None:
    client.send(request_bytes("GET", "/", headers=HANDSHAKE))
    head = await client.head()
    assert head.status == 101
    assert head.headers["upgrade"] == "websocket"
    assert head.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@runs
async def test_messages_pings_and_goodbye_from_the_client() -> None:
    async with serving(HandlerApp(application)) as harness:
        client = await harness.client()
        await opened(client)
        client.send(masked(TEXT, b"hello") + masked(PING, b"there?") + masked(CLOSE, b"\x03\xe9gone"))
        wanted = encode_frame(BINARY, b"HELLO") + encode_frame(0xA, b"there?") + encode_close(1001)
        assert await client.read_to_end() == wanted


@runs
async def test_goodbye_from_the_server() -> None:
    async with serving(HandlerApp(application)) as harness:
        client = await harness.client()
        await opened(client)
        client.send(masked(BINARY, b"bye"))
        client.send(masked(CLOSE, b"\x03\xe8"))
        assert await client.read_to_end() == encode_frame(BINARY, b"BYE") + encode_close(1000)


@runs
async def test_what_is_no_frame_ends_the_connection_with_a_reason() -> None:
    async with serving(HandlerApp(application)) as harness:
        client = await harness.client()
        await opened(client)
        client.send(b"\x82\x01x")
        assert await client.read_to_end() == encode_close(1002)


@runs
async def test_a_request_that_opens_no_websocket_is_refused() -> None:
    async with serving(HandlerApp(application)) as harness:
        for missing in HANDSHAKE:
            client = await harness.client()
            headers = {name: value for name, value in HANDSHAKE.items() if name != missing}
            client.send(request_bytes("GET", "/", headers=headers))
            assert (await client.head()).status == 400

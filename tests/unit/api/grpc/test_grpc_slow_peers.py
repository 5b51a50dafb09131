"""Peers that give windows without end and do not read: what waits for them here is bounded."""

import asyncio
from collections.abc import Callable
from typing import Any

import h2.config
import h2.connection
import h2.settings
import pytest

from scow.api.grpc import http2
from scow.api.grpc.http2 import Connection, Stream
from scow.tasks import TaskOwner

_MIB = 1 << 20
_WINDOW = (1 << 31) - 1


class BlockedStream:
    """See ``scow.api.grpc.http2.ByteStream``: what is written waits until ``flowing`` is set."""

    def __init__(self, incoming: list[bytes]) -> None:
        self._incoming = incoming
        self.read_bytes = 0
        self.written: list[bytes] = []
        self.flowing = asyncio.Event()
        self.ended = asyncio.Event()

    async def read(self) -> bytes:
        if not self._incoming:
            await self.ended.wait()
            return b""
        piece = self._incoming.pop(0)
        self.read_bytes += len(piece)
        return piece

    async def write(self, data: bytes) -> None:
        self.written.append(data)
        await self.flowing.wait()


def _greedy_client() -> h2.connection.H2Connection:
    """Its windows are as large as can be."""
    client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    client.initiate_connection()
    client.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW})
    client.increment_flow_control_window(_WINDOW - 65_535)
    client.send_headers(1, [(":method", "POST"), (":scheme", "http"), (":path", "/a"), (":authority", "b")])
    return client


async def _settled(quantity: Callable[[], Any]) -> None:
    """Until nothing changes in many turns of the loop: every side waits for another."""
    before, turns = object(), 0
    while turns < 100:
        await asyncio.sleep(0)
        now = quantity()
        turns = turns + 1 if now == before else 0
        before = now


@pytest.mark.parametrize("streams", [1, 5])
def test_what_is_sent_to_who_does_not_read_waits_with_its_sender(streams: int) -> None:
    async def scenario() -> tuple[int, int]:
        client = _greedy_client()
        for number in range(1, streams):
            headers = [(":method", "POST"), (":scheme", "http"), (":path", "/a"), (":authority", "b")]
            client.send_headers(2 * number + 1, headers)
        below = BlockedStream([client.data_to_send()])
        given = [0]

        async def answer(stream: Stream) -> None:
            stream.send_headers([(":status", "200")])
            for _ in range(64):
                await stream.send(bytes(_MIB // 4))
                given[0] += _MIB // 4

        async with TaskOwner("test") as tasks:
            tasks.start(Connection(below, client=False, accept=answer).run(), name="connection")
            await _settled(lambda: given[0])
            waited = given[0]
            below.flowing.set()
            await _settled(lambda: given[0])
        return waited, given[0]

    waited, whole = asyncio.run(scenario())
    # What is being written, and as much again.
    assert waited <= 3 * _MIB
    assert whole == streams * 16 * _MIB


def test_questions_of_who_does_not_read_the_answers_are_read_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit_bytes = 1 << 16
    monkeypatch.setattr(http2, "_MAX_UNANSWERED_BYTES", limit_bytes)

    async def scenario() -> tuple[int, int]:
        client = _greedy_client()
        first = client.data_to_send()
        client.ping(b"12345678")
        pings = client.data_to_send() * 256
        below = BlockedStream([first, *[pings] * 40])

        async def hang(_stream: Stream) -> None:
            await asyncio.Event().wait()

        async with TaskOwner("test") as tasks:
            tasks.start(Connection(below, client=False, accept=hang).run(), name="connection")
            await _settled(lambda: below.read_bytes)
            waited = below.read_bytes
            below.flowing.set()
            await _settled(lambda: below.read_bytes)
        return waited, below.read_bytes

    waited, whole = asyncio.run(scenario())
    assert waited < 2 * limit_bytes
    assert whole > 40 * 256 * 17

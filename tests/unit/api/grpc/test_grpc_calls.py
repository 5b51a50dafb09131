"""Calls over a socket: messages both ways, statuses, cancellation, windows, broken connections."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import pytest

from scow.api.grpc.client import Channel
from scow.api.grpc.server import IncomingCall, unary
from scow.api.grpc.status import AnyMessage, CallError, Code, decode_message, encode_message
from scow.spec.protobuf import Message, integer, octets
from tests.unit.api.grpc.grpc_ends import connected


@dataclass(frozen=True)
class Piece(Message):
    data: bytes = octets(1)
    number: int = integer(2)


DETAIL = AnyMessage("kind", b"why")


class Service:
    """Handlers with a memory of what became of their calls."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.begun = asyncio.Event()

    async def next(self, request: Piece, _call: IncomingCall) -> Piece:
        if request.number < 0:
            raise CallError(Code.OUT_OF_RANGE, "below zero: ü\n100 %", (DETAIL,))
        if request.number == 13:
            raise ValueError("unlucky")
        return Piece(number=request.number + 1)

    async def echo(self, call: IncomingCall) -> None:
        while (piece := await call.receive(Piece)) is not None:
            await call.send(piece)

    async def hang(self, call: IncomingCall) -> None:
        call.begin()
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()

    async def greet(self, call: IncomingCall) -> None:
        await call.send(Piece(call.metadata.get("name", "").encode()))

    def handlers(self) -> dict[str, Any]:
        return {
            "/s/Next": unary(Piece, self.next),
            "/s/Echo": self.echo,
            "/s/Hang": self.hang,
            "/s/Greet": self.greet,
        }


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 20))


async def refused(channel: Channel, path: str, request: Piece) -> CallError:
    with pytest.raises(CallError) as caught:
        await channel.ask(path, request, Piece)
    return caught.value


def test_one_message_each_way_and_how_it_may_end() -> None:
    async def scenario() -> None:
        async with connected(Service().handlers()) as channel:
            assert await channel.ask("/s/Next", Piece(number=1), Piece) == Piece(number=2)
            error = await refused(channel, "/s/Next", Piece(number=-1))
            assert (error.code, error.message, error.details) == (11, "below zero: ü\n100 %", (DETAIL,))
            error = await refused(channel, "/s/Next", Piece(number=13))
            assert (error.code, error.message) == (Code.INTERNAL, "ValueError: unlucky")
            error = await refused(channel, "/s/Nothing", Piece())
            assert (error.code, error.message) == (12, "unknown service or method /s/Nothing")

    run(scenario())


def test_metadata_of_several_values_is_joined() -> None:
    async def scenario() -> None:
        async with connected(Service().handlers()) as channel:
            call = channel.call("/s/Greet", {"name": ("a", "b")})
            call.end()
            assert await call.receive(Piece) == Piece(b"a,b")
            assert await call.receive(Piece) is None

    run(scenario())


def test_more_than_any_window_goes_both_ways_at_once() -> None:
    async def scenario() -> None:
        async with connected(Service().handlers()) as channel:
            call = channel.call("/s/Echo")
            size, count = 300_000, 40

            async def send_all() -> None:
                for number in range(count):
                    await call.send(Piece(bytes(size), number))
                call.end()

            sending = asyncio.gather(send_all())
            for number in range(count):
                piece = await call.receive(Piece)
                assert piece is not None
                assert (len(piece.data), piece.number) == (size, number)
            assert await call.receive(Piece) is None
            await sending

    run(scenario())


def test_many_calls_at_once() -> None:
    async def scenario() -> None:
        async with connected(Service().handlers()) as channel:
            asked = [channel.ask("/s/Next", Piece(number=it), Piece) for it in range(100, 200)]
            assert [it.number for it in await asyncio.gather(*asked)] == list(range(101, 201))

    run(scenario())


def test_a_call_that_is_given_up_ends_its_handler() -> None:
    async def scenario() -> None:
        service = Service()
        async with connected(service.handlers()) as channel:
            call = channel.call("/s/Hang")
            await service.begun.wait()
            call.cancel()
            await service.cancelled.wait()

    run(scenario())


def test_a_connection_that_breaks_ends_calls_on_both_sides() -> None:
    async def scenario() -> None:
        service = Service()
        async with connected(service.handlers()) as channel:
            call = channel.call("/s/Hang")
            await service.begun.wait()
        await service.cancelled.wait()
        with pytest.raises(CallError) as caught:
            await call.receive(Piece)
        assert caught.value.code == Code.UNKNOWN
        assert channel.is_closed
        with pytest.raises(CallError):
            channel.call("/s/Hang")

    run(scenario())


def test_a_message_beyond_the_limit_is_refused() -> None:
    async def scenario() -> None:
        async with connected(Service().handlers()) as channel:
            error = await refused(channel, "/s/Next", Piece(bytes(17 << 20)))
            assert error.code == Code.RESOURCE_EXHAUSTED

    run(scenario())


def test_messages_in_headers_survive() -> None:
    for message in ("plain", "100 %", "ü\n", ""):
        assert decode_message(encode_message(message)) == message


def test_all_messages_that_are_here_are_taken_at_once() -> None:
    async def scenario() -> None:
        async with connected(Service().handlers()) as channel:
            call = channel.call("/s/Echo")
            await call.send(*(Piece(b"x" * (number % 7), number) for number in range(3000)))
            call.end()
            found: list[int] = []
            takes = 0
            while some := await call.receive_some():
                found += [call.decoded(Piece, data).number for data in some]
                takes += 1
            assert found == list(range(3000))
            assert takes < 1000

    run(scenario())

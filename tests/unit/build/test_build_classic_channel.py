"""What the classic builder says to clients that read slowly, or not at all."""

import asyncio

from scow.build.classic.channel import Channel
from scow.build.classic.messages import Message
from scow.build.classic.step_solver import Teller
from scow.build.graph.ops import MakeFolderOp, Vertex
from scow.build.graph.progress import Output
from scow.tasks import TaskOwner


def test_all_that_is_said_is_heard_in_order() -> None:
    async def talk() -> list[Message | None]:
        channel = Channel()
        heard: list[Message | None] = []

        async def listen() -> None:
            while True:
                heard.append(await channel.take())
                if heard[-1] is None:
                    return

        async with TaskOwner("test") as tasks:
            listening = tasks.start(listen(), name="listen")
            for number in range(3):
                channel.say({"stream": f"{number}"})
                await asyncio.sleep(0)
            channel.end()
            await listening
        return heard

    assert asyncio.run(talk()) == [{"stream": "0"}, {"stream": "1"}, {"stream": "2"}, None]


def test_of_text_that_nobody_reads_the_oldest_goes() -> None:
    async def talk() -> list[Message]:
        channel = Channel(max_waiting_bytes=100)
        channel.say({"aux": {"ID": "image"}})
        for number in range(10):
            channel.say({"stream": f"{number}" * 40})
        return channel.rest()

    aux, *streams = sorted(asyncio.run(talk()), key=lambda it: "stream" in it)
    assert aux == {"aux": {"ID": "image"}}
    assert [it["stream"][:20] for it in streams] == ["\n[output clipped: mo", "8" * 20, "9" * 20]


def test_a_letter_that_comes_in_two_pieces_is_one() -> None:
    said: list[Message] = []
    vertex = Vertex(MakeFolderOp("/"))
    teller = Teller(vertex, said.append)
    for stream, data in ((1, b"a\xc3"), (2, b"b"), (1, b"\xa9"), (1, b"\xff")):
        teller(Output(vertex, stream, data, 0))
    assert [it["stream"] for it in said] == ["a", "\x1b[91mb\x1b[0m", "é", "\ufffd"]

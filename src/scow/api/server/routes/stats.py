"""``/containers/{id}/stats``: what a container uses, once or every second."""

from collections.abc import AsyncIterator
from typing import Protocol

from scow.api.http.answer import Answer, Stream, end_items
from scow.api.server.call import JSON, Call, json_answer
from scow.api.server.router import Route
from scow.api.server.versions import asks_one_shot
from scow.spec.engine_api.body import encode_body
from scow.spec.engine_api.stats import ContainerStats


class StatsService(Protocol):
    """What containers use."""

    async def once(self, ref: str, *, one_shot: bool) -> ContainerStats:
        """One sample; without ``one_shot`` it knows the sample a second before."""

    def follow(self, ref: str) -> AsyncIterator[ContainerStats]:
        """Samples until the container is removed. Raises before it returns."""


def stats_routes(stats: StatsService) -> tuple[Route, ...]:
    """The endpoint of statistics."""

    async def get(call: Call) -> Answer:
        if call.query.boolean("stream", True):
            return Stream(_lines(stats.follow(call.name)), JSON)
        one_shot = asks_one_shot(call.version) and call.query.boolean("one-shot")
        return json_answer(await stats.once(call.name, one_shot=one_shot))

    return (Route("GET", "/containers/{name}/stats", get),)


async def _lines(samples: AsyncIterator[ContainerStats]) -> AsyncIterator[bytes]:
    try:
        async for sample in samples:
            yield encode_body(sample) + b"\n"
    finally:
        await end_items(samples)

"""``/images/prune``, ``/build/prune``."""

from collections.abc import Mapping
from typing import Protocol

from scow.api.http.answer import Answer
from scow.api.server.call import Call, json_answer
from scow.api.server.router import Route
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.prune import BuildCachePrune, ImagePrune
from scow.spec.filters import Filters

_SIZES = ("keep-storage", "reserved-space", "max-used-space", "min-free-space")


class PruneService(Protocol):
    """Removes what nobody uses."""

    async def images(self, filters: Filters) -> ImagePrune: ...

    async def build_cache(
        self, filters: Filters, limits: Mapping[str, int], everything: bool
    ) -> BuildCachePrune: ...


def prune_routes(prunes: PruneService) -> tuple[Route, ...]:
    """The prunes of objects that share nothing else."""

    async def images(call: Call) -> Answer:
        return json_answer(await prunes.images(call.filters()))

    async def build_cache(call: Call) -> Answer:
        limits = {name: _bytes(name, call.query.text(name)) for name in _SIZES}
        everything = call.query.boolean("all")
        return json_answer(await prunes.build_cache(call.filters(), limits, everything))

    return (
        Route("POST", "/images/prune", images, must_finish=True),
        Route("POST", "/build/prune", build_cache, must_finish=True),
    )


def _bytes(name: str, text: str) -> int:
    try:
        return int(text or "0")
    except ValueError:
        raise InvalidArgumentError(
            f'{name} is in bytes and expects an integer, got {text}: strconv.Atoi: parsing "{text}": '
            "invalid syntax"
        ) from None

"""``/containers/*``: update, prune, and the checkpoints that no engine has without being asked to."""

from typing import Protocol

from scow.api.http.answer import Answer
from scow.api.server.call import Call, json_answer
from scow.api.server.old_requests import adapt_update
from scow.api.server.router import Route
from scow.errors import UnsupportedError
from scow.spec.api_version import ApiVersion
from scow.spec.engine_api.container import ContainerUpdate
from scow.spec.engine_api.container_views import ContainersPruned, ContainerUpdated
from scow.spec.filters import Filters


class UpdateService(Protocol):
    """Changes limits and restart policies."""

    async def update(self, ref: str, body: ContainerUpdate) -> ContainerUpdated: ...


class ContainerPruneService(Protocol):
    """Removes containers that do not run."""

    async def prune(self, filters: Filters) -> ContainersPruned: ...


def container_upkeep_routes(updates: UpdateService, pruning: ContainerPruneService) -> tuple[Route, ...]:
    """The endpoints that keep a set of containers in order."""

    async def update(call: Call) -> Answer:
        body = adapt_update(await call.body(ContainerUpdate), call.version)
        return json_answer(await updates.update(call.name, body))

    async def prune(call: Call) -> Answer:
        return json_answer(await pruning.prune(call.filters()))

    async def checkpoint(_call: Call) -> Answer:
        # Docker's words, for an engine that says in every answer that it is not experimental.
        raise UnsupportedError(
            "This experimental feature is disabled by default. Start the Docker daemon in experimental mode "
            "in order to enable it."
        )

    return (
        Route("POST", "/containers/prune", prune, must_finish=True, since=ApiVersion(1, 25)),
        Route("POST", "/containers/{name}/update", update, must_finish=True),
        Route("GET", "/containers/{name}/checkpoints", checkpoint, since=ApiVersion(1, 25)),
        Route("POST", "/containers/{name}/checkpoints", checkpoint, since=ApiVersion(1, 25)),
        Route("DELETE", "/containers/{name}/checkpoints/{checkpoint}", checkpoint, since=ApiVersion(1, 25)),
    )

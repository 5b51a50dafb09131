"""``/volumes/*``."""

from typing import Protocol

from scow.api.http.answer import Answer
from scow.api.server.call import Call, json_answer, no_content
from scow.api.server.router import Route
from scow.api.server.versions import volume_prune_filters
from scow.spec.api_version import ApiVersion
from scow.spec.engine_api.volume import Volume, VolumeCreate, VolumeList, VolumePrune
from scow.spec.filters import Filters


class VolumeService(Protocol):
    """Volumes."""

    async def create(self, body: VolumeCreate) -> Volume: ...

    async def list(self, filters: Filters) -> VolumeList: ...

    async def inspect(self, name: str) -> Volume: ...

    async def remove(self, name: str, force: bool) -> None: ...

    async def prune(self, filters: Filters) -> VolumePrune: ...


def volume_routes(volumes: VolumeService) -> tuple[Route, ...]:
    """The endpoints of volumes."""

    async def create(call: Call) -> Answer:
        return json_answer(await volumes.create(await call.optional_body(VolumeCreate)), 201)

    async def list_(call: Call) -> Answer:
        return json_answer(await volumes.list(call.filters()))

    async def inspect(call: Call) -> Answer:
        return json_answer(await volumes.inspect(call.name))

    async def remove(call: Call) -> Answer:
        await volumes.remove(call.name, call.query.boolean("force"))
        return no_content()

    async def prune(call: Call) -> Answer:
        return json_answer(await volumes.prune(volume_prune_filters(call.filters(), call.version)))

    return (
        Route("GET", "/volumes", list_),
        Route("POST", "/volumes/create", create, must_finish=True),
        Route("POST", "/volumes/prune", prune, must_finish=True, since=ApiVersion(1, 25)),
        Route("GET", "/volumes/{name}", inspect),
        Route("DELETE", "/volumes/{name}", remove, must_finish=True),
    )

"""``/scow/volumes/*``: what Docker's API has no endpoints for: clones, snapshots, renames, archives."""

from collections.abc import AsyncIterable, Mapping, Sequence
from typing import Protocol

from scow.api.http.answer import Answer, Stream
from scow.api.server.call import Call, json_answer, no_content
from scow.api.server.router import Route
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.body import decode_body
from scow.spec.engine_api.volume import SnapshotCreate, Volume, VolumeClone, VolumeSnapshot


class VolumeCopyService(Protocol):
    """Volumes out of volumes and archives, and archives out of volumes."""

    async def clone(self, reference: str, body: VolumeClone) -> Volume: ...

    async def rename(self, name: str, new: str) -> None: ...

    async def export(self, reference: str, *, pause: bool) -> AsyncIterable[bytes]: ...

    async def import_(
        self, name: str, chunks: AsyncIterable[bytes], labels: Mapping[str, str], options: Mapping[str, str]
    ) -> Volume: ...


class SnapshotService(Protocol):
    """Snapshots of volumes."""

    async def list(self, name: str) -> Sequence[VolumeSnapshot]: ...

    async def create(self, name: str, body: SnapshotCreate) -> VolumeSnapshot: ...

    async def remove(self, name: str, snapshot: str) -> None: ...

    async def restore(self, name: str, snapshot: str) -> None: ...


def volume_copy_routes(copies: VolumeCopyService, snapshots: SnapshotService) -> tuple[Route, ...]:
    """The endpoints."""

    async def clone(call: Call) -> Answer:
        return json_answer(await copies.clone(call.name, await call.body(VolumeClone)), 201)

    async def rename(call: Call) -> Answer:
        await copies.rename(call.name, call.query.text("name"))
        return no_content()

    async def export(call: Call) -> Answer:
        tar = await copies.export(call.name, pause=call.query.boolean("pause", True))
        return Stream(tar, "application/x-tar")

    async def import_(call: Call) -> Answer:
        labels, options = _texts(call, "labels"), _texts(call, "opts")
        return json_answer(await copies.import_(call.name, call.request.body, labels, options), 201)

    async def list_snapshots(call: Call) -> Answer:
        return json_answer(await snapshots.list(call.name))

    async def snapshot(call: Call) -> Answer:
        return json_answer(await snapshots.create(call.name, await call.optional_body(SnapshotCreate)), 201)

    async def remove_snapshot(call: Call) -> Answer:
        await snapshots.remove(call.name, _snapshot(call))
        return no_content()

    async def restore(call: Call) -> Answer:
        await snapshots.restore(call.name, _snapshot(call))
        return no_content()

    return (
        Route("POST", "/scow/volumes/{name}/clone", clone, must_finish=True),
        Route("POST", "/scow/volumes/{name}/rename", rename, must_finish=True),
        Route("GET", "/scow/volumes/{name}/export", export),
        Route("POST", "/scow/volumes/{name}/import", import_),
        Route("GET", "/scow/volumes/{name}/snapshots", list_snapshots),
        Route("POST", "/scow/volumes/{name}/snapshots", snapshot, must_finish=True),
        Route("DELETE", "/scow/volumes/{name}/snapshots", remove_snapshot, must_finish=True),
        Route("POST", "/scow/volumes/{name}/restore", restore, must_finish=True),
    )


def _snapshot(call: Call) -> str:
    name = call.query.text("snapshot")
    if not name:
        raise InvalidArgumentError("bad parameter: snapshot cannot be empty")
    return name


def _texts(call: Call, key: str) -> dict[str, str]:
    """A parameter that is a JSON object of texts. Raises InvalidArgumentError."""
    text = call.query.text(key)
    return decode_body(text.encode(), dict[str, str]) if text else {}

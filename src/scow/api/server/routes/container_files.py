"""``/containers/{name}/{archive,changes,export}`` and ``/commit``: a container's files."""

import base64
from collections.abc import AsyncIterable
from typing import Protocol

import msgspec

from scow.api.http.answer import Answer, Full, Stream
from scow.api.server.call import Call, json_answer
from scow.api.server.router import Route
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.container import ContainerConfig
from scow.spec.engine_api.files import CommitOptions, CommitResult, FileChange, PathStat

_TAR = "application/x-tar"
_STAT_HEADER = "X-Docker-Container-Path-Stat"


class FileService(Protocol):
    """Files in and out of containers."""

    async def stat(self, ref: str, path: str) -> PathStat: ...

    async def archive(self, ref: str, path: str) -> tuple[PathStat, AsyncIterable[bytes]]: ...

    async def extract(
        self, ref: str, path: str, chunks: AsyncIterable[bytes], *, keep_kinds: bool, copy_owner: bool
    ) -> None: ...

    async def changes(self, ref: str) -> list[FileChange] | None: ...

    async def export(self, ref: str) -> AsyncIterable[bytes]: ...


class CommitService(Protocol):
    """Images out of containers."""

    async def commit(self, ref: str, options: CommitOptions) -> CommitResult: ...


def file_routes(files: FileService) -> tuple[Route, ...]:
    """The endpoints of containers' files."""

    async def stat(call: Call) -> Answer:
        return Full(200, headers=_stat_header(await files.stat(call.name, _path(call))))

    async def archive(call: Call) -> Answer:
        status, tar = await files.archive(call.name, _path(call))
        return Stream(tar, _TAR, headers=_stat_header(status))

    async def extract(call: Call) -> Answer:
        query = call.query
        await files.extract(
            call.name,
            _path(call),
            call.request.body,
            keep_kinds=query.boolean("noOverwriteDirNonDir"),
            copy_owner=query.boolean("copyUIDGID"),
        )
        return Full(200)

    async def changes(call: Call) -> Answer:
        return json_answer(await files.changes(call.name))

    async def export(call: Call) -> Answer:
        return Stream(await files.export(call.name), "application/octet-stream")

    return (
        Route("HEAD", "/containers/{name}/archive", stat),
        Route("GET", "/containers/{name}/archive", archive),
        Route("PUT", "/containers/{name}/archive", extract),
        Route("GET", "/containers/{name}/changes", changes),
        Route("GET", "/containers/{name}/export", export),
    )


def commit_routes(commits: CommitService) -> tuple[Route, ...]:
    """The endpoint that makes an image of a container."""

    async def commit(call: Call) -> Answer:
        query = call.query
        config = await call.optional_body(ContainerConfig)
        options = CommitOptions(
            repo=query.text("repo"),
            tag=query.text("tag"),
            comment=query.text("comment"),
            author=query.text("author"),
            changes=query.all("changes"),
            pause=query.boolean("pause", True),
            # Clients that have nothing to say of the config send an empty one.
            config=config if config != ContainerConfig() else None,
        )
        return json_answer(await commits.commit(query.text("container"), options), 201)

    return (Route("POST", "/commit", commit, must_finish=True),)


def _path(call: Call) -> str:
    path = call.query.text("path")
    if not path:
        raise InvalidArgumentError("bad parameter: path cannot be empty")
    return path


def _stat_header(status: PathStat) -> dict[str, str]:
    return {_STAT_HEADER: base64.b64encode(msgspec.json.encode(status)).decode()}

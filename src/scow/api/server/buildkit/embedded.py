"""BuildKit behind ``POST /build?version=2``, as docker's command line up to 20.10 asks for it.

The client lends its files over a session; progress comes back as BuildKit's messages within Docker's JSON. A
context from standard input comes by a second request, whose build id begins with ``upload-request:``.
"""

import asyncio
import base64
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Any

import msgspec

from scow.api.grpc.status import CallError
from scow.api.http.query import Query
from scow.api.server.buildkit.client import SessionClient
from scow.api.server.buildkit.sessions import Session, Sessions
from scow.api.server.buildkit.status import ProgressLog
from scow.errors import InvalidArgumentError, NotFoundError, ScowError
from scow.spec.build_history import BuildRecording, ExporterEntry, new_ref
from scow.spec.build_progress import BuildProgress
from scow.spec.frontend_build import Exchange, FrontendBuilds, FrontendRequest
from scow.tasks import TaskOwner

_UPLOAD = "upload-request"
_UPLOAD_ADDRESS = "http://buildkit-session/upload-request"
_PATIENCE_S = 30.0
Message = dict[str, Any]


class _Output(msgspec.Struct, rename={"type": "Type", "attributes": "Attrs"}):
    """One of the query's ``outputs``."""

    type: str = ""
    attributes: dict[str, str] | None = None


class Uploads:
    """Contexts that wait for their builds, by the builds' ids."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[AsyncIterable[bytes]]] = {}

    async def offer(self, build_id: str, chunks: AsyncIterable[bytes]) -> None:
        """Keep the request open until its build has read it."""
        done = asyncio.Event()

        async def read() -> AsyncIterator[bytes]:
            try:
                async for chunk in chunks:
                    yield chunk
            finally:
                done.set()

        future = self._future(build_id)
        if not future.done():
            future.set_result(read())
        try:
            await done.wait()
        finally:
            self._waiting.pop(build_id, None)

    async def take(self, build_id: str) -> AsyncIterator[bytes]:
        """What was offered. Raises ScowError when nothing comes."""
        try:
            chunks = await asyncio.wait_for(self._future(build_id), _PATIENCE_S)
        except TimeoutError as exc:
            raise ScowError("the build context was not uploaded") from exc
        async for chunk in chunks:
            yield chunk

    def _future(self, build_id: str) -> "asyncio.Future[AsyncIterable[bytes]]":
        if build_id not in self._waiting:
            self._waiting[build_id] = asyncio.get_running_loop().create_future()
        return self._waiting[build_id]


class _Client(SessionClient):
    """A client whose context may come by a request of its own."""

    def __init__(self, session: Session, folder: str, uploads: Uploads, build_id: str) -> None:
        super().__init__(session, folder)
        self._uploads = uploads
        self._build_id = build_id

    def upload(self, address: str) -> AsyncIterator[bytes]:
        return self._uploads.take(self._build_id)


class EmbeddedBuilds:
    """See the module."""

    def __init__(self, builds: FrontendBuilds, sessions: Sessions, socket_folder: str) -> None:
        self._builds = builds
        self._sessions = sessions
        self._socket_folder = socket_folder
        self._uploads = Uploads()
        self._running: dict[str, TaskOwner] = {}

    async def build(self, query: Query, body: AsyncIterable[bytes]) -> AsyncIterator[Message]:
        """The progress, to be read. Raises InvalidArgumentError, ScowError."""
        build_id = query.text("buildid")
        if build_id.startswith(f"{_UPLOAD}:"):
            await self._uploads.offer(build_id.removeprefix(f"{_UPLOAD}:"), body)
            return _nothing()
        try:
            session = await self._sessions.get(query.text("session"))
        except CallError as exc:
            raise ScowError(exc.message) from exc
        client = _Client(session, self._socket_folder, self._uploads, build_id)
        return self._progress(client, build_id, frontend_options(query), exporters(query))

    async def cancel(self, build_id: str) -> None:
        """Give a build up. Raises NotFoundError."""
        running = self._running.get(build_id)
        if running is None:
            raise NotFoundError(f"no such build: {build_id}")
        await running.aclose()

    async def _progress(
        self, client: _Client, build_id: str, options: Mapping[str, str], wanted: tuple[Exchange, ...]
    ) -> AsyncIterator[Message]:
        log = ProgressLog()
        async with TaskOwner("build") as tasks:
            self._running[build_id] = tasks
            try:
                work = tasks.start(self._built(client, build_id, options, wanted, log), name=build_id)
                work.add_done_callback(lambda _: log.end())
                async for response in log.responses():
                    yield {
                        "id": "moby.buildkit.trace",
                        "aux": base64.b64encode(response.encode()).decode(),
                    }
                if work.cancelled():
                    raise ScowError("context canceled")
                outcome = work.result()
            finally:
                self._running.pop(build_id, None)
                await client.aclose()
        if isinstance(outcome, Exception):
            raise outcome
        if image_id := outcome.get("containerimage.config.digest"):
            yield {"id": "moby.image.id", "aux": {"ID": image_id}}

    async def _built(
        self,
        client: _Client,
        build_id: str,
        options: Mapping[str, str],
        wanted: tuple[Exchange, ...],
        log: ProgressLog,
    ) -> dict[str, str] | Exception:
        """What it came to, or how it failed."""
        try:
            async with self._builds.history.recorded(
                build_id or new_ref(),
                "dockerfile.v0",
                options,
                [ExporterEntry(kind=it.kind, attributes=dict(it.attributes)) for it in wanted],
            ) as recording:
                return await self._exported(client, options, wanted, log, recording)
        except Exception as exc:  # raised again when all of the log has been told
            return exc

    async def _exported(
        self,
        client: _Client,
        options: Mapping[str, str],
        wanted: tuple[Exchange, ...],
        log: ProgressLog,
        recording: BuildRecording,
    ) -> dict[str, str]:
        def tell(progress: BuildProgress) -> None:
            recording.tell(progress)
            log.tell(progress)

        built = await self._builds.solve(FrontendRequest(options, client, tell))
        try:
            response = await built.export(wanted, ())
            recording.findings(built.findings)
            return response
        finally:
            await built.aclose()


async def _nothing() -> AsyncIterator[Message]:
    """The answer to an upload has no lines."""
    nothing: tuple[Message, ...] = ()
    for message in nothing:
        yield message


def frontend_options(query: Query) -> dict[str, str]:
    """The query of ``POST /build`` as options of the Dockerfile front end. Raises InvalidArgumentError."""
    options = {
        "filename": query.text("dockerfile") or "Dockerfile",
        "target": query.text("target"),
        "platform": query.text("platform"),
        "force-network-mode": query.text("networkmode"),
        "cgroup-parent": query.text("cgroupparent"),
        "shm-size": query.text("shmsize"),
        "add-hosts": ",".join(_hosts(query)),
        "ulimit": ",".join(_ulimits(query)),
        "image-resolve-mode": "pull" if query.boolean("pull") else "local",
    }
    if query.boolean("nocache"):
        options["no-cache"] = ""
    remote = query.text("remote")
    if remote == _UPLOAD:
        options["context"] = _UPLOAD_ADDRESS
    elif remote and remote != "client-session":
        options["context"] = remote
    for name, value in _json(query, "buildargs", dict[str, str | None]).items():
        if value is not None:
            options[f"build-arg:{name}"] = value
    labels = _json(query, "labels", dict[str, str])
    options |= {f"label:{name}": value for name, value in labels.items()}
    return {name: value for name, value in options.items() if value or name == "no-cache"}


def exporters(query: Query) -> tuple[Exchange, ...]:
    """What it is exported to: the engine's images, if nothing else is said. Raises InvalidArgumentError."""
    outputs = _json(query, "outputs", list[_Output])
    if not outputs:
        return (Exchange("moby", {"name": ",".join(query.all("t"))}),)
    return tuple(Exchange(it.type, it.attributes or {}) for it in outputs)


def _hosts(query: Query) -> list[str]:
    """``name:address``, between commas or repeated, as the front end has it."""
    found = [one for text in query.all("extrahosts") for one in text.split(",") if one]
    return ["=".join(one.split(":", 1)) for one in found]


def _ulimits(query: Query) -> list[str]:
    found = _json(query, "ulimits", list[dict[str, Any]])
    return [f"{it.get('Name')}={it.get('Soft')}:{it.get('Hard')}" for it in found]


def _json(query: Query, name: str, kind: type[Any]) -> Any:
    text = query.text(name)
    if not text or text == "null":
        return kind()
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise InvalidArgumentError(f"error reading {name}: {exc}") from exc

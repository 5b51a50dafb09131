"""``/containers/{name}/{attach,logs,resize}``: what a container says and hears."""

from typing import Protocol

from scow.api.http.answer import Answer, Full, Stream
from scow.api.server.call import Call
from scow.api.server.router import Route
from scow.api.server.streams import Attachment, LogStream, hijack, stream_type
from scow.api.server.window_size import parse_window_size
from scow.errors import InvalidArgumentError
from scow.spec.stream_options import AttachOptions, LogQuery


class StreamService(Protocol):
    """A container's standard streams."""

    async def attach(self, ref: str, options: AttachOptions) -> Attachment: ...

    async def logs(self, ref: str, query: LogQuery) -> LogStream: ...

    async def resize(self, ref: str, height: int, width: int) -> None: ...


def stream_routes(streams: StreamService) -> tuple[Route, ...]:
    """The endpoints of container streams."""

    async def attach(call: Call) -> Answer:
        query = call.query
        options = AttachOptions(
            stdin=query.boolean("stdin"),
            stdout=query.boolean("stdout"),
            stderr=query.boolean("stderr"),
            logs=query.boolean("logs"),
            stream=query.boolean("stream"),
            detach_keys=query.text("detachKeys"),
        )
        return hijack(await streams.attach(call.name, options), call.version)

    async def logs(call: Call) -> Answer:
        query = call.query
        wanted = LogQuery(
            stdout=query.boolean("stdout"),
            stderr=query.boolean("stderr"),
            since=query.text("since"),
            until=query.text("until"),
            timestamps=query.boolean("timestamps"),
            follow=query.boolean("follow"),
            details=query.boolean("details"),
            tail=query.text("tail"),
        )
        if not (wanted.stdout or wanted.stderr):
            raise InvalidArgumentError("Bad parameters: you must choose at least one stream")
        found = await streams.logs(call.name, wanted)
        return Stream(found, stream_type(found.multiplexed, call.version))

    async def resize(call: Call) -> Answer:
        await streams.resize(call.name, *parse_window_size(call.query))
        return Full(200)

    return (
        Route("POST", "/containers/{name}/attach", attach),
        Route("GET", "/containers/{name}/logs", logs),
        Route("POST", "/containers/{name}/resize", resize),
    )

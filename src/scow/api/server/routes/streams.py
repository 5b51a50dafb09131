"""``/containers/{name}/{attach,logs,resize}``: what a container says and hears."""

from dataclasses import replace
from typing import Protocol

from scow.api.http.answer import Answer, Full, Hijack, Stream
from scow.api.http.query import Query
from scow.api.http.websocket import check_handshake, over_websocket
from scow.api.http.websocket_frames import BINARY, TEXT
from scow.api.server.call import Call
from scow.api.server.router import Route
from scow.api.server.streams import Attachment, LogStream, hijack, stream_type
from scow.api.server.window_size import parse_window_size
from scow.errors import InvalidArgumentError
from scow.spec.api_version import ApiVersion
from scow.spec.stream_options import AttachOptions, LogQuery

_WEBSOCKET_BINARY_SINCE = ApiVersion(1, 28)
_WEBSOCKET_CHOOSES_SINCE = ApiVersion(1, 42)
"""Before, a WebSocket had all three streams."""


class StreamService(Protocol):
    """A container's standard streams."""

    async def attach(self, ref: str, options: AttachOptions) -> Attachment: ...

    async def logs(self, ref: str, query: LogQuery) -> LogStream: ...

    async def resize(self, ref: str, height: int, width: int) -> None: ...


def stream_routes(streams: StreamService) -> tuple[Route, ...]:
    """The endpoints of container streams."""

    async def attach(call: Call) -> Answer:
        return hijack(await streams.attach(call.name, _attach_options(call.query)), call.version)

    async def attach_websocket(call: Call) -> Answer:
        handshake = check_handshake(call.request.head)
        attachment = await streams.attach(call.name, _websocket_options(call))
        opcode = BINARY if call.version >= _WEBSOCKET_BINARY_SINCE else TEXT
        run = over_websocket(attachment.run, opcode)
        return Hijack(run, protocol="websocket", headers=handshake.headers())

    async def logs(call: Call) -> Answer:
        found = await streams.logs(call.name, _log_query(call.query))
        return Stream(found, stream_type(found.multiplexed, call.version))

    async def resize(call: Call) -> Answer:
        await streams.resize(call.name, *parse_window_size(call.query))
        return Full(200)

    return (
        Route("POST", "/containers/{name}/attach", attach),
        Route("GET", "/containers/{name}/attach/ws", attach_websocket),
        Route("GET", "/containers/{name}/logs", logs),
        Route("POST", "/containers/{name}/resize", resize),
    )


def _attach_options(query: Query) -> AttachOptions:
    return AttachOptions(
        stdin=query.boolean("stdin"),
        stdout=query.boolean("stdout"),
        stderr=query.boolean("stderr"),
        logs=query.boolean("logs"),
        stream=query.boolean("stream"),
        detach_keys=query.text("detachKeys"),
    )


def _websocket_options(call: Call) -> AttachOptions:
    """Messages have no room for a stream's number, so output comes unframed."""
    options = replace(_attach_options(call.query), framed=False)
    if call.version >= _WEBSOCKET_CHOOSES_SINCE:
        return options
    return replace(options, stdin=True, stdout=True, stderr=True)


def _log_query(query: Query) -> LogQuery:
    """Raises InvalidArgumentError when no stream is chosen."""
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
    return wanted

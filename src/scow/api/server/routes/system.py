"""``/_ping``, ``/version``, ``/info``, ``/events``."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

from scow.api.http.answer import Answer, Full, Stream, end_items
from scow.api.server.call import JSON, Call, json_answer
from scow.api.server.router import Route
from scow.api.server.version_views import view_event, view_info
from scow.spec.api_version import ApiVersion
from scow.spec.engine_api.body import encode_body
from scow.spec.engine_api.event import Event
from scow.spec.filters import Filters

_PING_HEADERS = {
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Swarm": "inactive",
}
_JSON_LINES = "application/x-ndjson"
_JSON_SEQUENCE = "application/json-seq"
_RECORD_SEPARATOR = b"\x1e"  # RFC 7464, 2.2


class SystemService(Protocol):
    """The engine as a whole."""

    async def version(self) -> dict[str, Any]: ...

    async def info(self) -> dict[str, Any]: ...

    async def events(self, since: str, until: str, filters: Filters) -> AsyncIterator[Event]:
        """Past events from ``since`` on, then live ones up to ``until``. Raises before it returns."""


def system_routes(system: SystemService) -> tuple[Route, ...]:
    """The endpoints of the engine itself."""

    async def ping(call: Call) -> Answer:
        body = b"" if call.request.method == "HEAD" else b"OK"
        return Full(200, body, "text/plain; charset=utf-8", _PING_HEADERS)

    async def version(call: Call) -> Answer:
        return json_answer(await system.version())

    async def info(call: Call) -> Answer:
        return json_answer(view_info(await system.info(), call.version))

    async def events(call: Call) -> Answer:
        query = call.query
        found = await system.events(query.text("since"), query.text("until"), call.filters())
        content_type = _event_type(call.version, call.request.header("accept"))
        prefix = _RECORD_SEPARATOR if content_type == _JSON_SEQUENCE else b""
        return Stream(_event_lines(found, call.version, prefix), content_type)

    return (
        Route("GET", "/_ping", ping),
        Route("HEAD", "/_ping", ping),
        Route("GET", "/version", version),
        Route("GET", "/info", info),
        Route("GET", "/events", events),
    )


def _event_type(version: ApiVersion, accept: str) -> str:
    """Since 1.52 the stream says that it is one, and the client may choose between two kinds."""
    if version < (1, 52):
        return JSON
    return _JSON_SEQUENCE if _JSON_SEQUENCE in accept and _JSON_LINES not in accept else _JSON_LINES


async def _event_lines(
    events: AsyncIterator[Event], version: ApiVersion, prefix: bytes
) -> AsyncIterator[bytes]:
    try:
        async for event in events:
            yield prefix + encode_body(view_event(event, version)) + b"\n"
    finally:
        await end_items(events)

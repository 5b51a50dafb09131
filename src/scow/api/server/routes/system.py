"""``/_ping``, ``/version``, ``/info``, ``/events``."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

from scow.api.http.answer import Answer, Full, Stream
from scow.api.server.call import Call, json_answer
from scow.api.server.router import Route
from scow.api.server.versions import event_type, view_event
from scow.spec.api_version import ApiVersion
from scow.spec.engine_api.body import encode_body
from scow.spec.engine_api.event import Event
from scow.spec.filters import Filters

_PING_HEADERS = {
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Swarm": "inactive",
}


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
        return json_answer(await system.info())

    async def events(call: Call) -> Answer:
        query = call.query
        found = await system.events(query.text("since"), query.text("until"), call.filters())
        return Stream(_event_lines(found, call.version), event_type(call.version))

    return (
        Route("GET", "/_ping", ping),
        Route("HEAD", "/_ping", ping),
        Route("GET", "/version", version),
        Route("GET", "/info", info),
        Route("GET", "/events", events),
    )


async def _event_lines(events: AsyncIterator[Event], version: ApiVersion) -> AsyncIterator[bytes]:
    async for event in events:
        yield encode_body(view_event(event, version)) + b"\n"

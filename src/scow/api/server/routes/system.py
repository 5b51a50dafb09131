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
# The Python docker-compose takes the newest version there is, and fails on images of 1.45, which have no
# "ContainerConfig" any more: it is told of the newest version that it understands.
_PYTHON_COMPOSE, _ITS_VERSION = "docker-compose/1.", "1.44"
_JSON_LINES = "application/jsonl"
_ND_JSON = "application/x-ndjson"
_JSON_SEQUENCE = "application/json-seq"
_EVENT_TYPES = (_JSON_LINES, _ND_JSON, _JSON_SEQUENCE)
_RECORD_SEPARATOR = b"\x1e"  # RFC 7464, 2.2


class SystemService(Protocol):
    """The engine as a whole."""

    @property
    def builder_version(self) -> str:
        """Which builder clients are to use: "1" the classic one, "2" BuildKit's protocol."""

    async def version(self) -> dict[str, Any]: ...

    async def info(self) -> dict[str, Any]: ...

    async def events(self, since: str, until: str, filters: Filters) -> AsyncIterator[Event]:
        """Past events from ``since`` on, then live ones up to ``until``. Raises before it returns."""


def system_routes(system: SystemService) -> tuple[Route, ...]:
    """The endpoints of the engine itself."""

    async def ping(call: Call) -> Answer:
        body = b"" if call.request.method == "HEAD" else b"OK"
        headers = {**_PING_HEADERS, "Builder-Version": system.builder_version}
        return Full(200, body, "text/plain; charset=utf-8", headers)

    async def version(call: Call) -> Answer:
        told = await system.version()
        if call.request.header("user-agent").startswith(_PYTHON_COMPOSE):
            told = {**told, "ApiVersion": _ITS_VERSION}
        return json_answer(told)

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
    """The kind of stream that the client prefers by name; else what it was called before 1.52, and since."""
    weights = _weights(accept)
    wanted = max(_EVENT_TYPES, key=lambda kind: weights.get(kind, 0.0))
    if weights.get(wanted):
        return wanted
    return JSON if version < (1, 52) else _JSON_LINES


def _weights(accept: str) -> dict[str, float]:
    """Media types of an Accept header with their weights (RFC 9110, 12.4.2); what is malformed weighs 0."""
    found = {}
    for item in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in item.split(";"))
        weight = next((it[2:] for it in parameters if it.startswith("q=")), "1")
        try:
            found[kind] = float(weight)
        except ValueError:
            found[kind] = 0.0
    return found


async def _event_lines(
    events: AsyncIterator[Event], version: ApiVersion, prefix: bytes
) -> AsyncIterator[bytes]:
    try:
        async for event in events:
            if version < (1, 46) and (event.type, event.action) == ("image", "create"):
                continue  # such events came with 1.46
            yield prefix + encode_body(view_event(event, version)) + b"\n"
    finally:
        await end_items(events)

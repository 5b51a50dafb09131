"""``POST /scow/build``: builds for the scow command line, see ``scow.spec.direct_build``."""

from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from scow.api.http.answer import Answer
from scow.api.server.call import Call
from scow.api.server.router import Route
from scow.api.server.streams import progress_stream
from scow.errors import InvalidArgumentError

if TYPE_CHECKING:
    from scow.spec.direct_build import DirectBuild


class DirectBuildService(Protocol):
    """Builds. What can be raised before there is progress to tell, is."""

    async def build(
        self, asked: "DirectBuild", body: AsyncIterable[bytes]
    ) -> AsyncIterator[dict[str, Any]]: ...


def direct_build_routes(builds: DirectBuildService) -> tuple[Route, ...]:
    """The one endpoint, which Docker does not have."""

    async def build(call: Call) -> Answer:
        from scow.spec.direct_build import MAX_DOCUMENT_BYTES, DirectBuild  # many engines never build

        size = call.query.integer("preamble") or 0
        if not 0 < size <= MAX_DOCUMENT_BYTES:
            raise InvalidArgumentError(f"a build's document of {size} bytes")
        pieces = aiter(call.request.body)
        head = b""
        while len(head) < size:
            piece = await anext(pieces, b"")
            if not piece:
                raise InvalidArgumentError("unexpected end of a build's document")
            head += piece
        try:
            asked = msgspec.json.decode(head[:size], type=DirectBuild)
        except (msgspec.DecodeError, RecursionError) as exc:
            raise InvalidArgumentError(f"invalid build: {exc}") from exc
        return progress_stream(await builds.build(asked, _rest(head[size:], pieces)))

    return (Route("POST", "/scow/build", build),)


async def _rest(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in pieces:
        yield piece

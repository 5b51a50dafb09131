"""One call of an endpoint: the request with its version, name, query and typed body."""

import asyncio
from dataclasses import dataclass
from typing import TypeVar

from scow.api.http.answer import Full
from scow.api.http.query import Query
from scow.api.http.request import Request
from scow.errors import InvalidArgumentError
from scow.spec.api_version import ApiVersion
from scow.spec.engine_api.body import decode_body, encode_body
from scow.spec.filters import Filters, parse_filters

T = TypeVar("T")

MAX_JSON_BYTES = 4 * 1024 * 1024
"""Far more than a container with every option, or a secret (500 kB), needs."""
BODY_TIMEOUT_S = 60.0
"""For a JSON body from the moment that its handler wants it."""

JSON = "application/json"


@dataclass(slots=True)
class Call:
    """What a handler gets."""

    request: Request
    version: ApiVersion
    name: str
    query: Query

    def filters(self) -> Filters:
        """The ``filters`` parameter. Raises InvalidArgumentError."""
        return parse_filters(self.query.text("filters"))

    async def body(self, kind: type[T]) -> T:
        """The JSON body. Raises InvalidArgumentError, also when there is none."""
        data = await self._json_bytes()
        if not data.strip():
            raise InvalidArgumentError("invalid JSON: got EOF while reading request body")
        return decode_body(data, kind)

    async def optional_body(self, kind: type[T]) -> T:
        """The JSON body, or ``kind()`` when there is none, or ``null`` as Go's clients say it."""
        data = await self._json_bytes()
        return decode_body(data, kind) if data.strip() not in (b"", b"null") else kind()

    async def body_of_any_type(self, kind: type[T]) -> T:
        """The JSON body, whatever its type is called; ``null`` is ``kind()``. Raises InvalidArgumentError."""
        data = (await self._body_bytes()).strip()
        if not data:
            raise InvalidArgumentError("invalid JSON: EOF")
        return decode_body(data, kind) if data != b"null" else kind()

    async def _json_bytes(self) -> bytes:
        content_type = self.request.header("content-type")
        if self.request.body.length == 0 and not content_type:
            return b""
        if content_type.partition(";")[0].strip().lower() != JSON:
            raise InvalidArgumentError(f"Content-Type specified ({content_type}) must be '{JSON}'")
        return await self._body_bytes()

    async def _body_bytes(self) -> bytes:
        body = self.request.body
        if body.complete:
            return await body.read(MAX_JSON_BYTES)
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                return await body.read(MAX_JSON_BYTES)
        except TimeoutError as exc:
            raise InvalidArgumentError(f"no complete request body within {BODY_TIMEOUT_S:g} s") from exc


def json_answer(value: object, status: int = 200) -> Full:
    """``value`` as JSON; ends with a line feed, as Go's encoder ends it."""
    return Full(status, encode_body(value) + b"\n", JSON)


def no_content() -> Full:
    """Done, and nothing to tell."""
    return Full(204)

"""Answers that go on for a while: JSON objects one by one, container output, hijacked connections."""

import logging
from collections.abc import AsyncIterable, AsyncIterator
from typing import Protocol

from scow.api.http.answer import Hijack, Stream, end_items
from scow.api.http.duplex import Duplex
from scow.api.http.websocket import WebSocket
from scow.api.server.call import JSON
from scow.errors import ScowError, told_of
from scow.spec.api_version import ApiVersion
from scow.spec.engine_api.body import encode_body

RAW_STREAM = "application/vnd.docker.raw-stream"
MULTIPLEXED_STREAM = "application/vnd.docker.multiplexed-stream"
_MULTIPLEXED_SINCE = ApiVersion(1, 42)

_log = logging.getLogger(__name__)


class Attachment(Protocol):
    """A process's streams, ready to be joined to a connection."""

    multiplexed: bool
    """Whether output comes in frames, which is decided by its terminal."""

    async def run(self, conn: Duplex | WebSocket) -> None:
        """Pass bytes both ways until the output ends, or the client is gone or detaches."""


class LogStream(Protocol):
    """A container's log, encoded for the client."""

    multiplexed: bool

    def __aiter__(self) -> AsyncIterator[bytes]: ...


def hijack(attachment: Attachment, version: ApiVersion) -> Hijack:
    """Hand the connection to ``attachment`` once its head has been sent."""
    return Hijack(attachment.run, stream_type(attachment.multiplexed, version), RAW_STREAM)


def stream_type(multiplexed: bool, version: ApiVersion) -> str:
    """The content type of container output; older clients know only one."""
    return MULTIPLEXED_STREAM if multiplexed and version >= _MULTIPLEXED_SINCE else RAW_STREAM


def progress_stream(items: AsyncIterable[object]) -> Stream:
    """Progress of a long operation; a failure on the way becomes its last object."""
    return Stream(_with_error_object(items), JSON)


async def _with_error_object(items: AsyncIterable[object]) -> AsyncIterator[bytes]:
    try:
        async for item in items:
            yield encode_body(item) + b"\r\n"
    except ScowError as exc:
        yield _error_object(exc.message)
    except Exception as exc:
        _log.exception("an operation failed while it was being reported on")
        yield _error_object(told_of(exc))
    finally:
        await end_items(items)


def _error_object(message: str) -> bytes:
    return encode_body({"errorDetail": {"message": message}, "error": message}) + b"\r\n"

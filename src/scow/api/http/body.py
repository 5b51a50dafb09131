"""The body of a request, as its handler reads it: decoded, and bounded where it is read whole."""

import zlib
from collections.abc import AsyncIterator, Callable

from scow.api.http.body_framing import BadBodyError
from scow.api.http.detached_body import DetachedBody
from scow.api.http.inflow import Inflow
from scow.errors import InvalidArgumentError

_INFLATE_STEP = 256 * 1024
_GZIP_WBITS = 31


class BodyTooLargeError(InvalidArgumentError):
    """More bytes than this kind of body may have."""


class Body:
    """Read once: either as pieces (``async for``) or whole.

    ``on_first_read`` runs before the first wait for bytes: it sends ``100 Continue`` to a client that
    waits for it.
    """

    __slots__ = ("_coding", "_detach", "_inflow", "_on_first_read", "length")

    def __init__(
        self,
        inflow: Inflow | None,
        *,
        length: int | None = 0,
        coding: str = "",
        on_first_read: Callable[[], None] | None = None,
        detach: Callable[[], DetachedBody | None] = lambda: None,
    ) -> None:
        self._inflow = inflow
        self._detach = detach
        self._coding = coding
        self._on_first_read = on_first_read
        self.length = length
        """Bytes on the wire, None when not known beforehand."""

    @property
    def complete(self) -> bool:
        """Whether all of it has arrived, so that the next request can follow."""
        return self._inflow is None or (self._inflow.ended and not self._inflow.failed)

    def detach(self) -> DetachedBody | None:
        """All of it for one thread to read, until it is closed; None where that cannot be."""
        if self._inflow is None or self._inflow.ended or self._coding.lower() not in ("", "identity"):
            return None
        self._tell_first_read()
        return self._detach()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._decoded()

    async def read(self, limit_bytes: int) -> bytes:
        """All of it. Raises BodyTooLargeError, BadBodyError."""
        if self._inflow is None:
            return b""
        pieces: list[bytes] = []
        size = 0
        async for piece in self:
            size += len(piece)
            if size > limit_bytes:
                raise BodyTooLargeError(f"request body too large: the limit is {limit_bytes} bytes")
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _decoded(self) -> AsyncIterator[bytes]:
        match self._coding.lower():
            case "" | "identity":
                return self._raw()
            case "gzip" | "x-gzip":
                return _gunzip(self._raw())
            case other:
                raise BadBodyError(f'unsupported Content-Encoding: "{other}"')

    async def _raw(self) -> AsyncIterator[bytes]:
        if self._inflow is None:
            return
        self._tell_first_read()
        while piece := await self._inflow.read():
            yield piece

    def _tell_first_read(self) -> None:
        told, self._on_first_read = self._on_first_read, None
        if told is not None:
            told()


async def _gunzip(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Any number of gzip members; what one piece inflates to comes in steps of bounded size."""
    inflater = zlib.decompressobj(_GZIP_WBITS)
    fresh = True
    try:
        async for piece in pieces:
            while piece:
                if inflater.eof:
                    inflater, fresh = zlib.decompressobj(_GZIP_WBITS), True
                data = inflater.decompress(piece, _INFLATE_STEP)
                fresh = False
                piece = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
                if data:
                    yield data
        if not (inflater.eof or fresh):
            raise BadBodyError("unexpected end of the gzip body")
    except zlib.error as exc:
        raise BadBodyError(f"invalid gzip body: {exc}") from exc

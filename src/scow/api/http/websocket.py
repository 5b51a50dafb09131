"""A hijacked connection that speaks WebSocket (RFC 6455), for those who read and write plain bytes.

What a client sends is one stream of bytes, whatever its messages are; each piece written is one message.
Pings are answered while somebody reads. There is no half-close: a client that has said goodbye is gone.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from scow.api.http.duplex import Duplex
from scow.api.http.head import Head, RefusedError
from scow.api.http.websocket_frames import (
    BINARY,
    CLOSE,
    NORMAL,
    PING,
    PONG,
    PROTOCOL_ERROR,
    FrameDecoder,
    FrameError,
    accept_key,
    encode_close,
    encode_frame,
)

_VERSION = "13"
_GOODBYE_S = 2.0
"""How long a client may take to answer our close frame."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a client has asked for, checked. ``protocol``: the subprotocol it hears back, or nothing."""

    accept: str
    protocol: str

    def headers(self) -> dict[str, str]:
        """The answer's headers, besides those of every upgrade."""
        fields = {"Sec-WebSocket-Accept": self.accept}
        if self.protocol:
            fields["Sec-WebSocket-Protocol"] = self.protocol
        return fields


def check_handshake(head: Head) -> Handshake:
    """Raises ``RefusedError`` (400) for a request that does not open a WebSocket (section 4.2.1)."""
    fields = head.headers
    tokens = {word.strip().lower() for word in fields.get("connection", "").split(",")}
    if fields.get("upgrade", "").lower() != "websocket" or "upgrade" not in tokens or not head.is_http_1_1:
        raise RefusedError(400, "not websocket protocol")
    if fields.get("sec-websocket-version", "") != _VERSION:
        raise RefusedError(400, "missing or bad WebSocket Version")
    key = fields.get("sec-websocket-key", "")
    if not key:
        raise RefusedError(400, "mismatch challenge/response")
    protocol = fields.get("sec-websocket-protocol", "").partition(",")[0].strip()
    return Handshake(accept_key(key), protocol)


class WebSocket:
    """The messages on a connection; ``opcode`` is that of what is written, BINARY or TEXT."""

    def __init__(self, conn: Duplex, opcode: int = BINARY) -> None:
        self._conn = conn
        self._opcode = opcode
        self._decoder = FrameDecoder()
        self._frames: deque[tuple[int, bytes]] = deque()
        self._has_said_goodbye = False

    async def read(self) -> bytes:
        """Next bytes of the client's messages; b"" when it has said goodbye, or is gone."""
        while True:
            while self._frames:
                opcode, payload = self._frames.popleft()
                if opcode == BINARY and payload:
                    return payload
                if opcode == PING:
                    await self._conn.write(encode_frame(PONG, payload))
                elif opcode == CLOSE:
                    return await self._client_left(encode_frame(CLOSE, payload[:2]))
            data = await self._conn.read()
            if not data:
                self._conn.mark_closed()
                return b""
            try:
                self._frames.extend(self._decoder.feed(data))
            except FrameError:
                return await self._client_left(encode_close(PROTOCOL_ERROR))

    async def _client_left(self, goodbye: bytes) -> bytes:
        self._frames.clear()
        if not self._has_said_goodbye:
            self._has_said_goodbye = True
            await self._conn.write(goodbye)
        self._conn.mark_closed()
        return b""

    async def write(self, data: bytes) -> None:
        """Send one message; waits while the client does not read. Raises ConnectionError when it is gone."""
        if self._conn.closed or self._has_said_goodbye:
            raise ConnectionResetError("the client is gone")
        await self._conn.write(encode_frame(self._opcode, data))

    async def wait_closed(self) -> None:
        """Until the client is gone, or has said goodbye."""
        await self._conn.wait_closed()

    async def close(self) -> None:
        """Say goodbye, and wait a moment for the client's own."""
        if self._conn.closed or self._has_said_goodbye:
            return
        self._has_said_goodbye = True
        try:
            await self._conn.write(encode_close(NORMAL))
            async with asyncio.timeout(_GOODBYE_S):
                while await self.read():
                    pass
        except (TimeoutError, ConnectionError):
            return


def over_websocket(
    run: Callable[[WebSocket], Awaitable[None]], opcode: int = BINARY
) -> Callable[[Duplex], Awaitable[None]]:
    """``run`` for a hijacked connection on which a WebSocket has been opened."""

    async def run_over(conn: Duplex) -> None:
        socket = WebSocket(conn, opcode)
        await run(socket)
        await socket.close()

    return run_over

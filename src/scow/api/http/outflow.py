"""The sending half of a connection: heads, bodies, chunks, and waiting for a client that does not read.

At most ``HIGH_BYTES`` and one item wait here for the kernel to take them.
"""

import asyncio
import socket
from collections.abc import Callable

from scow.api.http.answer import (
    CONTINUE,
    LAST_CHUNK,
    Full,
    Hijack,
    Stream,
    encode_chunk,
    encode_head,
    end_items,
)
from scow.api.http.request import Request
from scow.api.http.unread import wait_until_read

HIGH_BYTES = 64 * 1024


class Outflow:
    """Writes answers to one client. ``head_lines`` gives the header lines that all answers have.

    Whatever waits raises ConnectionError when the client is gone.
    """

    __slots__ = ("_closed", "_head_lines", "_is_head_unread", "_transport", "_writable")

    def __init__(self, transport: asyncio.Transport, head_lines: Callable[[], str]) -> None:
        self._transport = transport
        self._head_lines = head_lines
        self._writable: asyncio.Future[None] | None = None
        self._closed = self._is_head_unread = False
        transport.set_write_buffer_limits(high=HIGH_BYTES)

    def pause(self) -> None:
        """For the connection: too much waits to be sent."""
        self._writable = asyncio.get_running_loop().create_future()

    def resume(self) -> None:
        """For the connection: enough has been sent."""
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    def close(self) -> None:
        """For the connection: the client is gone."""
        self._closed = True
        self.resume()

    async def write(self, data: bytes) -> None:
        """Send bytes as they are; waits while the client does not take them."""
        if self._is_head_unread:
            await self._wait_for_head_to_be_read()
        if self._closed or self._transport.is_closing():
            raise ConnectionResetError("the client is gone")
        self._transport.write(data)
        if self._writable is not None:
            await self.drain()

    async def _wait_for_head_to_be_read(self) -> None:
        """docker-py reads a head through a buffer, and leaves what else came with it there unseen."""
        sock: socket.socket | None = self._transport.get_extra_info("socket")
        if sock is not None:
            await wait_until_read(sock)
        self._is_head_unread = False

    async def drain(self) -> None:
        """Until little enough waits to be sent."""
        if self._writable is not None:
            await self._writable
        if self._closed:
            raise ConnectionResetError("the client is gone")

    async def send_full(self, request: Request, answer: Full, *, keep: bool) -> None:
        """Head and body in one send; ``keep``: another request may follow."""
        fields = dict(answer.headers)
        body = answer.body
        if answer.status in (204, 304):
            body = b""
        else:
            if answer.content_type:
                fields["Content-Type"] = answer.content_type
            fields["Content-Length"] = str(len(body))
        head = self._encode_head(answer.status, fields, request, keep=keep)
        self._transport.write(head if request.method == "HEAD" else head + body)
        if self._writable is not None:
            await self.drain()

    async def send_stream(self, request: Request, answer: Stream, *, keep: bool) -> None:
        """Head, then each item in a send of its own. Raises what the items raise, with no last chunk sent."""
        chunked = request.head.is_http_1_1
        fields = {**answer.headers, "Content-Type": answer.content_type}
        if chunked:
            fields["Transfer-Encoding"] = "chunked"
        self._transport.write(self._encode_head(answer.status, fields, request, keep=keep))
        if request.method == "HEAD":
            return
        items = aiter(answer.items)
        try:
            async for item in items:
                if item:
                    await self.write(encode_chunk(item) if chunked else item)
        finally:
            await end_items(items)
        if chunked:
            self._transport.write(LAST_CHUNK)
        await self.drain()

    async def send_hijack_head(self, request: Request, answer: Hijack) -> None:
        """The head in a send of its own, all of it in the kernel's hands on return."""
        if request.head.upgrade:
            status = 101
            fields = {"Content-Type": answer.upgrade_type} if answer.upgrade_type else {}
            fields |= {"Connection": "Upgrade", "Upgrade": answer.protocol, **answer.headers}
        else:
            status = 200
            fields = {"Content-Type": answer.plain_type}
        self._transport.write(encode_head(status, self._head_lines(), fields))
        if self._transport.get_write_buffer_size():
            self._transport.set_write_buffer_limits(high=0)
            await self.drain()
            self._transport.set_write_buffer_limits(high=HIGH_BYTES)
        self._is_head_unread = True

    def send_continue(self) -> None:
        """Tell a client that waits for it to send its body."""
        self._transport.write(CONTINUE)

    def send_refusal(self, answer: Full) -> None:
        """The answer to what was no request; the last on this connection."""
        fields = {
            **answer.headers,
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.body)),
            "Connection": "close",
        }
        self._transport.write(encode_head(answer.status, self._head_lines(), fields) + answer.body)

    def _encode_head(self, status: int, fields: dict[str, str], request: Request, *, keep: bool) -> bytes:
        """Of the connection's future only what differs from the habit of the client's version is said."""
        if keep is not request.head.is_http_1_1:
            fields["Connection"] = "keep-alive" if keep else "close"
        return encode_head(status, self._head_lines(), fields)

"""Clients that lend something to their builds: files, secrets, keys, credentials.

A client upgrades a connection of its own (``POST /session``) and serves calls on it; builds name it by its
id. The connection may be made a moment after the build that needs it was asked for.
"""

import asyncio
from collections.abc import Mapping

from scow.api.grpc.client import Channel
from scow.api.grpc.http2 import ByteStream, Connection
from scow.api.grpc.server import IncomingCall
from scow.api.grpc.status import CallError, Code
from scow.api.server.buildkit.session_messages import BytesMessage

_PATIENCE_S = 5.0
_ID = "x-docker-expose-session-uuid"
_NAME = "x-docker-expose-session-name"
_SHARED_KEY = "x-docker-expose-session-sharedkey"


class Session:
    """One client. ``shared_key`` is the same for builds of one folder."""

    def __init__(self, headers: Mapping[str, str], channel: Channel) -> None:
        self.id = headers.get(_ID, "")
        self.name = headers.get(_NAME, "")
        self.shared_key = headers.get(_SHARED_KEY, "")
        self.channel = channel


class CallBytes:
    """A connection within a call, as ``ByteStream``: each message is a piece of it."""

    def __init__(self, call: IncomingCall) -> None:
        self._call = call

    async def read(self) -> bytes:
        message = await self._call.receive(BytesMessage)
        return b"" if message is None else message.data

    async def write(self, data: bytes) -> None:
        await self._call.send(BytesMessage(data))


class Sessions:
    """All clients that are here now."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._changed = asyncio.Condition()

    async def serve(self, headers: Mapping[str, str], below: ByteStream) -> None:
        """Keep a client's connection for its builds until it is gone."""
        connection = Connection(below, client=True)
        session = Session(headers, Channel(connection))
        async with self._changed:
            self._sessions[session.id] = session
            self._changed.notify_all()
        try:
            await connection.run()
        finally:
            if self._sessions.get(session.id) is session:
                del self._sessions[session.id]

    async def get(self, session_id: str, patience_s: float = _PATIENCE_S) -> Session:
        """Raises CallError when it does not come."""
        try:
            async with asyncio.timeout(patience_s), self._changed:
                await self._changed.wait_for(lambda: session_id in self._sessions)
                return self._sessions[session_id]
        except TimeoutError as exc:
            raise CallError(
                Code.UNKNOWN, f"no active session for {session_id}: context deadline exceeded"
            ) from exc

"""Secrets, ssh agents and credentials that a client lends its build."""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress

from scow.api.grpc.client import OutgoingCall
from scow.api.grpc.status import CallError, Code
from scow.api.server.buildkit.session_messages import (
    CHECK_AGENT,
    CREDENTIALS,
    FORWARD_AGENT,
    GET_SECRET,
    AgentRequest,
    AgentResponse,
    BytesMessage,
    CredentialsRequest,
    CredentialsResponse,
    SecretRequest,
    SecretResponse,
)
from scow.api.server.buildkit.sessions import Session
from scow.errors import ScowError
from scow.tasks import TaskOwner

_MAX_SECRET_BYTES = 500 * 1024
_PIECE_BYTES = 32 * 1024
_OnConnection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_NOT_LENT = frozenset({Code.NOT_FOUND, Code.UNIMPLEMENTED})


class LentThings:
    """What one client lends. ``folder`` is where sockets of its agents are, for as long as it is open."""

    def __init__(self, session: Session, folder: str) -> None:
        self._session = session
        self._folder = folder
        self._sockets: dict[str, str] = {}
        self._servers: list[asyncio.Server] = []

    async def secret(self, name: str) -> bytes | None:
        """The value, None if there is none by that name. Raises ScowError."""
        try:
            found = await self._session.channel.ask(GET_SECRET, SecretRequest(name), SecretResponse)
        except CallError as exc:
            if exc.code in _NOT_LENT:
                return None
            raise ScowError(f"secret {name}: {exc.message}") from exc
        if len(found.data) > _MAX_SECRET_BYTES:
            raise ScowError(f"invalid secret size {len(found.data)}")
        return found.data

    async def credentials(self, host: str) -> tuple[str, str]:
        """User and password for a registry, both "" when the client has none."""
        try:
            found = await self._session.channel.ask(
                CREDENTIALS, CredentialsRequest(host), CredentialsResponse
            )
        except CallError as exc:
            if exc.code in _NOT_LENT:
                return "", ""
            raise ScowError(f"credentials for {host}: {exc.message}") from exc
        return found.username, found.secret

    async def agent_socket(self, name: str) -> str | None:
        """A path that leads to the client's agent of that name, None if there is none. Raises ScowError."""
        if name in self._sockets:
            return self._sockets[name]
        try:
            await self._session.channel.ask(CHECK_AGENT, AgentRequest(name), AgentResponse)
        except CallError as exc:
            if exc.code in (Code.UNAVAILABLE, Code.CANCELLED):
                raise ScowError(f"ssh agent {name}: {exc.message}") from exc
            return None
        path = os.path.join(tempfile.mkdtemp(dir=self._folder, prefix="agent-"), "socket")
        server = await asyncio.start_unix_server(self._forwarder(name), path)
        self._servers.append(server)
        self._sockets[name] = path
        return path

    async def aclose(self) -> None:
        """Take the sockets away."""
        for server in self._servers:
            server.close()
        for path in self._sockets.values():
            with suppress(OSError):
                os.unlink(path)
                os.rmdir(os.path.dirname(path))
        self._sockets.clear()

    def _forwarder(self, name: str) -> _OnConnection:
        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            call = self._session.channel.call(FORWARD_AGENT, {"buildkit.ssh.id": name})
            try:
                async with TaskOwner("agent") as tasks:
                    up = tasks.start(_send_all(reader, call), name="to the client")
                    with suppress(CallError, ConnectionError):
                        while (message := await call.receive(BytesMessage)) is not None:
                            writer.write(message.data)
                            await writer.drain()
                    up.cancel()
            finally:
                call.cancel()
                writer.close()

        return forward


async def _send_all(reader: asyncio.StreamReader, call: OutgoingCall) -> None:
    with suppress(CallError, ConnectionError):
        while data := await reader.read(_PIECE_BYTES):
            await call.send(BytesMessage(data))
        call.end()

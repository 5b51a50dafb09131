"""A client of BuildKit's protocol that solves definitions, as ``buildctl build`` does."""

import asyncio
import io
import os
import secrets
import stat
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scow.api.grpc.buildkit import progress
from scow.api.grpc.client import Channel
from scow.api.grpc.http2 import Connection
from scow.api.grpc.server import IncomingCall, serve
from scow.api.grpc.status import CallError, Code
from scow.api.server.buildkit import control_messages as control
from scow.api.server.buildkit import gateway_messages as gateway
from scow.api.server.buildkit.session_messages import (
    FILE_SEND,
    FILE_SYNC,
    GET_SECRET,
    BytesMessage,
    Packet,
    PacketKind,
    SecretRequest,
    SecretResponse,
)
from scow.api.server.buildkit.synced_files import stat_message
from scow.spec.llb import Definition
from scow.spec.sent_files import SentFile
from scow.tasks import TaskOwner
from tests.support.daemons import Daemon

_PATIENCE_S = 120
Tree = dict[str, tuple[Any, ...]]


class _Bytes:
    """See ``scow.api.grpc.http2.ByteStream``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        try:
            return await self._reader.read(1 << 16)
        except ConnectionError:
            return b""

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()


@asynccontextmanager
async def _upgraded(daemon: Daemon, path: str, headers: Mapping[str, str]) -> AsyncIterator[_Bytes]:
    reader, writer = await asyncio.open_unix_connection(str(daemon.socket))
    lines = [f"POST {path} HTTP/1.1", "Host: docker", "Connection: Upgrade", "Upgrade: h2c"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101"), head
    try:
        yield _Bytes(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@dataclass
class Lent:
    """What a client lends: folders and secrets; ``sent`` is what an exporter sent it."""

    folders: Mapping[str, Path] = field(default_factory=dict)
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    sent: bytes = b""

    def handlers(self) -> dict[str, Callable[[IncomingCall], Awaitable[None]]]:
        return {FILE_SEND: self._receive, FILE_SYNC: self._send, GET_SECRET: self._secret}

    async def _receive(self, call: IncomingCall) -> None:
        call.begin()
        while (message := await call.receive(BytesMessage)) is not None:
            self.sent += message.data

    async def _secret(self, call: IncomingCall) -> None:
        request = await call.receive(SecretRequest)
        assert request is not None
        if request.id not in self.secrets:
            raise CallError(Code.NOT_FOUND, f"secret {request.id}: not found")
        await call.send(SecretResponse(self.secrets[request.id]))

    async def _send(self, call: IncomingCall) -> None:
        folder = self.folders[call.metadata["dir-name"]]
        call.begin()
        files = []
        for path in sorted(folder.rglob("*"), key=lambda it: it.relative_to(folder).as_posix().split("/")):
            status = path.lstat()
            link = os.readlink(path) if path.is_symlink() else ""
            sent = SentFile(
                path.relative_to(folder).as_posix(), status.st_mode, 0, 0,
                status.st_size if stat.S_ISREG(status.st_mode) else 0, status.st_mtime_ns, link,
            )  # fmt: skip
            files.append(path)
            await call.send(Packet(PacketKind.STAT, stat_message(sent)))
        await call.send(Packet(PacketKind.STAT))
        while (packet := await call.receive(Packet)) is not None:
            if packet.kind == PacketKind.REQUEST:
                await call.send(Packet(PacketKind.DATA, id=packet.id, data=files[packet.id].read_bytes()))
                await call.send(Packet(PacketKind.DATA, id=packet.id))
            elif packet.kind == PacketKind.END:
                await call.send(Packet(PacketKind.END))
                return


@dataclass(frozen=True)
class Solved:
    """How a solve ended: what the client was told, or an error; ``sent`` came from an exporter."""

    response: Mapping[str, str]
    error: str
    sent: bytes
    output: str
    cached: tuple[str, ...]

    @property
    def tree(self) -> Tree:
        """A result that was sent as a tar: kind, mode, owner and content by path."""
        assert not self.error, self.error
        return tree_of(self.sent)


def tree_of(data: bytes) -> Tree:
    found: Tree = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for entry in tar:
            content = tar.extractfile(entry).read() if entry.isreg() else b""  # type: ignore[union-attr]
            name = entry.name.removeprefix("./").rstrip("/")
            found[name] = (entry.type, entry.mode, entry.uid, entry.gid, entry.linkname, content)
    found.pop("", None)
    return found


@asynccontextmanager
async def _session(daemon: Daemon, lent: Lent) -> AsyncIterator[tuple[Channel, str]]:
    """A channel for questions, and the id of the session by which things are lent."""
    session_id = secrets.token_hex(12)
    handlers = lent.handlers()
    headers = {"X-Docker-Expose-Session-Uuid": session_id, "X-Docker-Expose-Session-Name": "tests"}
    methods = "".join(f"\r\nX-Docker-Expose-Session-Grpc-Method: {it}" for it in [*handlers])
    headers["X-Docker-Expose-Session-Sharedkey"] = f"tests{methods}"
    async with (
        _upgraded(daemon, "/session", headers) as lending,
        _upgraded(daemon, "/grpc", {}) as below,
        TaskOwner("client") as tasks,
    ):
        asking = Connection(below, client=True)
        tasks.start(
            serve(lending, handlers, as_error=lambda exc: CallError(Code.UNKNOWN, repr(exc))), name="s"
        )
        tasks.start(asking.run(), name="c")
        await asyncio.sleep(0)  # its first words must be before those of a call
        yield Channel(asking), session_id


def solve(
    daemon: Daemon,
    definition: Definition,
    exporter: str = "tar",
    attributes: Mapping[str, str] | None = None,
    lent: Lent | None = None,
    **request: Any,
) -> Solved:
    """Have a definition solved and exported."""
    return asyncio.run(
        asyncio.wait_for(
            _solve(daemon, definition, exporter, attributes or {}, lent or Lent(), request), _PATIENCE_S
        )
    )


async def _solve(
    daemon: Daemon,
    definition: Definition,
    exporter: str,
    attributes: Mapping[str, str],
    lent: Lent,
    request: Mapping[str, Any],
) -> Solved:
    async with _session(daemon, lent) as (channel, session_id):
        ref = secrets.token_hex(12)
        asked = control.SolveRequest(
            ref, definition, exporter, dict(attributes), session_id, cache=control.CacheOptions(), **request
        )
        error, response = "", {}
        async with TaskOwner("status") as tasks:
            told = tasks.start(_told(channel, ref), name="status")
            try:
                path = f"{control.SERVICE}Solve"
                response = (await channel.ask(path, asked, control.SolveResponse)).exporter_response
            except CallError as exc:
                error = exc.message
            output, cached = await told
        return Solved(response, error, lent.sent, output, cached)


async def _told(channel: Channel, ref: str) -> tuple[str, tuple[str, ...]]:
    """What programs printed, and which steps were in the cache."""
    call = channel.call(progress.STATUS)
    output, cached = "", dict[str, None]()
    try:
        await call.send(progress.StatusRequest(ref))
        call.end()
        while (status := await call.receive(progress.StatusResponse)) is not None:
            output += "".join(it.data.decode(errors="replace") for it in status.logs)
            cached |= {it.name: None for it in status.vertexes if it.cached}
    except CallError:
        pass  # a build that was refused before it began has none
    return output, tuple(cached)


class Frontend:
    """A front end in this client: asks for results of a build that goes on."""

    def __init__(self, channel: Channel, ref: str) -> None:
        self._channel = channel
        self._ref = ref

    async def ask(self, name: str, request: Any, kind: Any) -> Any:
        metadata: dict[str, str | tuple[str, ...]] = {gateway.BUILD_ID: self._ref}
        return await self._channel.ask(f"{gateway.SERVICE}{name}", request, kind, metadata)


def drive(
    daemon: Daemon,
    work: Callable[[Frontend], Awaitable[gateway.ReturnRequest]],
    exporter: str = "",
    attributes: Mapping[str, str] | None = None,
    lent: Lent | None = None,
) -> Solved:
    """A build whose front end is ``work``, which says what it returns."""

    async def driven() -> Solved:
        lends = lent or Lent()
        async with _session(daemon, lends) as (channel, session_id), TaskOwner("build") as tasks:
            ref = secrets.token_hex(12)
            asked = control.SolveRequest(
                ref, None, exporter, dict(attributes or {}), session_id, cache=control.CacheOptions()
            )
            path = f"{control.SERVICE}Solve"
            solving = tasks.start(channel.ask(path, asked, control.SolveResponse), name="solve")
            frontend = Frontend(channel, ref)
            await frontend.ask("Return", await work(frontend), gateway.ReturnResponse)
            response = await solving
            return Solved(response.exporter_response, "", lends.sent, "", ())

    return asyncio.run(asyncio.wait_for(driven(), _PATIENCE_S))

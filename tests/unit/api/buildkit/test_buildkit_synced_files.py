"""Files of a client, pulled and pushed, against a client that is the other end in this process."""

import asyncio
import random
import stat
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any, cast

import pytest

from scow.api.grpc.client import OutgoingCall
from scow.api.grpc.server import IncomingCall, unary
from scow.api.grpc.status import CallError, Code
from scow.api.server.buildkit.client import SessionClient
from scow.api.server.buildkit.session_messages import (
    CREDENTIALS,
    FILE_SEND,
    FILE_SYNC,
    GET_SECRET,
    BytesMessage,
    CredentialsRequest,
    CredentialsResponse,
    Packet,
    PacketKind,
    SecretRequest,
    SecretResponse,
    StatMessage,
)
from scow.api.server.buildkit.sessions import Session
from scow.api.server.buildkit.synced_files import _Pull
from scow.errors import InvalidArgumentError, ScowError
from scow.spec.go_file_mode import go_file_mode
from scow.spec.sent_files import FileChoice, SentFile, nothing_known
from tests.unit.api.grpc.grpc_ends import connected

FILE, FOLDER, LINK = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777


class Client:
    """A build client that lends ``files`` (path → mode, content) and keeps what it is sent."""

    def __init__(self, files: dict[str, tuple[int, bytes]]) -> None:
        self.files = files
        self.metadata: dict[str, str] = {}
        self.received: dict[str, bytes] = {}
        self.stats: list[StatMessage] = []
        self.shuffle = random.Random(7)

    def handlers(self) -> dict[str, Any]:
        return {
            FILE_SYNC: self.send,
            FILE_SEND: self.take,
            GET_SECRET: unary(SecretRequest, self.secret),
            CREDENTIALS: unary(CredentialsRequest, self.credentials),
        }

    async def secret(self, request: SecretRequest, _call: IncomingCall) -> SecretResponse:
        if request.id != "known":
            raise CallError(Code.NOT_FOUND, "secret not found")
        return SecretResponse(b"hidden")

    async def credentials(self, request: CredentialsRequest, _call: IncomingCall) -> CredentialsResponse:
        return CredentialsResponse("me", f"for {request.host}")

    async def send(self, call: IncomingCall) -> None:
        """As fsutil does: all is told, contents come in pieces, side by side and in any order."""
        self.metadata = call.metadata
        for path, (mode, content) in self.files.items():
            is_link = stat.S_ISLNK(mode)
            told = StatMessage(
                path,
                go_file_mode(mode),
                size=0 if is_link else len(content),
                link=content.decode() if is_link else "",
            )
            await call.send(Packet(PacketKind.STAT, stat=told))
        await call.send(Packet(PacketKind.STAT))
        contents = [content for _, content in self.files.values()]
        pending: dict[int, list[bytes]] = {}
        while (packet := await call.receive(Packet)) is not None:
            if packet.kind == PacketKind.END:
                await call.send(Packet(PacketKind.END))
                return
            content = contents[packet.id]
            step = 1000 if len(content) < 100_000 else 32 * 1024
            pending[packet.id] = [content[at : at + step] for at in range(0, len(content), step)]
            while pending and (len(pending) > 3 or packet.id == max(pending)):
                await self.send_some(call, pending)

    async def send_some(self, call: IncomingCall, pending: dict[int, list[bytes]]) -> None:
        number = self.shuffle.choice(sorted(pending))
        if pending[number]:
            await call.send(Packet(PacketKind.DATA, id=number, data=pending[number].pop(0)))
        else:
            del pending[number]
            await call.send(Packet(PacketKind.DATA, id=number))

    async def take(self, call: IncomingCall) -> None:
        if "exporter-md-kind" in call.metadata:
            while (piece := await call.receive(BytesMessage)) is not None:
                self.received["file"] = self.received.get("file", b"") + piece.data
            return
        wanted: set[int] = set()
        while (packet := await call.receive(Packet)) is not None:
            match packet.kind:
                case PacketKind.STAT if packet.stat is not None:
                    if not packet.stat.link and packet.stat.mode < 1 << 20:
                        wanted.add(len(self.stats))
                        await call.send(Packet(PacketKind.REQUEST, id=len(self.stats)))
                    self.stats.append(packet.stat)
                case PacketKind.DATA if packet.data:
                    path = self.stats[packet.id].path
                    self.received[path] = self.received.get(path, b"") + packet.data
                case PacketKind.DATA:
                    wanted.discard(packet.id)
            if not wanted and packet.kind == PacketKind.DATA:
                await call.send(Packet(PacketKind.END))


@asynccontextmanager
async def lending(client: Client) -> AsyncIterator[SessionClient]:
    async with connected(client.handlers()) as channel:
        yield SessionClient(Session({}, channel), "/nowhere")


async def pulled(client: Client, choice: FileChoice) -> list[tuple[SentFile, bytes]]:
    found: list[tuple[SentFile, bytes]] = []
    async with lending(client) as lent:
        async for item in lent.files("context", choice):
            if isinstance(item, SentFile):
                found.append((item, b""))
            else:
                found[-1] = (found[-1][0], found[-1][1] + item)
    return found


def run(scenario: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(scenario, 30))


def test_files_come_in_the_order_of_the_walk_with_their_contents() -> None:
    files = {"a": (FOLDER, b""), "a/link": (LINK, b"../b"), "a/x": (FILE, b"x" * 5000), "empty": (FILE, b"")}
    files |= {f"many{number:03}": (FILE, bytes([number]) * number * 37) for number in range(200)}
    found = run(pulled(Client(files), FileChoice()))
    assert [(file.path, file.mode) for file, _ in found] == [
        (path, mode) for path, (mode, _) in files.items()
    ]
    assert {file.path: content for file, content in found if stat.S_ISREG(file.mode)} == {
        path: content for path, (mode, content) in files.items() if stat.S_ISREG(mode)
    }
    assert found[1][0].link == "../b"


def test_large_files_are_not_asked_for_all_at_once() -> None:
    files = {str(number): (FILE, bytes(3 << 20)) for number in range(4)}
    found = run(pulled(Client(files), FileChoice()))
    assert [len(content) for _, content in found] == [3 << 20] * 4


def test_which_files_are_wanted_is_told_in_headers() -> None:
    client = Client({"a": (FILE, b"1")})
    run(pulled(client, FileChoice(include=("Dockerfile",), exclude=("*.md", "grün"), follow=("a",))))
    told = client.metadata
    assert (told["dir-name"], told["include-patterns"], told["followpaths"]) == ("context", "Dockerfile", "a")
    assert (told["exclude-patterns"], told["exclude-patterns-encoded"]) == ("%2A.md,gr%C3%BCn", "1")


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "", "a//b", "./a", "a/./b"])
def test_paths_that_lead_out_are_refused(path: str) -> None:
    with pytest.raises(InvalidArgumentError, match="leads out of the build context"):
        run(pulled(Client({path: (FILE, b"")}), FileChoice()))


class _Script:
    """Stands for a call: gives ``packets`` one after the other, and counts what is asked for."""

    def __init__(self, packets: Iterable[Packet]) -> None:
        self._packets = iter(packets)
        self.asked: list[int] = []

    async def send(self, *packets: Packet) -> None:
        self.asked += [it.id for it in packets if it.kind == PacketKind.REQUEST]

    async def receive_some(self) -> list[bytes]:
        return [it.encode() for it in islice(self._packets, 1)]

    def decoded(self, kind: type[Packet], data: bytes) -> Packet:
        return kind.decode(data)

    def end(self) -> None:
        pass


def told(path: str, mode: int = FILE, size: int = 0) -> Packet:
    return Packet(PacketKind.STAT, stat=StatMessage(path, go_file_mode(mode), size=size))


def pulled_by(script: _Script) -> list[SentFile | bytes]:
    async def pull() -> list[SentFile | bytes]:
        return [item async for item in _Pull(cast(OutgoingCall, script), nothing_known).items()]

    return asyncio.run(pull())


def test_files_that_shrink_while_they_are_sent_leave_room_for_the_next() -> None:
    large = 3 << 20
    packets = [
        told("a", size=large),
        told("b", size=large),
        told("c", size=large),
        told("d", size=large),
        Packet(PacketKind.STAT),
        *(Packet(PacketKind.DATA, id=number) for number in range(2)),
    ]
    script = _Script(packets)
    with pytest.raises(ScowError, match="ended the transfer"):
        pulled_by(script)
    assert script.asked == [0, 1, 2]


def test_a_client_that_breaks_off_is_told_so() -> None:
    class Broken(Client):
        async def send(self, call: IncomingCall) -> None:
            await call.send(Packet(PacketKind.ERROR, data=b"permission denied: /secret"))

    with pytest.raises(ScowError, match="permission denied: /secret"):
        run(pulled(Broken({}), FileChoice()))

    class Silent(Client):
        async def send(self, call: IncomingCall) -> None:
            await call.send(Packet(PacketKind.STAT, stat=StatMessage("a", 0o644, size=5)))

    with pytest.raises(ScowError, match="ended the transfer of files too early"):
        run(pulled(Silent({}), FileChoice()))

    class Without(Client):
        async def send(self, call: IncomingCall) -> None:
            raise CallError(Code.NOT_FOUND, 'no access allowed to dir "context"')

    with pytest.raises(ScowError, match="failed to read context from the client: no access allowed to dir"):
        run(pulled(Without({}), FileChoice()))


class Folder:
    """What a build sends."""

    def __init__(self, files: dict[str, tuple[int, bytes]]) -> None:
        self._files = files

    async def files(self) -> AsyncIterator[SentFile]:
        for path, (mode, content) in self._files.items():
            link = content.decode() if stat.S_ISLNK(mode) else ""
            yield SentFile(path, mode, size=len(content), link=link)

    async def content(self, file: SentFile) -> AsyncIterator[bytes]:
        yield self._files[file.path][1]


def test_a_folder_is_sent_as_far_as_it_is_wanted() -> None:
    files = {"bin": (FOLDER, b""), "bin/app": (FILE, b"y" * 100_000), "latest": (LINK, b"bin/app")}
    client = Client({})

    async def scenario() -> None:
        async with lending(client) as lent:
            await lent.send_files(Folder(files))

    run(scenario())
    assert client.received == {"bin/app": b"y" * 100_000}
    assert [(it.path, it.link) for it in client.stats] == [
        ("bin", ""),
        ("bin/app", ""),
        ("latest", "bin/app"),
    ]


def test_a_file_is_sent_with_what_is_said_of_it() -> None:
    client = Client({})

    async def chunks() -> AsyncIterator[bytes]:
        yield b"1" * 70_000
        yield b"2"

    async def scenario() -> None:
        async with lending(client) as lent:
            await lent.send_file(chunks(), {"kind": "tar"})

    run(scenario())
    assert client.received == {"file": b"1" * 70_000 + b"2"}


def test_secrets_and_credentials() -> None:
    async def scenario() -> None:
        async with lending(Client({})) as lent:
            assert await lent.secret("known") == b"hidden"
            assert await lent.secret("other") is None
            assert await lent.credentials("docker.io") == ("me", "for docker.io")
            assert await lent.agent_socket("default") is None

    run(scenario())

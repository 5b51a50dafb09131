"""scowd's side of the unpackers: started when layers come, gone when no more are expected.

A job that is given up, or whose unpacker ends, costs that process; the next job starts another.
"""

import asyncio
import functools
import importlib.util
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from scow import tasks
from scow.errors import ScowError
from scow.image.archive_region import RegionReader
from scow.image.decompress import codec_of
from scow.image.layer_stream import Unpacked
from scow.image.threads import run_to_end
from scow.image.unpacking.job import (
    ALONE,
    ASSIST,
    ASSISTED,
    MAX_PACKET_BYTES,
    SOCKET_FD,
    Answer,
    Job,
    decode_answer,
    encode_job,
)
from scow.linux.confinement import detached

_log = logging.getLogger(__name__)

# So that lending does not wait until what was lent before is taken. The kernel gives less where it must.
_LINK_BYTES = 512 << 10
_PROCESSORS = os.cpu_count() or 1
_TITLE = str(Path(sys.executable).with_name("scow-unpacker"))


@functools.cache
def _packages() -> str:
    """The folder with the codecs, which need not be that of a plain installation. Raises ScowError."""
    spec = importlib.util.find_spec("isal")
    if spec is None or spec.origin is None:
        raise ScowError("layers cannot be unpacked: isal, which scow depends on, is not installed")
    return str(Path(spec.origin).parents[1])


class Unpackers:
    """As many processes as there are jobs at once, and assistants while processors are free.

    Used on the event loop.
    """

    def __init__(self) -> None:
        self._idle: list[_Unpacker] = []
        self._sessions = 0
        self._working = 0
        self._told: set[str] = set()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        """Layers may come within the block: processes that have no work wait for it until the last ends."""
        self._sessions += 1
        try:
            yield
        finally:
            self._sessions -= 1
            if not self._sessions:
                await tasks.to_end(self._end_idle())

    async def _end_idle(self) -> None:
        while self._idle:
            await self._idle.pop().end()

    def warm(self, codec: str) -> None:
        """Start a process now, that will be needed for such a layer in a moment. In a session."""
        if not self._idle:
            self._idle.append(_Unpacker(codec))

    async def unpack(
        self, source: RegionReader, job: Job, root: str, recipe: Path, report: Callable[[int], None]
    ) -> Unpacked:
        """Unpack a layer into the directories ``root`` and ``recipe``; ``report`` hears of bytes read.

        When this is cancelled nobody writes to the directories any more. Raises InvalidArgumentError,
        IntegrityError, ScowError.
        """
        codec = codec_of(os.pread(source.fd, 6, source.offset))
        async with AsyncExitStack() as stack:
            unpacker = await stack.enter_async_context(self._at_work(codec))
            await unpacker.begin(source, job, root, recipe)
            may_ask = True
            while not isinstance(answer := await unpacker.answer(), Unpacked):
                if isinstance(answer, int):
                    report(answer)
                elif answer != ALONE:
                    raise answer if isinstance(answer, ScowError) else ScowError("failed to register layer")
                elif may_ask and self._working < _PROCESSORS:
                    await stack.enter_async_context(self._assisting(unpacker, root))
                    may_ask = False
            return answer

    @asynccontextmanager
    async def _assisting(self, unpacker: "_Unpacker", root: str) -> AsyncIterator[None]:
        """Another makes files with ``unpacker`` within the block, at whose end that one has let go of it."""
        async with self._at_work("") as assistant:
            await assistant.assist(unpacker, root)
            yield
            await assistant.answer()

    @asynccontextmanager
    async def _at_work(self, codec: str) -> AsyncIterator["_Unpacker"]:
        """A process for the block, ready. When it is left nobody writes anywhere any more."""
        unpacker = self._take(codec)
        self._working += 1
        try:
            self._tell(await unpacker.ready())
            yield unpacker
        finally:
            self._working -= 1
            # A failed job leaves its process as good as before; one that was given up is still at it.
            if unpacker.is_free and self._sessions:
                self._idle.append(unpacker)
            else:
                await unpacker.end()

    def _take(self, codec: str) -> "_Unpacker":
        """One that has the codec: each is started with the only one that it will ever have."""
        for unpacker in self._idle:
            if codec in ("", unpacker.codec):
                self._idle.remove(unpacker)
                return unpacker
        return _Unpacker(codec)

    def _tell(self, problems: list[str]) -> None:
        for problem in problems:
            if problem not in self._told:
                self._told.add(problem)
                _log.warning("layers are unpacked without confinement of %s", problem)


class _Unpacker:
    """One process, with the codec of that name or none, and the connection to it."""

    def __init__(self, codec: str) -> None:
        """Starts it: by the thread of the event loop, for with the thread that started it it dies."""
        self.codec = codec
        self._socket, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with far:
            self._socket.setblocking(False)
            self.pid = os.posix_spawn(
                sys.executable,
                # A name beside the interpreter's: Python finds its library by argv[0].
                [_TITLE, "-I", "-S", str(Path(__file__).with_name("launch.py")), _packages(), codec],
                {"LANG": "C.UTF-8"},
                file_actions=[(os.POSIX_SPAWN_DUP2, far.fileno(), SOCKET_FD)],
                setsigmask=(),
            )
        self.is_free = False
        self._problems: list[str] | None = None

    async def ready(self) -> list[str]:
        """Wait until it is confined; what it could not do for that."""
        if self._problems is None:
            problems = await self.answer()
            if not isinstance(problems, list):
                raise ScowError("failed to register layer: the unpacker does not start")
            self._problems = problems
            self.is_free = True
        return self._problems

    async def begin(self, source: RegionReader, job: Job, root: str, recipe: Path) -> None:
        """Have it unpack a layer; then there are answers."""
        self.is_free = False
        await tasks.run_blocking(self._send, encode_job(job), (source.fd,), (root, str(recipe)))

    async def assist(self, other: "_Unpacker", root: str) -> None:
        """Have it make files for ``other``; there is an answer when that one needs no more."""
        self.is_free = False
        near, far = socket.socketpair()
        with near, far:
            far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LINK_BYTES)
            await tasks.run_blocking(self._send, ASSIST, (near.fileno(),), (root,))
            with suppress(OSError):  # it has ended, as its next answer will say
                socket.send_fds(other._socket, [ASSISTED], [far.fileno()])

    def _send(self, packet: bytes, files: tuple[int, ...], folders: tuple[str, ...]) -> None:
        descriptors = [detached(folder) for folder in folders]
        try:
            socket.send_fds(self._socket, [packet], [*files, *descriptors])
        finally:
            for fd in descriptors:
                os.close(fd)

    async def answer(self) -> Answer:
        """The next; after an end it is free. Raises ScowError when it is gone."""
        packet = await asyncio.get_running_loop().sock_recv(self._socket, MAX_PACKET_BYTES)
        try:
            answer = decode_answer(packet)
        except ValueError as exc:
            raise ScowError("failed to register layer: the unpacker ended") from exc
        self.is_free = isinstance(answer, Unpacked | ScowError) or answer == ASSISTED
        return answer

    async def end(self) -> None:
        """Kill it and wait until it is gone."""
        self.is_free = False
        os.kill(self.pid, signal.SIGKILL)
        self._socket.close()
        await run_to_end(os.waitpid, self.pid, 0)

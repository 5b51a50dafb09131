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
from contextlib import asynccontextmanager
from pathlib import Path

from scow import tasks
from scow.errors import ScowError
from scow.image.archive_region import RegionReader
from scow.image.decompress import codec_of
from scow.image.layer_stream import Unpacked
from scow.image.threads import run_to_end
from scow.image.unpacking.job import (
    MAX_PACKET_BYTES,
    SOCKET_FD,
    Job,
    decode_answer,
    encode_job,
)
from scow.linux.confinement import detached

_log = logging.getLogger(__name__)

_TITLE = str(Path(sys.executable).with_name("scow-unpacker"))


@functools.cache
def _packages() -> str:
    """The folder with the codecs, which need not be that of a plain installation. Raises ScowError."""
    spec = importlib.util.find_spec("isal")
    if spec is None or spec.origin is None:
        raise ScowError("layers cannot be unpacked: isal, which scow depends on, is not installed")
    return str(Path(spec.origin).parents[1])


class Unpackers:
    """As many processes as there are jobs at once. Used on the event loop."""

    def __init__(self) -> None:
        self._idle: list[_Unpacker] = []
        self._sessions = 0
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
        unpacker = self._take(codec_of(os.pread(source.fd, 6, source.offset)))
        try:
            self._tell(await unpacker.ready())
            return await unpacker.work(source, job, root, recipe, report)
        finally:
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
            problems = await self._answer()
            if not isinstance(problems, list):
                raise ScowError("failed to register layer: the unpacker does not start")
            self._problems = problems
            self.is_free = True
        return self._problems

    async def work(
        self, source: RegionReader, job: Job, root: str, recipe: Path, report: Callable[[int], None]
    ) -> Unpacked:
        self.is_free = False
        await tasks.run_blocking(self._send, source.fd, job, root, recipe)
        while isinstance(answer := await self._answer(), int):
            report(answer)
        self.is_free = True
        if isinstance(answer, Unpacked):
            return answer
        raise answer if isinstance(answer, ScowError) else ScowError("failed to register layer")

    def _send(self, content: int, job: Job, root: str, recipe: Path) -> None:
        descriptors = [detached(root), detached(str(recipe))]
        try:
            socket.send_fds(self._socket, [encode_job(job)], [content, *descriptors])
        finally:
            for fd in descriptors:
                os.close(fd)

    async def _answer(self) -> Unpacked | ScowError | int | list[str]:
        packet = await asyncio.get_running_loop().sock_recv(self._socket, MAX_PACKET_BYTES)
        try:
            return decode_answer(packet)
        except ValueError as exc:
            raise ScowError("failed to register layer: the unpacker ended") from exc

    async def end(self) -> None:
        """Kill it and wait until it is gone."""
        self.is_free = False
        os.kill(self.pid, signal.SIGKILL)
        self._socket.close()
        await run_to_end(os.waitpid, self.pid, 0)

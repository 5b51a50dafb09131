"""Builds for the scow command line: the context read in place, or taken from the request itself."""

import asyncio
import base64
import logging
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from scow.build.dockerfile.source import DockerfileError
from scow.build.export.blobs import Blob
from scow.build.export.documents import Described
from scow.build.export.layout import oci_layout
from scow.build.frontend.exporters import stepwise
from scow.build.frontend.options import REQUEST
from scow.build.frontend.service import FrontendService
from scow.build.trees.archive import receive_archive
from scow.build.trees.folder import FolderTree
from scow.build.trees.kept_archives import KeptArchives
from scow.build.trees.known_digests import KnownDigests, file_of
from scow.build.trees.memory import MemoryTree
from scow.build.trees.tree import Tree
from scow.errors import (
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    ScowError,
    UnsupportedError,
    told_of,
)
from scow.image.tar.headers import END_OF_ARCHIVE
from scow.image.threads import run_to_open
from scow.spec.build_history import BuildRecording, ExporterEntry, new_ref
from scow.spec.build_progress import BuildProgress
from scow.spec.digest import hex_of
from scow.spec.direct_build import DirectBuild, excerpt_of, told_as_json
from scow.spec.frontend_build import BuildFailedError, Exchange, FrontendRequest, SentBlob
from scow.spec.sent_files import ALL_FILES, FileChoice, FileStream, SentFile, SentFolder, nothing_known
from scow.tasks import TaskOwner, run_blocking

_CONTEXT = "context"
_DOCKERFILE = "dockerfile"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_HUB_HOSTS = ("registry-1.docker.io", "docker.io", "index.docker.io", "https://index.docker.io/v1/")
# Pieces of a result that may wait for a slow client.
_MAX_WAITING = 16
_PIECE_BYTES = 1 << 20

Message = dict[str, Any]

_log = logging.getLogger(__name__)


class DirectBuilds:
    """What ``routes/direct_build.py`` calls. ``folder`` is for contexts while builds go on, ``digests`` for
    what is known of folders that are read in place, ``archives`` for contexts that were sent.
    """

    def __init__(
        self, frontend: FrontendService, folder: Path, digests: Path, archives: KeptArchives
    ) -> None:
        self._frontend = frontend
        self._folder = folder
        self._digests = digests
        self._archives = archives

    async def build(self, asked: DirectBuild, body: AsyncIterable[bytes]) -> AsyncIterator[Message]:
        """The progress, to be read; its last object is a result or an error.

        Raises ConflictError if the context is not here and has not come, InvalidArgumentError, ScowError.
        """
        async with AsyncExitStack() as stack:
            trees = await self._trees(asked, body, stack)
            return self._told(asked, trees, stack.pop_all())

    async def _trees(
        self, asked: DirectBuild, body: AsyncIterable[bytes], stack: AsyncExitStack
    ) -> dict[str, Tree]:
        """Everything that the client has, by its names."""
        trees: dict[str, Tree] = {}
        if asked.folder:
            trees[_CONTEXT] = await self._in_place(asked.folder, asked.identity, stack)
        elif "context" not in asked.options:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            archive = await receive_archive(_or_empty(body), str(self._folder), self._archives)
            stack.callback(archive.close)
            trees[_CONTEXT] = archive
        for name, path in asked.contexts.items():
            trees[f"local {name}"] = await self._in_place(path, None, stack)
        trees[_DOCKERFILE] = trees.get(_CONTEXT) or MemoryTree({})
        if asked.dockerfile is not None:
            trees[_DOCKERFILE] = MemoryTree({asked.options.get("filename", "Dockerfile"): asked.dockerfile})
        return trees

    async def _in_place(
        self, path: str, identity: tuple[int, int] | None, stack: AsyncExitStack
    ) -> FolderTree:
        """A folder of this machine; what its files digest to is kept at the end."""
        tree = await run_to_open(FolderTree.close, _opened, path, identity, self._digests)
        stack.callback(tree.close)
        stack.push_async_callback(run_blocking, tree.keep_digests)
        return tree

    async def _told(
        self, asked: DirectBuild, trees: Mapping[str, Tree], stack: AsyncExitStack
    ) -> AsyncIterator[Message]:
        channel = _Channel()
        async with stack, TaskOwner("direct build") as owner:
            owner.start(self._guarded(asked, trees, channel), name=asked.folder or "context")
            while (message := await channel.take()) is not None:
                yield message

    async def _guarded(self, asked: DirectBuild, trees: Mapping[str, Tree], channel: "_Channel") -> None:
        try:
            await self._built(asked, trees, channel)
        except ScowError as exc:
            channel.tell({"error": _failure(exc)})
        except Exception as exc:  # the client reads no other answer than this stream
            _log.exception("a direct build failed")
            channel.tell({"error": {"message": told_of(exc), "excerpt": ""}})
        finally:
            channel.tell(None)

    async def _built(self, asked: DirectBuild, trees: Mapping[str, Tree], channel: "_Channel") -> None:
        exports = tuple(Exchange(it.kind, it.attributes) for it in asked.exports)
        async with self._frontend.history.recorded(
            asked.ref or new_ref(),
            "dockerfile.v0",
            asked.options,
            [ExporterEntry(kind=it.kind, attributes=it.attributes) for it in asked.exports],
            internal=REQUEST in asked.options,
        ) as recording:
            response = await self._exported(asked, trees, channel, exports, recording)
            for tree in trees.values():
                if isinstance(tree, FolderTree) and tree.has_new_digests:
                    await run_blocking(tree.keep_digests)  # the client's next build may begin at once
            channel.tell({"result": response})  # the client does not wait for the record

    async def _exported(
        self,
        asked: DirectBuild,
        trees: Mapping[str, Tree],
        channel: "_Channel",
        exports: tuple[Exchange, ...],
        recording: BuildRecording,
    ) -> dict[str, str]:
        def tell(told: BuildProgress) -> None:
            recording.tell(told)
            channel.tell(told_as_json(told))

        contexts = {f"context:{name}": f"local:local {name}" for name in asked.contexts}
        request = FrontendRequest(
            {**asked.options, **contexts},
            _Client(asked, channel),
            tell,
            tuple(Exchange(it.kind, it.attributes) for it in asked.cache_from),
            tuple(asked.entitlements),
            keeps_failed=asked.debug,
        )
        built = await self._frontend.solve(request, trees)
        try:
            caches = tuple(Exchange(it.kind, it.attributes) for it in asked.cache_to)
            response = await built.export(exports, caches)
            recording.findings(built.findings)
            return response
        finally:
            await built.aclose()


class _Channel:
    """From a build to its client, who may be slow: pieces of a result wait for him, progress does not."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Message | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(_MAX_WAITING)

    def tell(self, message: Message | None) -> None:
        """Something that happened; ``None`` is the end."""
        self._queue.put_nowait(message)

    async def send(self, piece: bytes, folder: str = "") -> None:
        """A piece of a result, or of an archive for a folder of the client's."""
        await self._room.acquire()
        to = {"folder": folder} if folder else {}
        self.tell({"file": base64.b64encode(piece).decode(), **to})

    async def take(self) -> Message | None:
        """The next one, for the client's side."""
        message = await self._queue.get()
        if message is not None and "file" in message:
            self._room.release()
        return message


class _Client:
    """See ``scow.spec.frontend_build.BuildClient``: all that a client lends came with its request."""

    shared_key = ""

    def __init__(self, asked: DirectBuild, channel: _Channel) -> None:
        self._asked = asked
        self._channel = channel

    def files(
        self,
        folder: str,
        choice: FileChoice = ALL_FILES,
        knows: Callable[[SentFile], bool] = nothing_known,
    ) -> FileStream:
        raise InvalidArgumentError(f"the build has no folder {folder!r}")

    def upload(self, address: str) -> AsyncIterator[bytes]:
        raise InvalidArgumentError(f"the build has nothing at {address}")

    async def secret(self, name: str) -> bytes | None:
        return self._asked.secrets.get(name)

    async def agent_socket(self, name: str) -> str | None:
        return self._asked.agents.get(name)

    async def credentials(self, host: str) -> tuple[str, str]:
        names = _HUB_HOSTS if host in _HUB_HOSTS else (host,)
        for name in names:
            if auth := self._asked.auths.get(name):
                return auth.get("username", ""), auth.get("password", "")
        return "", ""

    async def send_file(self, chunks: AsyncIterator[bytes], metadata: dict[str, str]) -> None:
        async for chunk in chunks:
            await self._channel.send(chunk)

    async def send_files(self, folder: SentFolder) -> None:
        raise UnsupportedError("a folder is sent as an archive")

    async def layout_blob(self, store: str, digest: str) -> AsyncIterator[bytes]:
        folder = store.partition(":")[2]
        path = Path(folder) / "blobs" / "sha256" / hex_of(digest)
        try:
            with path.open("rb") as file:
                while piece := await run_blocking(file.read, _PIECE_BYTES):
                    yield piece
        except OSError as exc:
            raise NotFoundError(f"{folder}: {digest}: {(exc.strerror or '').lower()}") from exc

    async def send_layout(self, folder: str, blobs: Sequence[SentBlob], root: SentBlob) -> None:
        named = Described(root.media_type, root.digest, root.size)
        pieces = oci_layout([_blob(it) for it in (*blobs, root)], named, [])
        async for piece in stepwise(pieces):
            await self._channel.send(piece, folder)


def _blob(sent: SentBlob) -> Blob:
    return Blob(Described(sent.media_type, sent.digest, sent.size), sent.read)


def _opened(path: str, identity: tuple[int, int] | None, digests: Path) -> FolderTree:
    """Raises ConflictError if it is not the client's."""
    try:
        fd = os.open(path, _DIRECTORY)
    except OSError as exc:
        raise ConflictError(f"path {path} is not to be seen from here: {exc.strerror}") from exc
    status = os.fstat(fd)
    if identity is not None and (status.st_dev, status.st_ino) != identity:
        os.close(fd)
        raise ConflictError(f"path {path} is another folder here")
    return FolderTree(fd, with_owners=False, known=KnownDigests(file_of(digests, status)))


async def _or_empty(body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """No context at all is an empty one."""
    came = False
    async for chunk in body:
        came = True
        yield chunk
    if not came:
        yield END_OF_ARCHIVE


def _failure(exc: ScowError) -> Message:
    failure = {"message": exc.message, "excerpt": ""}
    if isinstance(exc, DockerfileError):
        failure["excerpt"] = exc.excerpt
    if isinstance(exc, BuildFailedError):
        if exc.place is not None:
            failure["excerpt"] = excerpt_of(exc.place)
        if exc.left_image:
            failure["left_image"] = exc.left_image
    return failure

"""A result brought where it is wanted: the engine's images, a registry, an archive or files."""

import os
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

from scow.build.frontend.told import Internal, Telling
from scow.build.trees.folder import FolderTree
from scow.build.trees.tree import Node, walk
from scow.errors import InvalidArgumentError, ScowError, UnsupportedError
from scow.image.layers import LayerTar
from scow.image.leases import Lease
from scow.image.save import SavedImage, archive
from scow.image.store import ImageStore
from scow.image.tar_writer import pack
from scow.image.tar_writer import walk as tar_members
from scow.image.threads import run_to_end
from scow.spec.digest import chain_ids, sha256_of
from scow.spec.engine_api.auth import AuthConfig
from scow.spec.frontend_build import BuildClient, Exchange
from scow.spec.reference import Reference, parse_reference
from scow.spec.sent_files import SentFile
from scow.tasks import run_blocking

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_PIECE_BYTES = 1 << 20
_IMAGE_KINDS = frozenset({"moby", "image"})
_ARCHIVE_KINDS = {"docker": "docker image format", "oci": "oci image format"}


class Pushes(Protocol):
    """Where images are pushed."""

    async def push(self, name: str, tag: str, auth: AuthConfig) -> AsyncIterator[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """A result: its config, and the stack of its layers, which the lease holds."""

    raw_config: bytes
    chain_id: str | None

    @property
    def id(self) -> str:
        return sha256_of(self.raw_config)


class Exports:
    """Exports of one build. ``tell_image`` hears of images: id, action, name."""

    def __init__(
        self,
        images: ImageStore,
        pushes: Pushes,
        lease: Lease,
        client: BuildClient,
        telling: Telling,
        tell_image: Callable[[str, str, str], None],
    ) -> None:
        self._images = images
        self._pushes = pushes
        self._lease = lease
        self._client = client
        self._telling = telling
        self._tell_image = tell_image

    async def export(self, image: BuiltImage, wanted: Exchange) -> dict[str, str]:
        """What the client is told of it. Raises ScowError."""
        kind = wanted.kind
        if kind in _IMAGE_KINDS:
            return await self._to_store(image, wanted)
        if kind in _ARCHIVE_KINDS:
            return await self._to_archive(image, wanted)
        if kind == "tar":
            return await self._to_tar(image)
        if kind == "local":
            return await self._to_folder(image)
        raise UnsupportedError(f"exporter {kind!r} could not be found")

    async def _to_store(self, image: BuiltImage, wanted: Exchange) -> dict[str, str]:
        names = _names(wanted)
        push = wanted.attributes.get("push") == "true"
        with self._telling.internal("exporting to image") as told:
            told.step("exporting layers")
            await self._images.record(self._lease, image.raw_config, names, parent=None)
            told.step(f"writing image {image.id}")
            for name in names:
                self._tell_image(image.id, "tag", name.familiar())
                told.step(f"naming to {name}")
        if push:
            for name in names:
                await self._push(name)
        return _response(image, names)

    async def _push(self, name: Reference) -> None:
        with self._telling.internal(f"pushing {name}") as told:
            username, password = await self._client.credentials(credentials_host(name))
            auth = AuthConfig(username=username, password=password, server_address=name.registry)
            async for message in await self._pushes.push(name.name, name.tag or "latest", auth):
                _tell_push(told, message)

    async def _to_archive(self, image: BuiltImage, wanted: Exchange) -> dict[str, str]:
        names = _names(wanted)
        with self._telling.internal(f"exporting to {_ARCHIVE_KINDS[wanted.kind]}") as told:
            layers = await self._layers(image)
            told.step("exporting layers")
            pieces = archive([SavedImage(image.id, image.raw_config, layers, names)])
            told.step("sending tarball")
            await self._client.send_file(_stepwise(pieces), {})
        return _response(image, names)

    async def _layers(self, image: BuiltImage) -> list[LayerTar]:
        if image.chain_id is None:
            return []
        chains = chain_ids(self._images.layer_diff_ids(image.chain_id))
        return [await self._lease.tar(it) for it in chains]

    async def _to_tar(self, image: BuiltImage) -> dict[str, str]:
        with self._telling.internal("exporting to client tarball") as told:
            view = await self._view(image)
            try:
                root_fd = view.root
                pieces = pack(tar_members(root_fd), lambda _name: True)
                told.step("sending tarball")
                await self._client.send_file(_stepwise(pieces), {})
            finally:
                await run_blocking(view.close)
        return {}

    async def _to_folder(self, image: BuiltImage) -> dict[str, str]:
        with self._telling.internal("exporting to client directory") as told:
            view = await self._view(image)
            try:
                tree = FolderTree(os.open(f"/proc/self/fd/{view.root}", _FOLDER), with_owners=True)
                folder = _TreeFolder(tree, lambda sent: told.transferred("copying files", sent))
                try:
                    await self._client.send_files(folder)
                finally:
                    tree.close()
                told.transferred("copying files", folder.sent, complete=True)
            finally:
                await run_blocking(view.close)
        return {}

    async def _view(self, image: BuiltImage) -> "View":
        if image.chain_id is None:
            raise ScowError("the result is empty: there are no files to export")
        return await run_blocking(self._lease.view, image.chain_id)


class View(Protocol):
    """A tree of mounts to read."""

    @property
    def root(self) -> int: ...

    def close(self) -> None: ...


class _TreeFolder:
    """A tree, sent file by file: see ``scow.spec.sent_files.SentFolder``."""

    def __init__(self, tree: FolderTree, sent: Callable[[int], None]) -> None:
        self._tree = tree
        self._nodes: dict[str, Node] = {}
        self._tell = sent
        self.sent = 0

    async def files(self) -> AsyncIterator[SentFile]:
        nodes = await run_to_end(self._all)
        for node in nodes:
            self._nodes[node.path] = node
            yield SentFile(
                node.path,
                node.mode,
                node.uid,
                node.gid,
                0 if node.is_symlink or node.is_folder else node.size,
                node.mtime_ns,
                node.link,
                node.device,
                node.xattrs,
            )

    async def content(self, file: SentFile) -> AsyncIterator[bytes]:
        content = await run_to_end(self._tree.open, self._nodes[file.path])
        try:
            while piece := await run_to_end(content.read, _PIECE_BYTES):
                self.sent += len(piece)
                self._tell(self.sent)
                yield bytes(piece)
        finally:
            content.close()

    def _all(self) -> list[Node]:
        top = self._tree.node("")
        return list(walk(self._tree, top)) if top is not None else []


async def _stepwise(pieces: Generator[bytes, None, None]) -> AsyncIterator[bytes]:
    """Pieces of blocking work, each made in the pool."""
    with closing(pieces):
        while (piece := await run_to_end(next, pieces, None)) is not None:
            yield piece


def credentials_host(name: Reference) -> str:
    """As clients are asked for Docker Hub: by the host that is spoken to."""
    return "registry-1.docker.io" if name.registry == "docker.io" else name.registry


def _names(wanted: Exchange) -> list[Reference]:
    """Raises InvalidArgumentError."""
    names = [it.strip() for it in wanted.attributes.get("name", "").split(",")]
    found = [parse_reference(name) for name in names if name]
    if any(it.digest for it in found):
        raise InvalidArgumentError("cannot name an image by a digest")
    return found


def _response(image: BuiltImage, names: Sequence[Reference]) -> dict[str, str]:
    found = {"containerimage.digest": image.id, "containerimage.config.digest": image.id}
    return found | {"image.name": ",".join(map(str, names))} if names else found


def _tell_push(told: Internal, message: dict[str, Any]) -> None:
    if what := message.get("id"):
        detail = message.get("progressDetail") or {}
        told.transferred(f"{message.get('status', '')} {what}", detail.get("current", 0))

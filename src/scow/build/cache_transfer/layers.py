"""Blobs of layers become layers of the image store, held by a lease: an image's, or a cache's."""

import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from scow.build.graph.job import LayersMissingError
from scow.errors import ScowError
from scow.image.archive_formats import LayerSource
from scow.image.archive_region import RegionReader
from scow.image.arrival import Wanted
from scow.image.layers import new_snapshot_id
from scow.image.leases import Lease
from scow.image.store import ImageStore
from scow.image.threads import run_to_end
from scow.tasks import run_blocking


class BlobSource(Protocol):
    """Where blobs are."""

    async def document(self, digest: str, size: int) -> bytes:
        """A small one, verified. Raises NotFoundError, IntegrityError, ScowError."""

    async def fetch(self, digest: str, size: int, path: Path) -> None:
        """Any, into a new file. Raises as ``document`` does."""


@dataclass(frozen=True, slots=True)
class LayerBlob:
    """A layer that is elsewhere. ``parent`` is the chain id of what is below."""

    diff_id: str
    parent: str | None
    digest: str
    size: int
    source: BlobSource


class MadeHere:
    """See ``BlobSource``: one layer, made by this engine. ``read`` gives its tar in pieces, and may block."""

    def __init__(self, read: Callable[[], Iterable[bytes]]) -> None:
        self._read = read

    async def document(self, digest: str, size: int) -> bytes:
        raise ScowError(f"{digest} is a layer")

    async def fetch(self, digest: str, size: int, path: Path) -> None:
        await run_to_end(self._write, path)

    def _write(self, path: Path) -> None:
        with path.open("xb") as file:
            file.writelines(self._read())


async def bring_stack(
    images: ImageStore, lease: Lease, folder: Path, blobs: Mapping[str, LayerBlob], chain_id: str | None
) -> None:
    """Have a stack here, held by ``lease``; ``blobs`` are by chain id, ``folder`` is for what comes.

    Raises LayersMissingError if a layer is neither here nor there, IntegrityError, ScowError.
    """
    wanted: list[LayerBlob] = []
    here = chain_id
    while not lease.has(here):
        blob = blobs.get(here or "")
        if blob is None:
            raise LayersMissingError(here)
        wanted.insert(0, blob)
        here = blob.parent
    lease.hold(here)
    if not wanted:
        return
    await run_blocking(partial(folder.mkdir, mode=0o700, parents=True, exist_ok=True))
    async with images.arrival() as arrival:
        arrival.begin()
        for diff_id in images.layer_diff_ids(here):
            arrival.hold(diff_id)
        layers = [Wanted(it.diff_id, partial(_opened, it, folder)) for it in wanted]
        async with aclosing(arrival.add(layers)) as ticks:
            async for _ in ticks:
                pass
        lease.hold(chain_id)


def _opened(blob: LayerBlob, folder: Path) -> AbstractAsyncContextManager[LayerSource]:
    return _fetched(blob, folder / new_snapshot_id())


@asynccontextmanager
async def _fetched(blob: LayerBlob, path: Path) -> AsyncIterator[LayerSource]:
    """The blob in a file that has no name any more when it is read."""
    try:
        await blob.source.fetch(blob.digest, blob.size, path)
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    finally:
        path.unlink(missing_ok=True)
    try:
        yield LayerSource(RegionReader(fd, 0, blob.size))
    finally:
        os.close(fd)

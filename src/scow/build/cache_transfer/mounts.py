"""Cache mounts that go along with a cache: an addition of scow's, ``mounts=true`` of an export.

A mount goes as the tar of its files. It comes back only where there is none of its id yet, before the steps
that use it: what programs have written here since is not touched.
"""

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path

from scow.build.cache_transfer.documents import CacheMount
from scow.build.cache_transfer.layers import BlobSource
from scow.build.execute.copying import Target, numeric_mode, unpack_archive
from scow.build.export.blobs import Blob, Spool
from scow.build.export.compression import Compression
from scow.build.export.documents import OCI, Described
from scow.build.graph.ops import RunOp, Vertex
from scow.image.archive_region import RegionReader
from scow.image.decompress import decompressed
from scow.image.tar.writer import pack, walk
from scow.image.threads import run_to_end
from scow.image.trees import remove_path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILES = "files"
# Start-up removes what is called so: it was being made, or being removed.
_UNFINISHED = ".gone-"


def mounts_of(vertices: Iterable[Vertex]) -> list[str]:
    """Ids of the cache mounts that steps use."""
    found = {
        mount.id
        for vertex in vertices
        if isinstance(vertex.op, RunOp)
        for mount in vertex.op.mounts
        if mount.kind == "cache"
    }
    return sorted(found)


class MountFolders:
    """``folder`` holds one folder for each mount, by the digest of its id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def packed(self, mount_id: str, spool: Spool) -> tuple[CacheMount, Blob] | None:
        """Its files as a blob; ``None`` if there is no such mount here. Raises ScowError."""
        files = self._place(mount_id) / _FILES
        try:
            status = files.stat()
        except FileNotFoundError:
            return None
        found = await spool.keep(lambda: Compression("gzip").pack(_tar(files)))
        described = Described(OCI.layer["gzip"], found.digest, found.size)
        mount = CacheMount(
            id=mount_id,
            blob=found.digest,
            size=found.size,
            uid=status.st_uid,
            gid=status.st_gid,
            mode=status.st_mode & 0o7777,
        )
        return mount, Blob(described, found.read)

    async def fill(self, mount: CacheMount, source: BlobSource) -> None:
        """Bring a mount that is not here. Raises ScowError, InvalidArgumentError."""
        if self._place(mount.id).exists():
            return
        work = self._folder / f"{_UNFINISHED}{secrets.token_hex(8)}"
        await run_to_end(lambda: work.mkdir(mode=0o700, parents=True))
        try:
            await source.fetch(mount.blob, mount.size, work / "blob")
            await run_to_end(_unpack, work, mount)
            # Somebody may have begun with it meanwhile: then that is the mount.
            with suppress(OSError):
                os.rename(work, self._place(mount.id))
        finally:
            await run_to_end(remove_path, str(work))

    def _place(self, mount_id: str) -> Path:
        return self._folder / hashlib.sha256(mount_id.encode()).hexdigest()


def _tar(files: Path) -> Iterator[bytes]:
    fd = os.open(files, _FOLDER)
    try:
        with closing(pack(walk(fd), lambda _name: True)) as pieces:
            yield from pieces
    finally:
        os.close(fd)


def _unpack(work: Path, mount: CacheMount) -> None:
    files = work / _FILES
    files.mkdir()
    root_fd, blob_fd = os.open(files, _FOLDER), os.open(work / "blob", os.O_RDONLY | os.O_CLOEXEC)
    try:
        target = Target(root_fd, "/", into_folder=True, owner=None, mode=numeric_mode(""))
        unpack_archive(decompressed(RegionReader(blob_fd, 0, mount.size)), target)
        os.fchown(root_fd, mount.uid, mount.gid)
        os.fchmod(root_fd, mount.mode & 0o7777)
    finally:
        os.close(blob_fd)
        os.close(root_fd)
    (work / "blob").unlink()

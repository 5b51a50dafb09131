"""Blobs of the history: files in one folder, each called after its digest."""

import os
from collections.abc import Iterable
from pathlib import Path

from scow.errors import NotFoundError
from scow.spec.build_history import BlobEntry
from scow.spec.digest import hex_of, is_sha256, sha256_of


class HistoryBlobs:
    """All of them. Every method blocks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, data: bytes) -> None:
        """Have these bytes, all or none of them. Raises OSError.

        They are not forced to the disk: after a loss of power a record without its blobs is dropped.
        """
        path = self._path(sha256_of(data))
        if path.exists():
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            temporary.write_bytes(data)
            temporary.rename(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def read(self, digest: str) -> bytes:
        """Raises NotFoundError."""
        try:
            if is_sha256(digest):  # it comes from outside, and is to be a path
                return self._path(digest).read_bytes()
        except FileNotFoundError:
            pass
        raise NotFoundError(f"content {digest}: not found")

    def has(self, entries: Iterable[BlobEntry]) -> bool:
        """Whether all of them are here, and whole as far as their sizes say."""
        return all(self._size(it.digest) == it.size for it in entries)

    def remove_others(self, digests: Iterable[str]) -> None:
        """All but these."""
        kept = {self._path(it).name for it in digests}
        try:
            names = os.listdir(self._folder)
        except FileNotFoundError:
            return
        for name in names:
            if name not in kept:
                (self._folder / name).unlink(missing_ok=True)

    def _size(self, digest: str) -> int:
        try:
            return self._path(digest).stat().st_size
        except OSError:
            return -1

    def _path(self, digest: str) -> Path:
        return self._folder / hex_of(digest)

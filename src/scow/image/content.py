"""Small documents by digest: image configs (and manifests) in exactly the bytes they arrived in.

    image/<driver>/imagedb/content/sha256/<hex>

A file is written under another name, synced and renamed, so one that is there is whole; reading checks
the digest all the same, because disks rot. Files that no image refers to are removed at start-up.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from scow.errors import IntegrityError
from scow.spec.digest import hex_of, sha256_of

_PARTIAL = ".partial"


class ContentStore:
    """The documents of one image store. All calls block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes) -> str:
        """Keep ``data``; returns its digest when it is safe from power loss."""
        digest = sha256_of(data)
        place = self._folder / hex_of(digest)
        if not _holds(place, data):
            partial = place.with_name(place.name + _PARTIAL)
            try:
                with open(partial, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(partial, place)
            except OSError:
                partial.unlink(missing_ok=True)
                raise
            self._sync_folder()
        return digest

    def get(self, digest: str) -> bytes:
        """Raises ``FileNotFoundError``, and IntegrityError if the bytes are not what they were."""
        data = (self._folder / hex_of(digest)).read_bytes()
        if sha256_of(data) != digest:
            raise IntegrityError(f"content of {digest} is damaged on disk")
        return data

    def remove(self, digest: str) -> None:
        """Not an error when it is not there."""
        with suppress(FileNotFoundError):
            os.unlink(self._folder / hex_of(digest))

    def keep_only(self, digests: Iterable[str]) -> None:
        """Start-up: remove what nothing refers to, and what was being written."""
        for path in self.lost(digests):
            path.unlink()

    def lost(self, digests: Iterable[str]) -> list[Path]:
        """Files of documents that are not among ``digests``, or not whole."""
        wanted = {hex_of(digest) for digest in digests}
        return [self._folder / name for name in os.listdir(self._folder) if name not in wanted]

    def _sync_folder(self) -> None:
        fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _holds(place: Path, data: bytes) -> bool:
    """Compared, not only found: what is damaged on disk is written again."""
    try:
        return place.read_bytes() == data
    except FileNotFoundError:
        return False

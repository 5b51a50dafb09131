"""Contexts that came as archives, kept: the next one, if it is the same, need only be compared.

    <folder>/<name>.tar     an archive, as it is without its compression
    <folder>/<name>.files   in its place the contents of a folder that came file by file (kept_folders)
    <folder>/<name>.index   what is in it; it is there last
    <folder>/.new-<name>    one that is arriving

Start-up removes what has no index (scow.daemon.build_leftovers).

Nothing is believed of a file because of its times: as far as an arriving archive has the same bytes as a
kept one, it has the same files, whose digests are known. From the first byte that differs it is read as any
other.

There are few, and none is large. A project's next context takes the place of the one before, what nobody
sent for long goes first, and prunes of the build cache take them, too.
"""

import os
import secrets
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scow.build.trees.archive_index import ArchiveIndex, read_index, write_index
from scow.build.trees.spooled import Region
from scow.image.decompress import ByteReader
from scow.tasks import run_blocking

_MAX_KEPT = 4
# Less is read as quickly as it is compared.
_MIN_BYTES = 1 << 20
_MAX_BYTES = 1 << 30
_BLOCK_BYTES = 512
_PIECE_BYTES = 1 << 20
_NEW = ".new-"
_TAR = ".tar"
_FILES = ".files"
_INDEX = ".index"


@dataclass(frozen=True, slots=True)
class KeptArchive:
    """One of them, as the build cache tells of it. Times are ns since the epoch."""

    name: str
    size_bytes: int
    created_ns: int
    last_used_ns: int


class Earlier:
    """A kept archive that begins like one which arrives; closed by who opened it."""

    def __init__(self, path: Path, fd: int, index: ArchiveIndex) -> None:
        self.path = path
        self.index = index
        self.size = os.fstat(fd).st_size
        self._fd = fd

    def compare(self, first: bytes, rest: ByteReader) -> tuple[int, bytes]:
        """How many bytes are the same, and the piece that comes after them: empty if there is none."""
        same, piece = 0, first
        while piece and os.pread(self._fd, len(piece), same) == piece:
            same += len(piece)
            piece = rest.read(_PIECE_BYTES)
        return same, piece

    def region(self, start: int, end: int) -> Region:
        """Its bytes between the two, until it is closed."""
        return Region(self._fd, start, end - start)

    def copy_to(self, fd: int, size: int, start: int = 0) -> None:
        """Its ``size`` bytes from ``start`` on, to where ``fd`` is. Raises ``OSError``."""
        at, end = start, start + size
        while at < end:
            count = os.sendfile(fd, self._fd, at, end - at)
            if not count:
                raise OSError(f"{self.path} was cut off")
            at += count

    def lend(self) -> int:
        """A descriptor of it, for somebody else to close; it is the last used now."""
        with suppress(OSError):
            os.utime(self.path)
        return os.dup(self._fd)

    def close(self) -> None:
        """Give up the descriptor."""
        os.close(self._fd)


class KeptArchives:
    """All of one engine, in ``folder``. What blocks may be called from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        """For contents and an index that belong together under a name that stays."""

    def new(self) -> tuple[int, Path]:
        """A file for one that arrives, to be given to ``keep`` or ``drop``. Blocks. Raises ``OSError``."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{_NEW}{secrets.token_hex(16)}"
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), path

    def drop(self, new: Path) -> None:
        """It is not to be kept. Blocks."""
        new.unlink(missing_ok=True)

    def keep(self, new: Path, index: ArchiveIndex, instead_of: Path | None) -> None:
        """It has arrived; never raises ``OSError``: without it the next one is read whole. Blocks."""
        path = self._folder / new.name.removeprefix(_NEW)
        try:
            if not _MIN_BYTES <= new.stat().st_size <= _MAX_BYTES:
                self.drop(new)
                return
            os.rename(new, path.with_suffix(_TAR))
            write_index(new, index)
            os.rename(new, path.with_suffix(_INDEX))
        except OSError:
            self._remove([path.name])
            self.drop(new)
        else:
            self._remove([instead_of.stem] if instead_of is not None else [])
            self._remove([it.name for it in self._all()[_MAX_KEPT:]])

    def keep_folder(self, name: str, new: Path, index: ArchiveIndex) -> None:
        """What ``name`` was kept for has come again; never raises ``OSError``. Blocks."""
        try:
            if not _MIN_BYTES <= new.stat().st_size <= _MAX_BYTES:
                self.drop(new)
                return
            written = new.with_suffix(_INDEX)
            write_index(written, index)
            with self._lock:
                self._remove([name])
                os.rename(new, self._folder / f"{name}{_FILES}")
                os.rename(written, self._folder / f"{name}{_INDEX}")
        except OSError:
            self._remove([name])
            self.drop(new)
            new.with_suffix(_INDEX).unlink(missing_ok=True)
        else:
            self._remove([it.name for it in self._all()[_MAX_KEPT:]])

    def folder(self, name: str) -> Earlier | None:
        """What was kept for ``name``. Blocks."""
        path = self._folder / f"{name}{_FILES}"
        with self._lock:
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return None
            index = read_index(path.with_suffix(_INDEX))
        if index is None:
            os.close(fd)
            return None
        return Earlier(path, fd, index)

    def earlier(self, first: bytes) -> Earlier | None:
        """The one that has most in common with ``first``, the first bytes of one that arrives. Blocks."""
        best, best_alike = None, 0
        for kept in self._all():
            path = self._folder / f"{kept.name}{_TAR}"
            with suppress(FileNotFoundError), path.open("rb") as file:
                alike = _alike(os.pread(file.fileno(), len(first), 0), first)
                if alike > best_alike:
                    best, best_alike = path, alike
        if best is None or (index := read_index(best.with_suffix(_INDEX))) is None:
            return None
        try:
            return Earlier(best, os.open(best, os.O_RDONLY | os.O_CLOEXEC), index)
        except FileNotFoundError:
            return None  # pruned

    async def all(self) -> list[KeptArchive]:
        """Those that are there, the last used first."""
        return await run_blocking(self._all)

    async def remove(self, names: Iterable[str]) -> None:
        """Builds that read them now go on."""
        await run_blocking(self._remove, list(names))

    def _all(self) -> list[KeptArchive]:
        found = []
        for index in self._folder.glob(f"*{_INDEX}"):
            with suppress(FileNotFoundError):
                made, used = index.stat(), _contents_of(index).stat()
                size_bytes = made.st_size + used.st_size
                found.append(KeptArchive(index.stem, size_bytes, made.st_mtime_ns, used.st_mtime_ns))
        return sorted(found, key=lambda it: it.last_used_ns, reverse=True)

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            (self._folder / f"{name}{_INDEX}").unlink(missing_ok=True)
            (self._folder / f"{name}{_TAR}").unlink(missing_ok=True)
            (self._folder / f"{name}{_FILES}").unlink(missing_ok=True)


def _contents_of(index: Path) -> Path:
    archive = index.with_suffix(_TAR)
    return archive if archive.exists() else index.with_suffix(_FILES)


def _alike(own: bytes, other: bytes) -> int:
    """How many bytes are the same, by the block."""
    if own == other:
        return len(other)
    at = 0
    while own[at : at + _BLOCK_BYTES] == other[at : at + _BLOCK_BYTES]:
        at += _BLOCK_BYTES
    return at

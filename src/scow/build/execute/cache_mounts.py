"""Folders of ``RUN --mount=type=cache``: they outlive builds, until a prune takes them.

    <folder>/<name>/files       what programs see
    <folder>/<name>/about.json  what it is called, and when it was made
    <folder>/<name>             its time of change is when it was last used

``name`` is a digest of the id, with a number for further ones of the sharing "private". What has no
about.json after a kill was being made: start-up removes it (scow.daemon.build_leftovers).
"""

import asyncio
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from scow.build.execute.copying import Target, numeric_mode, unpack_archive
from scow.build.graph.ops import Mount
from scow.image.layer_stream import PieceReader
from scow.image.tar.writer import pack, walk
from scow.image.threads import run_to_end
from scow.image.trees import disk_bytes, remove_path
from scow.tasks import KeyedLock, run_blocking

_ABOUT = "about.json"
_FILES = "files"
_GONE = ".gone-"  # start-up removes these, see scow.daemon.build_leftovers
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class CacheMount:
    """One folder. Times are ns since the epoch; ``in_use``: a program has it mounted."""

    name: str
    description: str
    size_bytes: int
    created_ns: int
    last_used_ns: int
    usage_count: int
    in_use: bool


class _About(msgspec.Struct, kw_only=True):
    id: str
    target: str
    created_ns: int
    usage_count: int = 0


class CacheMounts:
    """All of one engine. Used on the event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: Counter[str] = Counter()
        self._sizes: dict[str, tuple[int, int]] = {}
        self._going = KeyedLock()
        """For folders that are being renamed."""

    async def open(
        self, wanted: Mount, stack: AsyncExitStack, seed: Callable[[], Awaitable[Path]] | None = None
    ) -> Path:
        """The folder to be mounted for ``wanted``, which is used until ``stack`` ends.

        One that is new begins with the files of ``seed``, and with its owner and mode. Raises ScowError.
        """
        name = hashlib.sha256(wanted.id.encode()).hexdigest()
        if wanted.sharing == "locked":
            await stack.enter_async_context(self._locks.setdefault(name, asyncio.Lock()))
        elif wanted.sharing == "private":
            number = 0
            while self._users[f"{name}-{number}"]:
                number += 1
            name = f"{name}-{number}"
        self._users[name] += 1
        folder = self._folder / name
        stack.push_async_callback(self._let_go, name)
        async with self._going.hold(name):
            pass  # who takes it away now did not know of us: from here on it is another folder's name
        if seed is not None and not (folder / _FILES).is_dir():
            await run_to_end(_sow, folder, await seed())
        await run_to_end(_make, folder, wanted)
        return folder / _FILES

    async def _let_go(self, name: str) -> None:
        """Its size is another one now."""
        await run_to_end(_touch, self._folder / name)
        self._users[name] -= 1
        if not self._users[name]:
            del self._users[name]

    async def all(self) -> list[CacheMount]:
        """With their sizes, each of which is found out once after a use."""
        return await run_blocking(self._all, dict(self._users))

    def _all(self, users: dict[str, int]) -> list[CacheMount]:
        try:
            entries = [entry for entry in self._folder.iterdir() if not entry.name.startswith(_GONE)]
        except FileNotFoundError:
            return []
        return [found for entry in entries if (found := self._described(entry, users)) is not None]

    def _described(self, folder: Path, users: dict[str, int]) -> CacheMount | None:
        try:
            about = msgspec.json.decode((folder / _ABOUT).read_bytes(), type=_About)
            used_ns = folder.stat().st_mtime_ns
            known_ns, size_bytes = self._sizes.get(folder.name, (0, 0))
            if known_ns != used_ns or users.get(folder.name):
                size_bytes = disk_bytes(str(folder / _FILES))
                self._sizes[folder.name] = (used_ns, size_bytes)
        except (OSError, msgspec.DecodeError):
            return None  # being made, or being removed
        description = f"cached mount {about.target}"
        if about.id != about.target:
            description += f" with id {about.id}"
        return CacheMount(
            folder.name,
            description,
            size_bytes,
            about.created_ns,
            used_ns,
            about.usage_count,
            bool(users.get(folder.name)),
        )

    async def remove(self, names: list[str]) -> None:
        """Those that nobody uses; the others stay."""
        gone = []
        for name in names:
            async with self._going.hold(name):
                if self._users[name]:
                    continue
                # Renamed at once, so that whoever wants it from now on makes a new one.
                gone.append(self._folder / f"{_GONE}{os.urandom(8).hex()}")
                await run_to_end(_rename, self._folder / name, gone[-1])
                self._sizes.pop(name, None)
        for folder in gone:
            await run_blocking(remove_path, str(folder))


def _make(folder: Path, wanted: Mount) -> None:
    files, about = folder / _FILES, folder / _ABOUT
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not files.is_dir():
        files.mkdir(exist_ok=True)  # two steps may begin with it at once
        os.chown(files, wanted.uid, wanted.gid)
        os.chmod(files, wanted.mode or 0o755)
    _touch(folder)
    try:
        known = msgspec.json.decode(about.read_bytes(), type=_About)
    except (OSError, msgspec.DecodeError):
        known = _About(id=wanted.id, target=wanted.target, created_ns=folder.stat().st_mtime_ns)
    known.usage_count += 1
    temporary = folder / f"{_ABOUT}.{os.urandom(4).hex()}"
    temporary.write_bytes(msgspec.json.encode(known))
    os.rename(temporary, about)


def _sow(folder: Path, seed: Path) -> None:
    """Make the files of a mount those of ``seed``, at once: somebody may begin with it meanwhile."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    work = folder.with_name(f"{_GONE}{os.urandom(8).hex()}")
    work.mkdir(mode=0o700)
    try:
        shutil.copystat(seed, work)
        os.chown(work, seed.stat().st_uid, seed.stat().st_gid)
        root_fd, seed_fd = os.open(work, _DIRECTORY), os.open(seed, _DIRECTORY)
        try:
            target = Target(root_fd, "/", into_folder=True, owner=None, mode=numeric_mode(""))
            with closing(pack(walk(seed_fd), lambda _name: True)) as pieces:
                unpack_archive(PieceReader(pieces), target)
        finally:
            os.close(seed_fd)
            os.close(root_fd)
        with suppress(OSError):
            os.rename(work, folder / _FILES)
    finally:
        remove_path(str(work))


def _touch(folder: Path) -> None:
    with suppress(FileNotFoundError):  # what it was to begin with was not there
        os.utime(folder)


def _rename(folder: Path, gone: Path) -> None:
    with suppress(FileNotFoundError):
        os.rename(folder, gone)

"""``docker cp``, ``diff`` and ``export``: files in and out of containers, running or not.

Paths are walked by the kernel inside the container's root (``linux.rootpath``), and everything after that is
done by descriptor: symlinks that the container swaps meanwhile lead nowhere else.
"""

import os
import posixpath
import stat
from collections.abc import AsyncIterable, Generator
from contextlib import AsyncExitStack
from functools import partial

import msgspec

from scow.engine.containers.document import resolve_container_user
from scow.engine.containers.events import container_event
from scow.engine.containers.file_status import path_stat
from scow.engine.containers.file_systems import FileSystems
from scow.engine.containers.model import Container
from scow.engine.containers.outgoing import OutgoingTar
from scow.engine.containers.registry import Containers
from scow.engine.containers.states import Status
from scow.engine.events import EventBus
from scow.errors import ConflictError, InvalidArgumentError, NotFoundError, ScowError
from scow.image.extraction import Destination, extract
from scow.image.inlet import Inlet, read_in_thread
from scow.image.layer_tar import is_content
from scow.image.store import ImageStore
from scow.image.tar.writer import Member, pack, walk
from scow.image.threads import run_to_end
from scow.linux.mount_views import MountView
from scow.linux.rootpath import follow_in_root, open_in_root
from scow.spec.engine_api.files import FileChange, PathStat
from scow.tasks import TaskOwner, open_blocking


class Files:
    """What ``routes/container_files.py`` calls."""

    def __init__(
        self,
        containers: Containers,
        images: ImageStore,
        file_systems: FileSystems,
        events: EventBus,
        tasks: TaskOwner,
    ) -> None:
        self._containers = containers
        self._images = images
        self._file_systems = file_systems
        self._events = events
        self._tasks = tasks

    async def stat(self, ref: str, path: str) -> PathStat:
        """What is at ``path``. Raises NotFoundError, ScowError."""
        live = self._containers.get(ref)
        async with self._file_systems.opened(live, _soon_gone) as view:
            with _Missing(path, ref):
                fd, status = await open_blocking(partial(_look, view, path), _close_found)
            os.close(fd)
            return status

    async def archive(self, ref: str, path: str) -> tuple[PathStat, OutgoingTar]:
        """What is at ``path``, and a tar of it: its last name, and all below if it is a directory.

        Raises NotFoundError, ScowError.
        """
        live = self._containers.get(ref)
        clean = clean_path(path)
        tar = OutgoingTar(self._tasks)
        async with AsyncExitStack() as stack:
            view = await stack.enter_async_context(self._file_systems.opened(live, tar.cut_off))
            with _Missing(path, ref):
                fd, status = await open_blocking(partial(_look, view, clean), _close_found)
            stack.callback(os.close, fd)
            tar.start(pack(_members(fd, os.fsencode(status.name)), _is_copied), stack.pop_all())
        container_event(self._events, live.doc, "archive-path")
        return status, tar

    async def extract(
        self, ref: str, path: str, chunks: AsyncIterable[bytes], *, keep_kinds: bool, copy_owner: bool
    ) -> None:
        """Unpack a tar, compressed or not, into directory ``path``.

        ``keep_kinds`` as for ``image.extraction``; ``copy_owner`` gives everything to the container's user.
        Raises NotFoundError, InvalidArgumentError, ScowError.
        """
        live = self._containers.get(ref)
        inlet = Inlet()

        def leave() -> None:
            inlet.fail(NotFoundError(f"No such container: {ref}"))

        async with self._file_systems.opened(live, leave) as view:
            with _Missing(path, ref):
                await run_to_end(_check_destination, live.doc, view, path)
            await read_in_thread(
                inlet, chunks, self._tasks, _extract, live.doc, view, path, keep_kinds, copy_owner
            )
        container_event(self._events, live.doc, "extract-to-dir")

    async def changes(self, ref: str) -> list[FileChange] | None:
        """What a container has changed in its own file system, ``None`` if nothing. Raises NotFoundError."""
        live = self._containers.get(ref)
        found = await self._images.rootfs.changes(live.doc.id)
        return [FileChange(path=it.path, kind=it.kind) for it in found] or None

    async def export(self, ref: str) -> OutgoingTar:
        """The container's own file system as a tar, without volumes. Raises NotFoundError, ConflictError."""
        live = self._containers.get(ref)
        for status, what in ((Status.DEAD, "Dead"), (Status.REMOVING, "being removed")):
            if live.doc.state.status is status:
                raise ConflictError(f"You cannot export container {live.doc.id} which is {what}")
        tar = OutgoingTar(self._tasks, lambda: container_event(self._events, live.doc, "export"))
        async with AsyncExitStack() as stack:
            visit = await stack.enter_async_context(self._file_systems.visited(live, tar.cut_off))
            tar.start(_tar_of_tree(str(visit.root)), stack.pop_all())
        return tar


def _soon_gone() -> None:
    """For a visit that ends by itself soon."""


class _Missing:
    """Docker's word for what is not there, whatever call found out."""

    def __init__(self, path: str, ref: str) -> None:
        self._path = path
        self._ref = ref

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, exc: BaseException | None, traceback: object) -> None:
        if isinstance(exc, FileNotFoundError):
            raise NotFoundError(f"Could not find the file {self._path} in container {self._ref}") from exc
        if isinstance(exc, OSError):
            reason = os.strerror(exc.errno).lower() if exc.errno else str(exc)
            raise ScowError(f"lstat {self._path}: {reason}") from exc


def clean_path(path: str) -> str:
    """Absolute and without ``..``; what said that it is a directory (``/``, ``/.``) still says so."""
    clean = "/" + posixpath.normpath("/" + path).lstrip("/")
    end = "/." if path.endswith("/.") or path == "." else "/" if path.endswith("/") else ""
    return clean.rstrip("/") + end if end else clean


def _look(view: MountView, path: str) -> tuple[int, PathStat]:
    """What is at ``path``, and a descriptor of it: looked up again, it could be something else."""
    fd = open_in_root(view.root, path, os.O_PATH | os.O_NOFOLLOW)
    try:
        return fd, path_stat(view.root, path, os.fstat(fd))
    except BaseException:
        os.close(fd)
        raise


def _close_found(found: tuple[int, PathStat]) -> None:
    os.close(found[0])


def _members(fd: int, name: bytes) -> Generator[Member, None, None]:
    """What ``fd`` is of, and all below it."""
    status = os.fstat(fd)
    yield Member(fd, name, status)
    if stat.S_ISDIR(status.st_mode):
        yield from walk(fd, name.rstrip(b"/") + b"/")


def _is_copied(xattr: str) -> bool:
    """What means something on another machine too."""
    return xattr == "security.capability" or (xattr.startswith("user.") and is_content(xattr))


def _tar_of_tree(root: str) -> Generator[bytes, None, None]:
    fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield from pack(walk(fd), is_content)
    finally:
        os.close(fd)


def _check_destination(doc: Container, view: MountView, path: str) -> None:
    """Raises InvalidArgumentError for what is no directory, or not to be written to."""
    fd = open_in_root(view.root, clean_path(path), os.O_PATH)
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            raise InvalidArgumentError("extraction point is not a directory")
        place = os.readlink(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)
    mounts = {record.destination: record.writable for record in doc.mounts}
    if doc.alive and doc.host.tmpfs is not msgspec.UNSET:
        mounts.update(dict.fromkeys(doc.host.tmpfs, True))
    while place not in ("", "/"):
        if place in mounts:
            if not mounts[place]:
                raise InvalidArgumentError("mounted volume is marked read-only")
            return
        place = place.rpartition("/")[0]
    if doc.host.readonly_rootfs:
        raise InvalidArgumentError("container rootfs is marked read-only")


def _extract(
    inlet: Inlet, doc: Container, view: MountView, path: str, keep_kinds: bool, copy_owner: bool
) -> None:
    owner = None
    if copy_owner and doc.config.user:
        user = resolve_container_user(view.root, doc, doc.config.user)
        owner = (user.uid, user.gid)
    fd = open_in_root(view.root, clean_path(path), os.O_PATH | os.O_DIRECTORY)
    try:
        place = Destination(fd, follow_in_root(view.root, path), view)
        extract(inlet, place, keep_kinds=keep_kinds, owner=owner)
    finally:
        os.close(fd)

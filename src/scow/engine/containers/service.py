"""The container nouns of the API: rename and top; what is created, removed and shown is passed on."""

from scow.engine.containers.create import Creation, invalid_name, is_valid_name
from scow.engine.containers.events import container_event
from scow.engine.containers.launch import Launcher
from scow.engine.containers.lifecycle import Lifecycle
from scow.engine.containers.name_service import ContainerNames
from scow.engine.containers.registry import Containers
from scow.engine.containers.top import container_top
from scow.engine.containers.views.service import ContainerViews
from scow.engine.events import EventBus
from scow.errors import ConflictError, InvalidArgumentError, ScowError
from scow.spec.engine_api.container import ContainerCreate
from scow.spec.engine_api.container_views import (
    ContainerCreated,
    ContainerInspect,
    ContainerSummary,
    ContainerTop,
)
from scow.spec.filters import Filters


class ContainerService:
    """What ``routes/containers.py`` calls for everything that is neither life cycle nor stream."""

    def __init__(
        self,
        containers: Containers,
        creation: Creation,
        lifecycle: Lifecycle,
        launcher: Launcher,
        views: ContainerViews,
        names: ContainerNames,
        events: EventBus,
    ) -> None:
        self._containers = containers
        self._creation = creation
        self._lifecycle = lifecycle
        self._launcher = launcher
        self._views = views
        self._names = names
        self._events = events

    async def create(self, name: str | None, body: ContainerCreate, *, platform: str) -> ContainerCreated:
        """Make a container. Raises InvalidArgumentError, NotFoundError, ConflictError."""
        return await self._creation.create(name, body, platform=platform)

    async def remove(self, ref: str, *, force: bool, volumes: bool, link: bool) -> None:
        """Remove a container. Raises NotFoundError, ConflictError."""
        await self._lifecycle.remove(ref, force=force, volumes=volumes, link=link)

    async def list(self, *, all: bool, limit: int, size: bool, filters: Filters) -> list[ContainerSummary]:
        """Containers, newest first; ``size`` adds the bytes of their file systems."""
        return await self._views.list(all=all, limit=limit, size=size, filters=filters)

    async def inspect(self, ref: str, *, size: bool) -> ContainerInspect:
        """One container. Raises NotFoundError, InvalidArgumentError for an ambiguous prefix."""
        return await self._views.inspect(ref, size=size)

    async def rename(self, ref: str, name: str) -> None:
        """Give a container another name. Raises NotFoundError, InvalidArgumentError, ConflictError."""
        live = self._containers.get(ref)
        if not name:
            raise InvalidArgumentError("Neither old nor new names may be empty")
        async with live.lock:
            old, new = live.doc.name, name.removeprefix("/")
            if old == new:
                raise InvalidArgumentError("Renaming a container with the same name as its current name")
            try:
                if not is_valid_name(name):
                    raise invalid_name(f"/{new}")
                self._containers.reserve_name(new, live.doc.id)
            except ScowError as exc:
                exc.message = f"Error when allocating new name: {exc.message}"
                raise
            live.doc.name = new
            try:
                await self._containers.save(live)
            except BaseException:
                live.doc.name = old
                self._containers.release_name(new)
                raise
            self._containers.release_name(old)
            self._names.renamed(live.doc)
        container_event(self._events, live.doc, "rename", oldName=f"/{old}")

    async def top(self, ref: str, ps_args: str) -> ContainerTop:
        """Processes of a running container. Raises NotFoundError, ConflictError, InvalidArgumentError."""
        live = self._containers.get(ref)
        if not live.doc.alive:
            raise ConflictError(f"container {live.doc.id} is not running")
        found = await container_top(await self._launcher.processes(live.doc), ps_args)
        container_event(self._events, live.doc, "top")
        return found

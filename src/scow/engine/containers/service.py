"""The container nouns of the API: list, inspect, rename, top; creation and removal are passed on."""

from pathlib import Path

import msgspec

from scow.engine.containers.create import Creation, invalid_name, is_valid_name
from scow.engine.containers.events import container_event
from scow.engine.containers.launch import Launcher
from scow.engine.containers.lifecycle import Lifecycle
from scow.engine.containers.links import with_shown_links
from scow.engine.containers.listing import list_containers
from scow.engine.containers.name_service import ContainerNames
from scow.engine.containers.registry import Containers
from scow.engine.containers.top import container_top
from scow.engine.containers.view import inspect_view
from scow.engine.events import EventBus
from scow.engine.execs import Execs
from scow.engine.networks.registry import Networks
from scow.errors import ConflictError, InvalidArgumentError, NotFoundError, ScowError
from scow.image.store import ImageStore
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
        root: Path,
        containers: Containers,
        creation: Creation,
        lifecycle: Lifecycle,
        launcher: Launcher,
        images: ImageStore,
        networks: Networks,
        names: ContainerNames,
        execs: Execs,
        events: EventBus,
    ) -> None:
        self._root = str(root)
        self._containers = containers
        self._creation = creation
        self._lifecycle = lifecycle
        self._launcher = launcher
        self._images = images
        self._networks = networks
        self._names = names
        self._execs = execs
        self._events = events

    async def create(self, name: str | None, body: ContainerCreate, *, platform: str) -> ContainerCreated:
        """Make a container. Raises InvalidArgumentError, NotFoundError, ConflictError."""
        return await self._creation.create(name, body, platform=platform)

    async def remove(self, ref: str, *, force: bool, volumes: bool, link: bool) -> None:
        """Remove a container. Raises NotFoundError, ConflictError."""
        await self._lifecycle.remove(ref, force=force, volumes=volumes, link=link)

    async def list(
        self,
        *,
        all: bool,
        limit: int,
        size: bool,
        filters: Filters,
    ) -> list[ContainerSummary]:
        """Containers, newest first; ``size`` adds the bytes of their file systems."""
        summaries = list_containers(
            self._containers,
            all_states=all,
            limit=limit,
            filters=filters,
            network_id=self._networks.id_of,
            descendants=self._images_from,
        )
        if size:
            return [summary for summary in summaries if await self._measure(summary)]
        return summaries

    async def _measure(self, summary: ContainerSummary) -> bool:
        """Add the bytes of its file system; False if the container was removed meanwhile."""
        try:
            summary.size_rw = await self._usage(summary.id)
        except NotFoundError:
            return False
        summary.size_root_fs = summary.size_rw + self._image_size(summary.image_id)
        summary.size_rw = summary.size_rw or msgspec.UNSET  # which Docker leaves out of lists if it is zero
        return True

    def _images_from(self, name: str) -> frozenset[str]:
        """The image ``name`` and every image whose layers begin with all of its layers."""
        try:
            base = self._images.resolve(name)
        except (NotFoundError, InvalidArgumentError):
            return frozenset()
        depth = len(base.layers)
        return frozenset(image.id for image in self._images.all() if image.layers[:depth] == base.layers) | {
            base.id
        }

    async def _usage(self, container_id: str) -> int:
        try:
            return await self._images.rootfs.usage(container_id)
        except NotFoundError:
            return 0  # of a dead container

    def _image_size(self, image_id: str) -> int:
        try:
            return self._images.get(image_id).size
        except NotFoundError:
            return 0

    async def inspect(self, ref: str, *, size: bool) -> ContainerInspect:
        """One container. Raises NotFoundError, InvalidArgumentError for an ambiguous prefix."""
        live = self._containers.get(ref)
        view = inspect_view(
            live,
            host=with_shown_links(live.doc, self._containers),
            root=self._root,
            driver=self._images.driver_name,
            graph_data=self._graph_data(live.doc.id),
            network_id=self._networks.id_of,
            execs=self._execs.ids_of(live),
        )
        if size:
            view.size_rw = await self._usage(live.doc.id)
            view.size_root_fs = view.size_rw + self._image_size(live.doc.image_id)
        return view

    def _graph_data(self, container_id: str) -> dict[str, str] | None:
        try:
            return self._images.rootfs.graph_data(container_id)
        except NotFoundError:
            return None  # of a dead container, whose removal has come that far

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

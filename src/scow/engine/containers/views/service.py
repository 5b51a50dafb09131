"""Containers as list and inspect show them, with what their images and networks say of them."""

from pathlib import Path

import msgspec

from scow.engine.containers.links import with_shown_links
from scow.engine.containers.registry import Containers
from scow.engine.containers.views.inspect import inspect_view
from scow.engine.containers.views.listing import list_containers
from scow.engine.execs import Execs
from scow.engine.networks.registry import Networks
from scow.errors import InvalidArgumentError, NotFoundError
from scow.image.store import ImageStore
from scow.spec.engine_api.container_views import ContainerInspect, ContainerSummary
from scow.spec.filters import Filters


class ContainerViews:
    """``root`` has the folders of the containers."""

    def __init__(
        self, root: Path, containers: Containers, images: ImageStore, networks: Networks, execs: Execs
    ) -> None:
        self._root = str(root)
        self._containers = containers
        self._images = images
        self._networks = networks
        self._execs = execs

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

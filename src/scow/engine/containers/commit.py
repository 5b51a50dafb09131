"""``docker commit``: an image out of what a container has changed.

A running container stands still while its files are read (``standstill``). The image itself is all or nothing
(``image.layers``); a removal of the container waits until its files are read.
"""

import sqlite3
from contextlib import AsyncExitStack

from scow.engine.containers.events import container_event
from scow.engine.containers.merge import as_list, merge_config
from scow.engine.containers.model import Container, Live
from scow.engine.containers.registry import Containers
from scow.engine.containers.standstill import Standstill
from scow.engine.containers.states import Status
from scow.engine.events import EventBus
from scow.errors import ConflictError, InvalidArgumentError, NotFoundError, ScowError
from scow.image.changes import apply_changes
from scow.image.committed import CommitRequest
from scow.image.names import check_taggable
from scow.image.store import ImageStore
from scow.spec.engine_api.container import ContainerConfig
from scow.spec.engine_api.files import CommitOptions, CommitResult
from scow.spec.reference import Reference, parse_reference


class Commits:
    """What the route of ``/commit`` calls."""

    def __init__(
        self, containers: Containers, images: ImageStore, standstill: Standstill, events: EventBus
    ) -> None:
        self._containers = containers
        self._images = images
        self._standstill = standstill
        self._events = events

    async def commit(self, ref: str, options: CommitOptions) -> CommitResult:
        """Make an image, and name it if a name is given.

        Raises NotFoundError, ConflictError, InvalidArgumentError, and ScowError where the disk refuses.
        """
        live = self._containers.get(ref)
        doc = live.doc
        for status, what in ((Status.DEAD, "Dead"), (Status.REMOVING, "being removed")):
            if doc.state.status is status:
                raise ConflictError(f"You cannot commit container {doc.id} which is {what}")
        request = CommitRequest(
            container_id=doc.id,
            config=_config(doc, options),
            created_by=" ".join(as_list(doc.config.cmd) or []),
            author=options.author,
            comment=options.comment,
            reference=_reference(options.repo, options.tag),
        )
        async with AsyncExitStack() as stack:
            if options.pause:
                await stack.enter_async_context(self._standstill.of([doc.id]))
            return CommitResult(id=await self._commit(live, request))

    async def _commit(self, live: Live, request: CommitRequest) -> str:
        doc = live.doc
        try:
            async with live.lock:
                if doc.id not in self._containers:
                    raise NotFoundError(f"No such container: {doc.id}")
                visit = await self._images.rootfs.visit(doc.id, _no_hurry)
            image = await self._images.commit(visit, doc.image_id or None, request)
        except (OSError, sqlite3.Error) as exc:
            raise ScowError(f"failed to commit container {doc.id}: {exc}") from exc
        self._events.publish("image", "create", image.id, {**(image.config.labels or {}), "name": image.id})
        name = request.reference.familiar() if request.reference else ""
        if name:
            self._events.publish("image", "tag", image.id, {**(image.config.labels or {}), "name": name})
        container_event(self._events, doc, "commit", comment=request.comment, imageID=image.id, imageRef=name)
        return image.id


def _no_hurry() -> None:
    """No client can hold up a commit: the removal waits for it."""


def _config(doc: Container, options: CommitOptions) -> ContainerConfig:
    """The image's config. Raises InvalidArgumentError."""
    asked = apply_changes(options.config or doc.config, options.changes)
    return merge_config(asked, doc.config)


def _reference(repo: str, tag: str) -> Reference | None:
    """Raises InvalidArgumentError."""
    if not repo:
        return None
    reference = parse_reference(f"{repo}:{tag}" if tag else repo)
    if reference.digest:
        raise InvalidArgumentError("cannot import digest reference")
    check_taggable(reference)
    return reference

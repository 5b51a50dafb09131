"""The part of an engine that pulls and pushes, without the rest: a store on a disk, and a registry client."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

from scow.distribution.credentials import Credentials
from scow.distribution.endpoint import RegistrySettings
from scow.distribution.registries import Registries
from scow.image.remote.downloads import Downloads
from scow.image.remote.progress import Progress, Pulled, Pushed
from scow.image.remote.pull import Puller
from scow.image.remote.push import Pusher
from scow.image.store import ImageStore
from scow.spec.platform import Platform
from scow.spec.reference import parse_reference
from scow.store import Store
from scow.tasks import TaskOwner
from tests.support.archives import ArchiveImage, docker_archive

T = TypeVar("T")
AMD64 = Platform("linux", "amd64")
NOBODY = Credentials()
_SETTINGS = RegistrySettings(certificates=())


class Transfers:
    """What an engine has for pulling and pushing."""

    def __init__(self, store: ImageStore, disk: Path, tasks: TaskOwner, settings: RegistrySettings) -> None:
        self.store = store
        self.downloads = disk / "tmp" / "downloads"
        registries = Registries(settings, "test")
        self.puller = Puller(registries, Downloads(self.downloads, 3, tasks), store, store.origins)
        self.pusher = Pusher(registries, store, store.origins, 5)

    async def pull(
        self,
        name: str,
        platform: Platform = AMD64,
        stop_at: str = "",
        credentials: Credentials = NOBODY,
    ) -> list[Progress | Pulled]:
        """All that was told; gives up at the first status that is ``stop_at``."""
        told = []
        steps = await self.puller.pull(parse_reference(name), platform, credentials)
        async with aclosing(steps):
            async for step in steps:
                told.append(step)
                if step.status == stop_at:
                    break
        return told

    async def load(self, image: ArchiveImage) -> None:
        """Have ``image`` in the store."""

        async def chunks() -> AsyncIterator[bytes]:
            yield docker_archive([image])

        async for _ in self.store.load(chunks()):
            pass

    async def push(
        self, name: str, stop_at: str = "", credentials: Credentials = NOBODY
    ) -> list[Progress | Pushed]:
        """As ``pull``."""
        told = []
        reference = parse_reference(name)
        steps = self.pusher.push(reference, self.store.resolve(str(reference)), credentials)
        async with aclosing(steps):
            async for step in steps:
                told.append(step)
                if isinstance(step, Progress) and step.status == stop_at:
                    break
        return told


def with_transfers(
    disk: Path,
    work: Callable[[Transfers], Awaitable[T]],
    settings: RegistrySettings = _SETTINGS,
) -> T:
    """Open the store on ``disk``, do ``work``, and close it all."""

    async def life() -> T:
        store = Store(disk / "scow.db")
        try:
            async with TaskOwner("test") as tasks:
                images = await ImageStore.open(disk, store, None)
                return await work(Transfers(images, disk, tasks, settings))
        finally:
            await store.aclose()

    return asyncio.run(life())

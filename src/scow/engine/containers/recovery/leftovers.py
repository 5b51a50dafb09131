"""Start-up: folders and file systems that no container has any more."""

import shutil
from pathlib import Path

from scow.engine.containers.mounts.images import container_of
from scow.engine.containers.registry import Containers
from scow.image.store import ImageStore
from scow.tasks import run_blocking


class Leftovers:
    """``root`` has a folder for each container, ``bundles`` one for each whose process was not cleaned up."""

    def __init__(self, root: Path, bundles: Path, containers: Containers, images: ImageStore) -> None:
        self._root = root
        self._bundles = bundles
        self._containers = containers
        self._images = images

    def has_bundle(self, container_id: str) -> bool:
        """Whether something of a process is left: a clean-up removes the bundle last, but for its mount."""
        return (self._bundles / container_id).exists()

    async def remove_orphans(self) -> None:
        """What is of no container that is known."""
        for key in self._images.rootfs.known():
            if container_of(key) not in self._containers:
                await self._images.rootfs.remove(key)
        for folder in (self._root, self._bundles):
            for path in await run_blocking(_children, folder):
                if path.name not in self._containers:
                    await run_blocking(shutil.rmtree, path, True)

    async def unmount_unused(self) -> None:
        """What the last daemon had mounted to copy files of containers that do not run."""
        for key in self._images.rootfs.mounted():
            live = self._containers.by_id(container_of(key))
            if live is not None and not live.doc.alive:
                await self._images.rootfs.unmount(key)


def _children(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []

"""The volumes of a container: filled when it is made, mounted while it runs or its files are copied."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from scow.engine.containers.model import Container, Live, MountRecord
from scow.engine.containers.mounts.copy_up import copy_up
from scow.engine.volumes.claims import visitor
from scow.engine.volumes.use import VolumeUse
from scow.errors import ScowError
from scow.linux.rootpath import open_in_root
from scow.tasks import run_blocking


def volume_names(doc: Container) -> Sequence[str]:
    """Each volume of a container once."""
    return list(dict.fromkeys(record.name for record in doc.mounts if record.type == "volume"))


async def mount_volumes(volumes: VolumeUse, doc: Container, undo: AsyncExitStack) -> None:
    """Have them where the runtime finds them. Raises ScowError with Docker's words."""
    for name in volume_names(doc):
        records = [record for record in doc.mounts if record.type == "volume" and record.name == name]
        try:
            place = await volumes.mount(name, doc.id)
        except ScowError as exc:
            exc.message = f"error while mounting volume '{records[0].source}': {exc.message}"
            raise
        undo.push_async_callback(volumes.unmount, name, doc.id)
        for record in records:
            record.source = place


async def unmount_volumes(volumes: VolumeUse, doc: Container) -> None:
    """They are needed no more."""
    for name in volume_names(doc):
        await volumes.unmount(name, doc.id)


async def fill_volume(volumes: VolumeUse, rootfs: Path, record: MountRecord) -> None:
    """An empty volume takes what the image has at its place. Raises ScowError, ``OSError``."""
    if volumes.is_plain(record.name):
        await run_blocking(copy_up, rootfs, record.destination, Path(record.source), record.subpath)
    elif await run_blocking(_is_there, rootfs, record.destination):
        async with volumes.mounted(record.name) as place:
            await run_blocking(copy_up, rootfs, record.destination, Path(place), record.subpath)


def _is_there(rootfs: Path, destination: str) -> bool:
    try:
        os.close(open_in_root(str(rootfs), destination, os.O_PATH))
    except OSError:
        return False
    return True


@asynccontextmanager
async def held_volumes(volumes: VolumeUse, live: Live) -> AsyncIterator[None]:
    """For the block they are where their records say, whether the container runs or not."""
    user = visitor("copy")
    async with AsyncExitStack() as stack:
        for name in volume_names(live.doc):
            if not volumes.is_plain(name):
                place = await volumes.mount(name, user)
                stack.push_async_callback(volumes.unmount, name, user)
                for record in live.doc.mounts:
                    if record.type == "volume" and record.name == name:
                        record.source = place
        yield

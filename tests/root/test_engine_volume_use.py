"""Who has volumes mounted, when those who ask for it are cancelled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from scow.engine.volumes.claims import Claims
from scow.engine.volumes.driver_table import Drivers
from scow.engine.volumes.local_driver import LocalDriver
from scow.engine.volumes.model import VolumeRecord
from scow.engine.volumes.plugin_discovery import PluginFolders
from scow.engine.volumes.registry import VolumeRecords
from scow.engine.volumes.use import VolumeUse
from scow.linux.mounts import is_mountpoint
from scow.store import Store

pytestmark = pytest.mark.root


@asynccontextmanager
async def a_volume_in_memory(folder: Path) -> AsyncIterator[tuple[VolumeUse, Path]]:
    """``memory``, which has to be mounted; and where its data is then."""
    store = Store(folder / "store.db")
    local = LocalDriver(folder / "volumes")
    local.root.mkdir()
    claims = Claims(folder / "claims")
    records = VolumeRecords(store)
    use = VolumeUse(records, Drivers(local, PluginFolders((), ()), claims), claims, lambda _user: False)
    record = VolumeRecord(name="memory", driver="local", options={"type": "tmpfs", "device": "tmpfs"})
    try:
        await records.store(record)
        await local.create(record)
        yield use, local.data("memory")
    finally:
        local.clear("memory")
        await store.aclose()


def test_a_visitor_cancelled_while_he_leaves_has_left(tmp_path: Path) -> None:
    """Or nobody could remove the volume until the engine starts again."""

    async def scenario() -> None:
        async with a_volume_in_memory(tmp_path) as (use, data):
            inside, may_leave = asyncio.Event(), asyncio.Event()

            async def visit() -> None:
                async with use.mounted("memory") as place:
                    assert is_mountpoint(place)
                    inside.set()
                    await may_leave.wait()

            visitor = asyncio.get_running_loop().create_task(visit())
            await inside.wait()
            async with use.hold("memory"):
                may_leave.set()
                for _ in range(5):
                    await asyncio.sleep(0)
                visitor.cancel()
                for _ in range(5):
                    await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await visitor
            assert list(use.users("memory")) == []
            assert not is_mountpoint(str(data))

    asyncio.run(scenario())

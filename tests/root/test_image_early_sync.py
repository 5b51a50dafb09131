"""Many small files are on their way to the disk before the last of them is made."""

import asyncio
import threading
from pathlib import Path

import pytest

from scow.image.early_sync import EarlySync
from tests.support.disks import mounted_tmpfs, unmount_all

pytestmark = pytest.mark.root


def test_while_files_come_they_are_synced(tmp_path: Path) -> None:
    async def life(folder: Path) -> None:
        synced = threading.Event()
        async with EarlySync(str(folder), synced.set).while_files_come():
            for number in range(3000):
                (folder / str(number)).touch()
                # The first look at what is free comes before, the second after most of them.
                await asyncio.sleep(0)
            assert await asyncio.to_thread(synced.wait, 20)

    with mounted_tmpfs(tmp_path / "disk", "16m") as folder:
        asyncio.run(life(folder))
        unmount_all(folder)

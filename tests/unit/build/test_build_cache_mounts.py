"""Folders of cache mounts while prunes take them away."""

import asyncio
import os
import threading
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from scow.build.execute import cache_mounts
from scow.build.execute.cache_mounts import CacheMounts
from scow.build.graph.ops import Mount
from scow.tasks import TaskOwner

_DEEP = 1200  # deeper than Python's stack


def mount(mount_id: str = "cache") -> Mount:
    return Mount("cache", "/cache", id=mount_id, uid=os.getuid(), gid=os.getgid(), mode=0o755)


async def names(mounts: CacheMounts) -> list[str]:
    return [it.name for it in await mounts.all()]


async def used_once(mounts: CacheMounts) -> Path:
    async with AsyncExitStack() as stack:
        return await mounts.open(mount(), stack)


def test_a_mount_that_is_used_is_not_taken_away(tmp_path: Path) -> None:
    async def use() -> None:
        mounts = CacheMounts(tmp_path)
        async with AsyncExitStack() as stack:
            folder = await mounts.open(mount(), stack)
            await mounts.remove(await names(mounts))
            assert folder.is_dir()
        await mounts.remove(await names(mounts))
        assert list(tmp_path.iterdir()) == []

    asyncio.run(use())


def test_who_wants_a_mount_that_is_being_taken_away_gets_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, may_go_on = threading.Event(), threading.Event()
    rename = cache_mounts._rename

    def slow(folder: Path, gone: Path) -> None:
        began.set()
        may_go_on.wait(30)
        rename(folder, gone)

    monkeypatch.setattr(cache_mounts, "_rename", slow)

    async def use() -> None:
        mounts = CacheMounts(tmp_path)
        (await used_once(mounts) / "old").touch()
        async with TaskOwner("test") as tasks, AsyncExitStack() as stack:
            removing = tasks.start(mounts.remove(await names(mounts)), name="remove")
            await asyncio.to_thread(began.wait, 30)
            opening = tasks.start(mounts.open(mount(), stack), name="open")
            await asyncio.sleep(0.05)
            may_go_on.set()
            await removing
            folder = await opening
            assert list(folder.iterdir()) == []

    asyncio.run(use())


def test_folders_of_any_depth_go(tmp_path: Path) -> None:
    async def use() -> None:
        mounts = CacheMounts(tmp_path)
        fd = os.open(await used_once(mounts), os.O_RDONLY)
        for _ in range(_DEEP):
            os.mkdir("deep", dir_fd=fd)
            inner = os.open("deep", os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd = inner
        os.close(fd)
        await mounts.remove(await names(mounts))
        assert list(tmp_path.iterdir()) == []

    asyncio.run(use())

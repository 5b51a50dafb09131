"""Layers on their way out lie in files without names: who gives up leaves none of them."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from scow.build.export.blobs import Spool
from scow.errors import ScowError
from scow.spec.digest import sha256_of
from scow.tasks import TaskOwner


def files_in(folder: Path) -> list[str]:
    """What this process has open in a folder."""
    links = []
    for number in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{number}"))
        except FileNotFoundError:
            continue
    return [link for link in links if link.startswith(str(folder))]


def test_what_is_kept_can_be_read_more_than_once_until_it_is_closed(tmp_path: Path) -> None:
    async def keep() -> None:
        with closing(Spool(tmp_path)) as spool:
            found = await spool.keep(lambda: [b"one", b"two"])
            assert (found.digest, found.size) == (sha256_of(b"onetwo"), 6)
            assert [b"".join(found.read()) for _ in range(2)] == [b"onetwo"] * 2
            assert len(files_in(tmp_path)) == 1
        assert files_in(tmp_path) == []

    asyncio.run(keep())


def test_who_gives_up_leaves_no_file_open(tmp_path: Path) -> None:
    began, may_end = threading.Event(), threading.Event()

    def pieces() -> Iterator[bytes]:
        began.set()
        may_end.wait(30)
        yield b"late"

    async def give_up() -> None:
        with closing(Spool(tmp_path)) as spool:
            async with TaskOwner("test") as tasks:
                work = tasks.start(spool.keep(pieces), name="keep")
                await asyncio.to_thread(began.wait, 30)
                work.cancel()
                await asyncio.sleep(0)
                may_end.set()
                await asyncio.wait({work})
                assert work.cancelled()
            assert files_in(tmp_path) == []

    asyncio.run(give_up())


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        raise OSError(28, "No space left on device")
        yield b""

    async def keep() -> None:
        with pytest.raises(ScowError, match="cannot be written: No space left on device"):
            await Spool(tmp_path).keep(pieces)

    asyncio.run(keep())
    assert files_in(tmp_path) == []

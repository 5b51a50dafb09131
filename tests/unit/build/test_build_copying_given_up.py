"""Copying and unpacking for a build that is given up: they end where they are."""

import asyncio
import os
import tarfile
import threading
from pathlib import Path

import pytest

from scow.build.execute.copying import Target, numeric_mode, unpack_archive
from scow.image.threads import run_to_end, wanted_by_caller
from scow.tasks import TaskOwner

_PATIENCE_S = 20
_MOST_READS = 200


class Endless:
    """An archive with one file of eight gigabytes; after some of it, it waits for ``may_go_on``."""

    def __init__(self) -> None:
        info = tarfile.TarInfo("zeros")
        info.size = 0o77777777777
        self._head = info.tobuf()
        self.reads = 0
        self.begun = threading.Event()
        self.may_go_on = threading.Event()

    def read(self, size: int, /) -> bytes:
        self.reads += 1
        if self.reads > 8:
            self.begun.set()
            assert self.may_go_on.wait(_PATIENCE_S)
        if self.reads > _MOST_READS:
            return b""
        head, self._head = self._head[:size], self._head[size:]
        return head or bytes(size)


def test_an_archive_is_unpacked_no_further_than_somebody_waits_for_it(tmp_path: Path) -> None:
    own = (os.getuid(), os.getgid())
    content = Endless()

    async def unpacked(root_fd: int) -> None:
        target = Target(
            root_fd, "/in", into_folder=True, owner=own, mode=numeric_mode(""), unpacked_owner=own,
            go_on=wanted_by_caller(),
        )  # fmt: skip
        await run_to_end(unpack_archive, content, target)

    async def test() -> None:
        root_fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            async with TaskOwner("test") as tasks:
                work = tasks.start(unpacked(root_fd), name="unpacking")
                assert await run_to_end(content.begun.wait, _PATIENCE_S)
                work.cancel()
                content.may_go_on.set()
                with pytest.raises(asyncio.CancelledError):
                    await work
        finally:
            os.close(root_fd)

    asyncio.run(test())
    assert (tmp_path / "in/zeros").exists()
    assert content.reads < _MOST_READS

"""A log that is written by one process and followed in another, rotated as fast as the disk can."""

import asyncio
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scow.logs.json_encoder import JsonLineEncoder
from scow.logs.json_file import JsonFileWriter
from scow.logs.reader import read_logs
from scow.logs.selection import LogSelection
from scow.spec.engine_api.container import LogConfig

LINES = 20_000
PER_FILE = 100
WRITER = """
import sys
from scow.logs.json_file import JsonFileWriter
path, last, max_bytes, max_files, compress, burst = sys.argv[1], *map(int, sys.argv[2:])
log = JsonFileWriter(path, max_bytes=max_bytes, max_files=max_files, compress=bool(compress),
                     attributes=b"", carry={})
sys.stdin.readline()
for first in range(0, last, burst):
    log.write(1, b"".join(b"%06d end\\n" % number for number in range(first, first + burst)))
log.close()
"""
LINE_BYTES = len(JsonLineEncoder(b"", {}).feed(1, b"000000 end\n", 0))


def seen_by_a_follower(
    path: Path, last: int, *, lines_per_file: int, max_files: int, compress: bool, burst: int
) -> list[int]:
    """The numbers that are read of ``last`` that another process writes meanwhile."""
    max_bytes = lines_per_file * LINE_BYTES
    arguments = map(str, (path, last, max_bytes, max_files, int(compress), burst))
    writer = subprocess.Popen([sys.executable, "-c", WRITER, *arguments], stdin=subprocess.PIPE)
    assert writer.stdin is not None
    writer.stdin.close()
    data = asyncio.run(_follow(path, writer))
    lines = data.decode().splitlines()
    assert all(len(line) == 10 and line.endswith(" end") for line in lines), "a line is torn"
    return [int(line[:6]) for line in lines]


async def _follow(path: Path, writer: "subprocess.Popen[bytes]") -> bytes:
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def until_ended() -> None:
        assert await asyncio.to_thread(writer.wait) == 0
        ended.set_result(None)

    async def read() -> bytes:
        chosen = LogSelection(follow=True)
        parts = read_logs(LogConfig(type="json-file"), path, chosen, framed=False, ended=lambda: ended)
        return b"".join([part async for part in parts])

    async with asyncio.timeout(120):
        data, _ = await asyncio.gather(read(), until_ended())
    return data


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "compressed"])
def test_nothing_is_missed_or_repeated_while_all_files_are_kept(tmp_path: Path, compress: bool) -> None:
    path, last = tmp_path / "x.log", 3000
    numbers = seen_by_a_follower(path, last, lines_per_file=20, max_files=10_000, compress=compress, burst=5)
    assert numbers == list(range(last))


@pytest.mark.parametrize("burst", [PER_FILE, 1000])
@pytest.mark.parametrize(
    ("max_files", "compress"), [(1, False), (2, False), (2, True), (3, False), (3, True)]
)
def test_who_is_overtaken_skips_whole_files(
    tmp_path: Path, max_files: int, compress: bool, burst: int
) -> None:
    numbers = seen_by_a_follower(
        tmp_path / "x.log",
        LINES,
        lines_per_file=PER_FILE,
        max_files=max_files,
        compress=compress,
        burst=burst,
    )
    for before, after in itertools.pairwise(numbers):
        assert after > before, "a line is repeated, or out of order"
        if after != before + 1:
            assert (before + 1) % PER_FILE == 0, "the rest of a file is missing"
            assert after % PER_FILE == 0, "the beginning of a file is missing"
    assert numbers[-1] == LINES - 1
    assert len(list(tmp_path.iterdir())) <= max_files


@pytest.mark.parametrize("steps", range(12))
def test_a_rotation_cut_short_loses_no_file(
    tmp_path: Path, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.log"
    log = small_writer(path)
    for number in range(10):
        log.write(1, long_line(number))
    left = [steps]

    def killed_after(real: Callable[..., None]) -> Callable[..., None]:
        def step(*arguments: Any) -> None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            real(*arguments)

        return step

    monkeypatch.setattr(os, "rename", killed_after(os.rename))
    monkeypatch.setattr(os, "unlink", killed_after(os.unlink))
    number = 10
    try:
        while True:
            log.write(1, long_line(number))
            number += 1
    except KeyboardInterrupt:
        pass
    monkeypatch.undo()
    found = read_numbers(path)
    assert len(found) >= 5
    assert found == list(range(found[0], number)), "in order, and none is missing"
    again = small_writer(path)
    for later in range(number, number + 3):
        again.write(1, long_line(later))
    again.close()
    found = read_numbers(path)
    assert found == list(range(found[0], number + 3))
    assert len(list(tmp_path.iterdir())) <= 6


def small_writer(path: Path) -> JsonFileWriter:
    """One that rotates with every ``long_line``."""
    return JsonFileWriter(str(path), max_bytes=100, max_files=6, compress=False, attributes=b"", carry={})


def long_line(number: int) -> bytes:
    return b"%d %s\n" % (number, b"x" * 60)


def read_numbers(path: Path) -> list[int]:
    async def collect() -> bytes:
        parts = read_logs(LogConfig(type="json-file"), path, LogSelection(), framed=False)
        return b"".join([part async for part in parts])

    return [int(line.split()[0]) for line in asyncio.run(collect()).splitlines()]

"""Reading logs back: selection, tail, rotation, following."""

import asyncio
import gzip
import json
import os
import threading
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest

from scow.errors import UnsupportedError
from scow.logs.json_encoder import rfc3339_nano
from scow.logs.json_file import JsonFileWriter
from scow.logs.log_files import LogFiles
from scow.logs.reader import read_logs
from scow.logs.selection import LogSelection
from scow.spec.engine_api.container import LogConfig

START = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


def line(text: str, second: int = 0, stream: str = "stdout", **more: Any) -> bytes:
    entry = {"log": text, "stream": stream, **more, "time": rfc3339_nano(START + second * SECOND)}
    return json.dumps(entry).encode() + b"\n"


def write(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"".join(lines))
    return path


def numbered(first: int, last: int) -> list[bytes]:
    return [line(f"{number}\n", number) for number in range(first, last + 1)]


def read(path: Path, *, framed: bool = False, **selection: Any) -> bytes:
    async def collect() -> bytes:
        return b"".join(
            [
                part
                async for part in read_logs(
                    LogConfig(type="json-file"), path, LogSelection(**selection), framed=framed
                )
            ]
        )

    return asyncio.run(collect())


def test_everything_in_order(tmp_path: Path) -> None:
    path = write(tmp_path / "x.log", line("a\n"), line("b\n", stream="stderr"), line("no newline"))
    assert read(path) == b"a\nb\nno newline"


def test_no_file_is_an_empty_log(tmp_path: Path) -> None:
    assert read(tmp_path / "x.log") == b""


def test_only_one_stream(tmp_path: Path) -> None:
    path = write(tmp_path / "x.log", line("a\n"), line("b\n", stream="stderr"))
    assert read(path, stdout=False) == b"b\n"
    assert read(path, stderr=False) == b"a\n"


def test_each_line_is_a_frame_that_carries_the_stream(tmp_path: Path) -> None:
    path = write(tmp_path / "x.log", line("a\n"), line("b\n"), line("é\n", stream="stderr"))
    assert (
        read(path, framed=True)
        == b"\1\0\0\0\0\0\0\2a\n" + b"\1\0\0\0\0\0\0\2b\n" + b"\2\0\0\0\0\0\0\3\xc3\xa9\n"
    )


def test_a_live_log_has_one_frame_for_each_line(tmp_path: Path) -> None:
    path = write(tmp_path / "x.log", line("a\n"), line("b\n"))
    assert read(path, framed=True, follow=True) == b"\1\0\0\0\0\0\0\2a\n\1\0\0\0\0\0\0\2b\n"


@pytest.mark.parametrize("tail", [0, 1, 2, 4, 5, 6, 9, 10, 11, 100])
def test_tail_counts_back_across_rotated_files(tmp_path: Path, tail: int) -> None:
    write(tmp_path / "x.log.2", *numbered(1, 2))
    (tmp_path / "x.log.1.gz").write_bytes(gzip.compress(b"".join(numbered(3, 5))))
    path = write(tmp_path / "x.log", *numbered(6, 10))
    wanted = range(max(1, 11 - tail), 11)
    assert read(path, tail=tail) == b"".join(b"%d\n" % number for number in wanted)


def test_tail_looks_further_back_than_one_block(tmp_path: Path) -> None:
    texts = [f"{number} {'x' * 1000}\n" for number in range(500)]
    path = write(tmp_path / "x.log", *map(line, texts))
    assert read(path, tail=200) == "".join(texts[-200:]).encode()
    assert read(path, tail=501) == "".join(texts).encode()


def test_a_line_that_is_still_being_written_does_not_count(tmp_path: Path) -> None:
    path = write(tmp_path / "x.log", *numbered(1, 3), b'{"log":"tor')
    assert read(path, tail=1) == b"3\n"
    assert read(path) == b"1\n2\n3\n"


def test_since_and_until_include_their_moment(tmp_path: Path) -> None:
    path = write(tmp_path / "x.log", *numbered(1, 9))
    assert read(path, since_ns=START + 7 * SECOND) == b"7\n8\n9\n"
    assert read(path, until_ns=START + 2 * SECOND) == b"1\n2\n"
    assert read(path, since_ns=START + 4 * SECOND, until_ns=START + 5 * SECOND + 1) == b"4\n5\n"
    assert read(path, until_ns=SECOND) == b""


def test_tail_is_counted_before_the_times_are_looked_at(tmp_path: Path) -> None:
    path = write(tmp_path / "x.log", *numbered(1, 9))
    assert read(path, tail=3, until_ns=START + 7 * SECOND) == b"7\n"


def test_timestamps_have_nine_digits(tmp_path: Path) -> None:
    entry = b'{"log":"a\\n","stream":"stdout","time":"2024-05-01T10:00:00.12Z"}\n'
    path = write(tmp_path / "x.log", entry)
    assert read(path, timestamps=True) == b"2024-05-01T10:00:00.120000000Z a\n"


def test_details_come_after_the_timestamp(tmp_path: Path) -> None:
    path = write(tmp_path / "x.log", line("a\n", attrs={"b": "2 3", "a": "1"}), line("b\n"))
    assert read(path, details=True) == b"a=1,b=2+3 a\n b\n"
    stamped = rfc3339_nano(START).encode()
    assert read(path, details=True, timestamps=True, tail=1) == stamped + b"  b\n"


def test_lines_that_are_no_log_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "x.log", line("a\n"), b"\0\0\0\n", b'{"log":5}\n', line("b\n"))
    assert read(path) == b"a\nb\n"


def test_lines_longer_than_a_block(tmp_path: Path) -> None:
    texts = ["a\n", "x" * 300_000 + "\n", "b\n"]
    path = write(tmp_path / "x.log", *map(line, texts))
    assert read(path) == "".join(texts).encode()


def test_a_driver_that_keeps_nothing_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="configured logging driver does not support reading"):
        read_logs(LogConfig(type="none"), "", LogSelection(), framed=True)


# ---------------------------------------------------------------------- following


class Follower:
    """A log that is written here and read there."""

    def __init__(self, path: Path, **selection: Any) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._parts: AsyncIterator[bytes] = read_logs(
            LogConfig(type="json-file"),
            path,
            LogSelection(follow=True, **selection),
            framed=False,
            ended=lambda: self.ended,
        )

    async def next(self) -> bytes:
        async with asyncio.timeout(120):
            return await anext(self._parts)

    async def rest(self) -> bytes:
        async with asyncio.timeout(120):
            return b"".join([part async for part in self._parts])


def started(reading: Coroutine[Any, Any, bytes]) -> asyncio.Task[bytes]:
    return asyncio.get_running_loop().create_task(reading)


def open_writer(path: Path, *, max_bytes: int = -1, max_files: int = 1) -> JsonFileWriter:
    return JsonFileWriter(
        str(path), max_bytes=max_bytes, max_files=max_files, compress=False, attributes=b"", carry={}
    )


def test_following_waits_for_lines_and_ends_with_the_container(tmp_path: Path) -> None:
    async def scenario() -> None:
        log = open_writer(tmp_path / "x.log")
        log.write(1, b"before\n")
        follower = Follower(tmp_path / "x.log")
        assert await follower.next() == b"before\n"
        log.write(1, b"after\n")
        assert await follower.next() == b"after\n"
        log.write(1, b"last")
        log.close()
        follower.ended.set_result(None)
        assert await follower.rest() == b"last"

    asyncio.run(scenario())


def test_a_follower_that_keeps_up_misses_and_repeats_nothing_across_rotations(tmp_path: Path) -> None:
    async def scenario() -> None:
        log = open_writer(tmp_path / "x.log", max_bytes=2000, max_files=1000)
        follower = Follower(tmp_path / "x.log")
        for number in range(400):
            log.write(1, b"%d\n" % number)
            assert await follower.next() == b"%d\n" % number
        log.close()
        follower.ended.set_result(None)
        assert await follower.rest() == b""

    asyncio.run(scenario())


def test_following_notices_that_a_file_has_started_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = tmp_path / "x.log"
        log = open_writer(path)
        log.write(1, b"long enough\n")
        follower = Follower(path)
        assert await follower.next() == b"long enough\n"
        path.write_bytes(b"")
        log.write(1, b"new\n")
        assert await follower.next() == b"new\n"
        follower.ended.set_result(None)
        assert await follower.rest() == b""

    asyncio.run(scenario())


def test_following_waits_for_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    async def scenario() -> None:
        follower = Follower(tmp_path / "x.log")
        first = started(follower.next())
        while not (tmp_path / "x.log").exists():
            await asyncio.sleep(0)
            open_writer(tmp_path / "x.log").close()
        log = open_writer(tmp_path / "x.log")
        log.write(1, b"hello\n")
        assert await first == b"hello\n"
        follower.ended.set_result(None)
        assert await follower.rest() == b""

    asyncio.run(scenario())


def test_following_the_last_lines_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = threading.Event()
    really = LogFiles.open

    def noting(files: LogFiles, *args: Any, **options: Any) -> None:
        really(files, *args, **options)
        opened.set()

    monkeypatch.setattr(LogFiles, "open", noting)

    async def scenario() -> None:
        log = open_writer(tmp_path / "x.log")
        log.write(1, b"1\n2\n3\n")
        follower = Follower(tmp_path / "x.log", tail=0)
        waiting = started(follower.next())
        assert await asyncio.to_thread(opened.wait, 20), "the follower stands at the end of the file"
        log.write(1, b"4\n")
        assert await waiting == b"4\n"
        follower.ended.set_result(None)
        assert await follower.rest() == b""

    asyncio.run(scenario())


def test_following_a_past_until_ends_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        write(tmp_path / "x.log", *numbered(1, 3))
        follower = Follower(tmp_path / "x.log", until_ns=START + SECOND)
        assert await follower.rest() == b"1\n"

    asyncio.run(scenario())


def test_two_followers_of_one_log(tmp_path: Path) -> None:
    async def scenario() -> None:
        log = open_writer(tmp_path / "x.log")
        one, two = Follower(tmp_path / "x.log"), Follower(tmp_path / "x.log")
        waiting = [started(one.next()), started(two.next())]
        log.write(1, b"both\n")
        assert [await it for it in waiting] == [b"both\n", b"both\n"]
        one.ended.set_result(None)
        assert await one.rest() == b""
        waiting_two = started(two.next())
        log.write(1, b"one left\n")
        assert await waiting_two == b"one left\n"
        two.ended.set_result(None)
        assert await two.rest() == b""

    asyncio.run(scenario())


def test_a_file_that_cannot_be_read_costs_no_descriptors(tmp_path: Path) -> None:
    path = write(tmp_path / "x.log", line("new\n", 2))
    (tmp_path / "x.log.1").mkdir()
    before = os.listdir("/proc/self/fd")
    files = LogFiles(str(path))
    with pytest.raises(IsADirectoryError):
        files.read()
    files.close()
    assert len(os.listdir("/proc/self/fd")) == len(before)

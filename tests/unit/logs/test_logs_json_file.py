"""Writing, rotating and repairing json-file logs."""

import gzip
import json
import time
from pathlib import Path

import pytest

from scow.logs.json_file import JsonFileWriter
from scow.logs.rotation import rotate


def writer(path: Path, *, max_bytes: int = -1, max_files: int = 1, compress: bool = False) -> JsonFileWriter:
    return JsonFileWriter(
        str(path), max_bytes=max_bytes, max_files=max_files, compress=compress, attributes=b"", carry={}
    )


def texts(path: Path) -> list[str]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line)["log"] for line in data.splitlines()]


def write_lines(log: JsonFileWriter, first: int, count: int) -> None:
    log.write(1, b"".join(b"line %03d\n" % number for number in range(first, first + count)))


def test_the_file_is_private_to_root_and_its_group(tmp_path: Path) -> None:
    writer(tmp_path / "x.log").close()
    assert (tmp_path / "x.log").stat().st_mode & 0o777 & ~0o640 == 0


def test_a_file_is_rotated_by_the_line_that_reaches_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    log = writer(path, max_bytes=200, max_files=3)
    write_lines(log, 0, 12)  # lines of 79 bytes: the third one passes the limit
    log.close()
    assert [len(texts(tmp_path / name)) for name in ("x.log", "x.log.1", "x.log.2")] == [3, 3, 3]
    assert texts(tmp_path / "x.log.2")[0] == "line 003\n", "the oldest three are gone"
    assert not (tmp_path / "x.log.3").exists()


def test_one_file_starts_over_at_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    log = writer(path, max_bytes=200)
    write_lines(log, 0, 4)
    log.close()
    assert texts(path) == ["line 003\n"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["x.log"]


def test_a_full_file_waits_for_the_next_line_before_it_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    log = writer(path, max_bytes=200, max_files=2)
    write_lines(log, 0, 3)
    assert len(texts(path)) == 3
    assert not (tmp_path / "x.log.1").exists()
    write_lines(log, 3, 1)
    log.close()
    assert texts(path) == ["line 003\n"]


def test_rotated_files_are_compressed_on_request(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    log = writer(path, max_bytes=200, max_files=3, compress=True)
    write_lines(log, 0, 10)
    log.close()
    assert texts(path) == ["line 009\n"]
    assert texts(tmp_path / "x.log.1.gz") == ["line 006\n", "line 007\n", "line 008\n"]
    assert texts(tmp_path / "x.log.2.gz") == ["line 003\n", "line 004\n", "line 005\n"]
    assert len(list(tmp_path.iterdir())) == 3


def test_a_file_that_was_not_compressed_is_rotated_on(tmp_path: Path) -> None:
    for name in ("x.log", "x.log.1", "x.log.1.gz", "x.log.2.gz"):
        (tmp_path / name).write_text(name)
    rotate(str(tmp_path / "x.log"), 4)
    names = {entry.name: entry.read_text() for entry in tmp_path.iterdir()}
    assert names == {"x.log.1": "x.log", "x.log.2": "x.log.1", "x.log.3.gz": "x.log.2.gz"}


def test_the_next_writer_cuts_off_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b'{"log":"whole\\n","stream":"stdout","time":"t"}\n{"log":"tor')
    log = writer(path)
    log.write(1, b"next\n")
    log.close()
    assert texts(path) == ["whole\n", "next\n"]


def test_a_file_that_is_one_torn_line_becomes_empty(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b'{"log":"' + b"x" * 600_000)
    writer(path).close()
    assert path.read_bytes() == b""


def test_a_full_disk_costs_lines_and_nothing_else() -> None:
    log = writer(Path("/dev/full"))
    log.write(1, b"lost\n")
    log.write(1, b"lost\n")
    log.close()


def test_a_rotation_that_was_cut_short_is_made_good_by_the_next(tmp_path: Path) -> None:
    for name in ("x.log", "x.log.1", "x.log.3.gz", "x.log.4", "x.log.5"):
        (tmp_path / name).write_text(name)
    rotate(str(tmp_path / "x.log"), 5)
    names = {entry.name: entry.read_text() for entry in tmp_path.iterdir()}
    assert names == {
        "x.log.1": "x.log",
        "x.log.2": "x.log.1",
        "x.log.3.gz": "x.log.3.gz",
        "x.log.4": "x.log.4",
    }


def test_files_begin_in_order_although_the_clock_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.log"
    now = time.time_ns()
    log = writer(path, max_bytes=100, max_files=5)
    for moment in (now, now - 10**9, now - 2 * 10**9, now):
        monkeypatch.setattr(time, "time_ns", lambda moment=moment: moment)
        log.write(1, b"a line of more than a hundred bytes, with what is around it\n")
    files = [tmp_path / name for name in ("x.log.3", "x.log.2", "x.log.1", "x.log")]
    times = [json.loads(file.read_bytes())["time"] for file in files]
    assert times == sorted(set(times))


def test_a_file_that_cannot_be_opened_is_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.log"
    path.mkdir()
    log = writer(path)
    log.write(1, b"lost\n")
    path.rmdir()
    log.write(1, b"there\n")
    log.close()
    assert texts(path) == ["there\n"]
    assert capsys.readouterr().err.count("output is not logged") == 1

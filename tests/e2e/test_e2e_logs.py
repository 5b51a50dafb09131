"""``logs``: what containers wrote, in part and as it comes."""

import json
import re
import time
from pathlib import Path

import pytest

from tests.support.clients import Client
from tests.support.http import frames
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference

_STAMP = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (.*)$")


def test_both_streams_come_back_where_they_were_written(client: Client) -> None:
    client("run", "--name", "both", "busybox", "sh", "-c", "echo out; echo err >&2; printf 'no newline'")
    result = client("logs", "both")
    assert (result.out, result.err) == ("out\nno newline", "err\n")


def test_tail_timestamps_since_and_until_choose_lines(client: Client) -> None:
    script = "for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done"
    client("run", "--name", "lines", "busybox", "sh", "-c", script)
    assert client.text("logs", "--tail", "2", "lines") == "line 4\nline 5"
    assert client.text("logs", "-n", "0", "lines") == ""
    assert len(client.text("logs", "--tail", "all", "lines").splitlines()) == 5
    stamped = [_STAMP.match(line) for line in client.text("logs", "-t", "lines").splitlines()]
    assert all(stamped)
    stamps = [match[1] for match in stamped if match]
    assert stamps == sorted(stamps)
    assert client.text("logs", "--since", stamps[2], "lines") == "line 3\nline 4\nline 5"
    assert client.text("logs", "--until", stamps[1], "lines") == "line 1\nline 2"
    assert (
        client.text("logs", "--since", stamps[1], "--until", stamps[3], "lines") == "line 2\nline 3\nline 4"
    )
    assert client.text("logs", "--since", "1h", "lines").count("line") == 5
    assert client.text("logs", "--until", "1h", "lines") == ""


def test_follow_shows_lines_as_they_come_and_ends_with_the_container(client: Client) -> None:
    client.start("-i", "--name", "feed", "busybox", "cat")
    follower = client.popen("logs", "-f", "feed")
    assert follower.stdout is not None
    sock = client.popen("attach", "feed")
    assert sock.stdin is not None
    sock.stdin.write(b"first\n")
    sock.stdin.flush()
    assert follower.stdout.readline() == b"first\n"
    sock.stdin.write(b"second\n")
    sock.stdin.flush()
    assert follower.stdout.readline() == b"second\n"
    client("kill", "feed")
    assert follower.communicate(timeout=120)[0] == b""
    assert follower.returncode == 0


def test_following_a_stopped_container_ends_at_once(client: Client) -> None:
    client("run", "--name", "over", "busybox", "echo", "done")
    assert client.text("logs", "-f", "over") == "done"


def test_long_and_partial_lines_come_back_whole(client: Client) -> None:
    length = 40_000
    script = f"head -c {length} /dev/zero | tr '\\0' x; echo; printf half; sleep 0.3; echo ' and half'"
    client("run", "--name", "long", "busybox", "sh", "-c", script)
    lines = client.text("logs", "long").splitlines()
    assert [len(lines[0]), lines[1]] == [length, "half and half"]
    stored = Path(client.inspect("long", "{{.LogPath}}")).read_text().splitlines()
    # Docker splits a line into records of 16 KiB; only the last one of a line ends in a newline.
    records = [json.loads(line)["log"] for line in stored]
    assert [len(record) for record in records[:3]] == [16384, 16384, length - 32768 + 1]
    assert [record.endswith("\n") for record in records[:3]] == [False, False, True]


def test_the_file_is_dockers_json(client: Client) -> None:
    client(
        "run",
        "--name",
        "file",
        "busybox",
        "sh",
        "-c",
        'printf "quote \\" back\\\\\\\\slash \\t tab \\303\\244\\n"',
    )
    path = Path(client.inspect("file", "{{.LogPath}}"))
    assert f"{path.stat().st_mode & 0o777:o}" == "640"
    container = client.inspect("file", "{{.Id}}")
    assert path.name == f"{container}-json.log"
    record = json.loads(path.read_text())
    assert list(record) == ["log", "stream", "time"]
    assert (record["log"], record["stream"]) == ('quote " back\\slash \t tab ä\n', "stdout")


def test_rotation_keeps_the_newest_files(client: Client) -> None:
    client(
        *("run", "--name", "rotated", "--log-opt", "max-size=20k", "--log-opt", "max-file=3"),
        *("busybox", "sh", "-c", "i=0; while [ $i -lt 2000 ]; do echo line number $i; i=$((i+1)); done"),
    )
    path = Path(client.inspect("rotated", "{{.LogPath}}"))
    files = sorted(name.name for name in path.parent.glob(path.name + "*"))
    assert files == [path.name, path.name + ".1", path.name + ".2"]
    assert all(file.stat().st_size < 25_000 for file in path.parent.glob(path.name + "*"))
    lines = client.text("logs", "rotated").splitlines()
    assert lines[-1] == "line number 1999"
    numbers = [int(line.split()[-1]) for line in lines]
    assert numbers == list(range(numbers[0], 2000))
    assert client.text("logs", "--tail", "300", "rotated").splitlines() == lines[-300:]


def test_rotated_files_are_compressed_and_read_back(client: Client) -> None:
    options = ("max-size=20k", "max-file=3", "compress=true")
    script = "i=0; while [ $i -lt 600 ]; do echo line number $i; i=$((i+1)); done; cat"
    client.start(
        *("-i", "--name", "packed", *(word for option in options for word in ("--log-opt", option))),
        *("busybox", "sh", "-c", script),
    )
    path = Path(client.inspect("packed", "{{.LogPath}}"))
    wait_until(lambda: path.with_name(path.name + ".2.gz").exists(), "the oldest file is compressed")
    wait_until(lambda: "number 599" in client.text("logs", "packed"), "the last line is logged")
    lines = client.text("logs", "packed").splitlines()
    numbers = [int(line.split()[-1]) for line in lines]
    assert numbers == list(range(numbers[0], 600))
    assert client.text("logs", "--tail", "400", "packed").splitlines() == lines[-400:]
    follower = client.popen("logs", "-f", "--tail", "1", "packed")
    assert follower.stdout is not None
    assert follower.stdout.readline() == b"line number 599\n"
    client("rm", "-f", "packed")
    assert follower.wait(120) == 0


def test_lines_come_back_byte_for_byte(client: Client) -> None:
    text = '{"level":"info","message":"caf\u00e9 \\u2028 \u2028 <&>"}\r\nnext\r\n'
    client("run", "-i", "--name", "bytes", "busybox", "cat", input=text)
    done = client.api("GET", "/containers/bytes/logs?stdout=1").body
    assert b"".join(data for _stream, data in frames(done)).decode() == text


def test_a_container_without_log_has_none_to_read(client: Client) -> None:
    client("run", "--name", "mute", "--log-driver", "none", "busybox", "echo", "gone")
    error = client("logs", "mute", code=1).err
    assert "configured logging driver does not support reading" in error
    assert client.inspect("mute", "{{.LogPath}}") == ""


def test_the_local_driver_keeps_and_follows_lines(client: Client) -> None:
    client("run", "--name", "near", "--log-driver", "local", "busybox", "sh", "-c", "echo one; echo two >&2")
    result = client("logs", "near")
    assert (result.out, result.err) == ("one\n", "two\n")
    assert client.inspect("near", "{{.HostConfig.LogConfig.Type}}") == "local"


@pytest.mark.not_on_dockerd("it takes the place of a container's log folder")
def test_a_log_that_cannot_be_opened_costs_its_lines_and_not_the_container(client: Client) -> None:
    container = client.text("create", "--name", "lost", "busybox", "sh", "-c", "echo seen; exit 4")
    log = client.daemon.data_root / "containers" / container / f"{container}-json.log"
    log.mkdir()
    result = client("start", "-a", "lost", code=4)
    assert result.out == "seen\n"
    assert client.status("lost") == "exited"


def test_a_wrong_log_driver_or_option_is_refused(client: Client) -> None:
    error = client("run", "--log-driver", "nosuch", "busybox", "true", code=125).err
    assert "nosuch" in error
    error = client("run", "--log-opt", "nosuch=1", "busybox", "true", code=125).err
    assert "unknown log opt 'nosuch' for json-file log driver" in error


def test_details_show_the_labels_that_were_asked_for(client: Client) -> None:
    client(
        *("run", "--name", "attrs", "--label", "team=red", "-e", "STAGE=test", "--log-opt", "labels=team"),
        *("--log-opt", "env=STAGE", "busybox", "echo", "hi"),
    )
    assert client.text("logs", "--details", "attrs") == "STAGE=test,team=red hi"


def test_a_flood_arrives_complete(client: Client) -> None:
    count = 100_000
    client("run", "-d", "--name", "flood", "busybox", "seq", str(count))
    client("wait", "flood")
    lines = client.text("logs", "flood").splitlines()
    assert (len(lines), lines[0], lines[-1]) == (count, "1", str(count))


def test_logs_of_a_container_that_is_gone(client: Client) -> None:
    assert "No such container: nobody" in client("logs", "nobody", code=1).err


def test_a_terminals_log_is_one_stream(client: Client) -> None:
    client.start("-t", "--name", "tty", "busybox", "sh", "-c", "echo out; echo err >&2")
    client("wait", "tty")
    result = client("logs", "tty")
    assert sorted(result.out.replace("\r", "").splitlines()) == ["err", "out"]
    assert result.err == ""


def test_since_now_follows_only_what_is_new(client: Client) -> None:
    client.start("--name", "ticks", "busybox", "sh", "-c", "echo old; while :; do sleep 0.1; echo new; done")
    wait_until(lambda: "old" in client.text("logs", "ticks"), "the first line is written")
    follower = client.popen("logs", "-f", "--since", f"{time.time():.3f}", "ticks")
    assert follower.stdout is not None
    assert follower.stdout.readline() == b"new\n"

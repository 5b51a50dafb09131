"""Log drivers that send lines elsewhere: what arrives, what is read back, and life without a receiver."""

import gzip
import json
import re
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from tests.support.clients import Client
from tests.support.log_receiver import Receiver, receiver
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference

_SAYS = ("busybox", "sh", "-c", "echo one; echo two >&2; sleep 0.2; echo three")
_DATAGRAMS, _STREAM = socket.SOCK_DGRAM, socket.SOCK_STREAM


@contextmanager
def listening(client: Client, kind: socket.SocketKind, port: int, **options: Any) -> Iterator[Receiver]:
    with receiver(client.daemon.namespace, kind, port, **options) as found:
        yield found


def run(client: Client, driver: str, *options: str, command: tuple[str, ...] = _SAYS) -> str:
    """Run a container to its end; returns its id."""
    flags = [flag for option in options for flag in ("--log-opt", option)]
    ident: str = client("run", "-d", "--name", "box", "--log-driver", driver, *flags, *command).out.strip()
    client("wait", "box")
    return ident


def has_all(data: bytes) -> bool:
    """Whether all lines have come: they come in any order, for they are of two streams."""
    return all(line in data for line in (b"one", b"two", b"three"))


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_syslog_gets_each_line_with_priority_and_tag(client: Client, kind: str) -> None:
    with listening(client, _STREAM if kind == "tcp" else _DATAGRAMS, 5140) as got:
        run(
            client,
            "syslog",
            f"syslog-address={kind}://127.0.0.1:5140",
            "syslog-facility=local3",
            "syslog-format=rfc3164",
            "tag=docker/{{.Name}}",
        )
        text = got.until(has_all).decode()
    lines = text.splitlines()
    # local3 is 19: 19 * 8 + 6, and + 3 for standard error.
    pattern = r"<(158|155)>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ docker/box\[\d+\]: (one|two|three)"
    assert sorted(m[1] + m[2] for line in lines if (m := re.fullmatch(pattern, line))) == [
        "155two",
        "158one",
        "158three",
    ], lines
    client("rm", "box")


@pytest.mark.parametrize("style", ["rfc5424", "rfc5424micro"])
def test_syslog_in_the_newer_format(client: Client, style: str) -> None:
    with listening(client, _DATAGRAMS, 5140) as got:
        ident = run(client, "syslog", "syslog-address=udp://127.0.0.1:5140", f"syslog-format={style}")
        text = got.until(has_all).decode()
    fraction = r"\.\d{6}" if style == "rfc5424micro" else ""
    tag = ident[:12]
    # The zone is the engine's.
    pattern = rf"<30>1 \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d{fraction}(Z|[+-]\d\d:\d\d) \S+ {tag} \d+ {tag} - one"
    assert any(re.fullmatch(pattern, line) for line in text.splitlines()), text
    client("rm", "box")


_UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "zlib": zlib.decompress,
    "none": bytes,
}


@pytest.mark.parametrize("packing", _UNPACK)
def test_gelf_datagrams_unpack_to_their_fields(client: Client, packing: str) -> None:
    with listening(client, _DATAGRAMS, 12201) as got:
        ident = run(
            client,
            "gelf",
            "gelf-address=udp://127.0.0.1:12201",
            f"gelf-compression-type={packing}",
            "tag=web",
            "env=COLOUR",
            "labels=size",
            command=("-e", "COLOUR=red", "-l", "size=xl", *_SAYS),
        )
        wait_until(lambda: len(got.packets) == 3, "three messages")
    messages = {m["short_message"]: m for m in (json.loads(_UNPACK[packing](p)) for p in got.packets)}
    assert set(messages) == {"one", "two", "three"}
    assert (messages["one"]["level"], messages["two"]["level"]) == (6, 3)
    told = messages["one"]
    assert told["version"] == "1.1"
    assert {
        name: told[name] for name in ("_container_id", "_container_name", "_tag", "_COLOUR", "_size")
    } == {
        "_container_id": ident,
        "_container_name": "box",
        "_tag": "web",
        "_COLOUR": "red",
        "_size": "xl",
    }
    assert told["_command"].startswith("sh -c echo")
    assert told["_image_name"] == "busybox"
    client("rm", "box")


def test_a_long_gelf_message_comes_in_chunks(client: Client) -> None:
    noise = "head -c 6000 /dev/urandom | base64 -w 0; echo"
    with listening(client, _DATAGRAMS, 12201) as got:
        run(client, "gelf", "gelf-address=udp://127.0.0.1:12201", command=("busybox", "sh", "-c", noise))
        wait_until(lambda: got.packets and len(got.packets) == got.packets[0][11], "all chunks")
    assert all(packet[:2] == b"\x1e\x0f" and len(packet) <= 1420 for packet in got.packets)
    chunks = sorted(got.packets, key=lambda packet: packet[10])
    message = json.loads(gzip.decompress(b"".join(packet[12:] for packet in chunks)))
    assert client.text("logs", "box").strip() == message["short_message"]
    client("rm", "box")


def test_gelf_over_tcp_ends_each_message_with_a_null(client: Client) -> None:
    with listening(client, _STREAM, 12201) as got:
        run(client, "gelf", "gelf-address=tcp://127.0.0.1:12201")
        data = got.until(lambda data: data.count(b"\0") == 3)
    assert {json.loads(part)["short_message"] for part in data.split(b"\0")[:3]} == {"one", "two", "three"}
    client("rm", "box")


def events(data: bytes) -> list[Any]:
    """What a receiver of the forward protocol reads: arrays of tag, time and record, one after the other."""
    found = []
    while data:
        # There is no decoder of several values: each event of ours encodes to what it was decoded from.
        for end in range(1, len(data) + 1):
            try:
                event = msgspec.msgpack.decode(data[:end])
            except msgspec.DecodeError:
                continue
            found.append(event)
            data = data[end:]
            break
        else:
            return found
    return found


def test_fluentd_gets_records(client: Client) -> None:
    with listening(client, _STREAM, 24224) as got:
        ident = run(client, "fluentd", "tag=docker.{{.Name}}", "fluentd-address=localhost:24224")
        got.until(has_all)
    said = {event[2]["log"]: event for event in events(got.data)}
    assert set(said) == {"one", "two", "three"}
    assert all(event[0] == "docker.box" and isinstance(event[1], int) for event in said.values())
    assert {text: event[2]["source"] for text, event in said.items()} == {
        "one": "stdout",
        "two": "stderr",
        "three": "stdout",
    }
    assert said["one"][2]["container_id"] == ident
    assert said["one"][2]["container_name"] == "/box"
    client("rm", "box")


def test_what_was_sent_can_be_read_back_unless_that_is_switched_off(client: Client) -> None:
    with listening(client, _DATAGRAMS, 5140):
        run(client, "syslog", "syslog-address=udp://127.0.0.1:5140")
        logs = client("logs", "box")
        assert (logs.out, logs.err) == ("one\nthree\n", "two\n")
        assert client("inspect", "-f", "{{.LogPath}}", "box").out == "\n"
        client("rm", "box")
        run(client, "syslog", "syslog-address=udp://127.0.0.1:5140", "cache-disabled=true")
        failed = client("logs", "box", code=1)
        assert failed.err.strip() == (
            "Error response from daemon: configured logging driver does not support reading"
        )
        client("rm", "box")


@pytest.mark.parametrize(
    ("driver", "option", "reason"),
    [
        ("fluentd", "fluentd-address=127.0.0.1:9", "dial tcp 127.0.0.1:9: connect: connection refused"),
        ("syslog", "syslog-address=tcp://127.0.0.1:9", "dial tcp 127.0.0.1:9: connect: connection refused"),
        (
            "gelf",
            "gelf-address=tcp://127.0.0.1:9",
            "gelf: cannot connect to GELF endpoint: 127.0.0.1:9 "
            "dial tcp 127.0.0.1:9: connect: connection refused",
        ),
        ("journald", "tag=x", "journald is not enabled on this host"),
    ],
)
def test_a_container_does_not_start_without_its_receiver(
    client: Client, driver: str, option: str, reason: str
) -> None:
    failed = client("run", "--name", "box", "--log-driver", driver, "--log-opt", option, *_SAYS, code=125)
    assert f"failed to initialize logging driver: {reason}" in failed.err
    assert client.status("box") == "created"
    client("rm", "box")


@pytest.mark.parametrize(
    ("driver", "options", "message"),
    [
        ("syslog", ["syslog-facility=none"], "invalid syslog facility"),
        ("syslog", ["syslog-format=x"], "Invalid syslog format"),
        ("syslog", ["wrong=1"], "unknown log opt 'wrong' for syslog log driver"),
        ("gelf", [], "gelf-address is a required parameter"),
        (
            "gelf",
            ["gelf-address=tcp://h:1", "gelf-compression-type=gzip"],
            "compression is only supported on UDP",
        ),
        ("gelf", ["gelf-address=udp://h"], "gelf: please provide gelf-address as proto://host:port"),
        ("fluentd", ["fluentd-async=maybe"], 'strconv.ParseBool: parsing "maybe": invalid syntax'),
        ("fluentd", ["fluentd-retry-wait=x"], 'time: invalid duration "x"'),
        ("fluentd", ["fluentd-max-retries=x"], 'strconv.ParseUint: parsing "x": invalid syntax'),
        ("fluentd", ["fluentd-buffer-limit=x"], "invalid size: 'x'"),
        ("syslog", ["cache-disabled=x"], "invalid value for option cache-disabled: x"),
        ("journald", ["wrong=1"], "unknown log opt 'wrong' for journald log driver"),
    ],
)
def test_options_that_cannot_be_are_refused_at_create(
    client: Client, driver: str, options: list[str], message: str
) -> None:
    flags = [flag for option in options for flag in ("--log-opt", option)]
    failed = client("create", "--log-driver", driver, *flags, "busybox", code=1)
    assert message in failed.err


@pytest.mark.not_on_dockerd("20.10 has other words")
@pytest.mark.parametrize(
    ("driver", "option", "message"),
    [
        ("syslog", "syslog-address=corge://x", "unsupported scheme: 'corge'"),
        ("gelf", "gelf-address=http://h:1", "gelf: endpoint needs to be TCP or UDP"),
        (
            "fluentd",
            "fluentd-address=corge://x",
            "invalid fluentd-address (corge://x): unsupported scheme: 'corge'",
        ),
        (
            "fluentd",
            "fluentd-address=tcp://h/x",
            "invalid fluentd-address (tcp://h/x): should not contain a path element",
        ),
    ],
)
def test_addresses_that_cannot_be_are_refused_at_create(
    client: Client, driver: str, option: str, message: str
) -> None:
    failed = client("create", "--log-driver", driver, "--log-opt", option, "busybox", code=1)
    assert message in failed.err


@pytest.mark.not_on_dockerd("there the container waits for its receiver")
def test_a_dead_receiver_holds_nobody_up_and_gets_it_all_when_it_is_back(client: Client) -> None:
    flags = ("--log-driver", "fluentd", "--log-opt", "fluentd-address=127.0.0.1:24224")
    # Nothing is said while the receiver goes: what is under way then is lost, as the protocol has it.
    count = (
        "i=0; while [ ! -e /stop ]; do i=$((i+1)); echo line $i; "
        "[ $i != 6 ] || until [ -e /on ]; do sleep 0.05; done; sleep 0.05; done"
    )
    with listening(client, _STREAM, 24224) as got:
        client.start("--name", "box", *flags, "busybox", "sh", "-c", count)
        got.until(lambda data: b"line 6" in data)
    first = got.data
    client("exec", "box", "touch", "/on")
    before = len(client.text("logs", "box").splitlines())
    wait_until(lambda: len(client.text("logs", "box").splitlines()) > before + 10, "it goes on")
    with listening(client, _STREAM, 24224) as got:
        client("exec", "box", "touch", "/stop")
        client("wait", "box")
        last = client.text("logs", "box").splitlines()[-1]
        got.until(lambda data: last.encode() in data)
    seen = {event[2]["log"] for data in (first, got.data) for event in events(data)}
    assert seen >= set(client.text("logs", "box").splitlines()[5:])
    client("rm", "box")


@pytest.mark.not_on_dockerd("its containers end with it")
def test_lines_are_sent_over_a_crash_of_the_engine(client: Client) -> None:
    flags = ("--log-driver", "syslog", "--log-opt", "syslog-address=tcp://127.0.0.1:5140")
    script = "for i in 1 2 3; do while [ ! -e /go$i ]; do sleep 0.02; done; echo line $i; done"
    with listening(client, _STREAM, 5140) as got:
        client.start("--name", "box", *flags, "busybox", "sh", "-c", script)
        client("exec", "box", "touch", "/go1")
        got.until(lambda data: b"line 1" in data)
        pid = int(client.inspect("box", "{{.State.Pid}}"))
        client.daemon.kill9()
        root = f"/proc/{pid}/root"
        for name in ("go2", "go3"):
            open(f"{root}/{name}", "w").close()
        client.daemon.start()
        text = got.until(lambda data: b"line 3" in data).decode()
    assert [text.count(f"line {number}") for number in (2, 3)] == [1, 1]
    client("rm", "-f", "box")


@pytest.mark.not_on_dockerd("a removal there does not wait")
def test_the_last_words_of_a_container_that_removes_itself_arrive(client: Client) -> None:
    address = ("--log-driver", "gelf", "--log-opt", "gelf-address=udp://127.0.0.1:12201")
    with listening(client, _DATAGRAMS, 12201) as got:
        client("run", "--rm", *address, *_SAYS)
        wait_until(lambda: len(got.packets) == 3, "three messages")

"""attach as programs use it: WebSockets, again and again, clients that stall, streams that end early."""

import json
import os
import re
import select
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import websocket

from tests.support.clients import Client
from tests.support.daemons import Daemon
from tests.support.http import demultiplex, frames, hijack, read_to_end
from tests.support.waiting import wait_until

MIB = 1 << 20
TICKS = "i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done"


def created(daemon: Daemon, *command: str, **body: object) -> str:
    """A container that has not been started."""
    answer = daemon.api("POST", "/containers/create", {"Image": "busybox", "Cmd": list(command), **body})
    assert answer.status == 201, answer.body
    return str(answer.json["Id"])


def started(daemon: Daemon, *command: str, **body: object) -> str:
    container = created(daemon, *command, **body)
    assert daemon.api("POST", f"/containers/{container}/start").status == 204
    return container


def exit_code(daemon: Daemon, container: str) -> int:
    return int(daemon.api("POST", f"/containers/{container}/wait").json["StatusCode"])


def attached(
    daemon: Daemon, container: str, query: str = "stream=1&stdin=1&stdout=1&stderr=1"
) -> socket.socket:
    status, sock = hijack(str(daemon.socket), f"/containers/{container}/attach?{query}")
    assert status == 101
    return sock


def read_until(sock: socket.socket, wanted: bytes) -> bytes:
    got = b""
    while wanted not in got:
        part = sock.recv(65536)
        assert part, f"the stream ended after {got!r}"
        got += part
    return got


# ---------------------------------------------------------------------- WebSockets


def opened(daemon: Daemon, target: str) -> websocket.WebSocket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(120)
    sock.connect(str(daemon.socket))
    try:
        return websocket.create_connection(f"ws://localhost{target}", socket=sock)
    except websocket.WebSocketException:
        sock.close()
        raise


def test_attach_over_a_websocket(engine: Daemon) -> None:
    body = {"OpenStdin": True, "StdinOnce": True, "AttachStdin": True}
    container = created(engine, "sh", "-c", "echo err >&2; cat; echo end; exit 3", **body)
    ws = opened(engine, f"/v1.41/containers/{container}/attach/ws?stream=1&stdin=1&stdout=1&stderr=1")
    assert engine.api("POST", f"/containers/{container}/start").status == 204
    # Bytes as they are: no frames of Docker's inside those of the WebSocket.
    assert ws.recv_data() == (websocket.ABNF.OPCODE_BINARY, b"err\n")
    ws.ping("there?")
    ws.send_binary(b"one\n")
    ws.send("two\n")
    received: dict[int, bytes] = {}
    while b"two\n" not in received.get(websocket.ABNF.OPCODE_BINARY, b""):
        opcode, data = ws.recv_data(control_frame=True)
        received[opcode] = received.get(opcode, b"") + data
    assert received == {websocket.ABNF.OPCODE_BINARY: b"one\ntwo\n", websocket.ABNF.OPCODE_PONG: b"there?"}
    ws.close()
    assert exit_code(engine, container) == 3
    again = opened(engine, f"/v1.41/containers/{container}/attach/ws?logs=1&stdout=1")
    assert messages_until_goodbye(again) == b"err\none\ntwo\nend\n"


def test_a_websocket_ends_with_the_container(engine: Daemon) -> None:
    container = created(engine, "echo", "short", Tty=True)
    ws = opened(engine, f"/v1.27/containers/{container}/attach/ws?stream=1")
    assert engine.api("POST", f"/containers/{container}/start").status == 204
    assert messages_until_goodbye(ws, websocket.ABNF.OPCODE_TEXT) == b"short\r\n"


def messages_until_goodbye(ws: Any, kind: int = websocket.ABNF.OPCODE_BINARY) -> bytes:
    """All data up to the engine's close frame, which is not answered: dockerd does not wait for that."""
    received = b""
    while (frame := ws.recv_frame()).opcode != websocket.ABNF.OPCODE_CLOSE:
        assert frame.opcode == kind
        received += frame.data
    ws.shutdown()
    return received


def test_what_opens_no_websocket_is_an_ordinary_error(engine: Daemon) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as failure:
        opened(engine, "/v1.41/containers/nobody/attach/ws?stream=1&stdout=1")
    assert failure.value.status_code == 404
    container = created(engine, "true")
    assert engine.api("GET", f"/v1.41/containers/{container}/attach/ws?stream=1&stdout=1").status == 400


# ---------------------------------------------------------------------- clients that vanish


def test_a_client_that_vanishes_while_both_directions_are_full_ends_the_input(engine: Daemon) -> None:
    """Its output cannot be written any more, but what it sent and the end of that are for the process."""
    script = (
        "trap go=1 USR1; head -c 20000000 /dev/zero & "
        'until [ "$go" ]; do sleep 0.1; done; cat >/dev/null; exit 4'
    )
    body = {"OpenStdin": True, "StdinOnce": True, "AttachStdin": True}
    container = created(engine, "sh", "-c", script, **body)
    sock = attached(engine, container)
    assert engine.api("POST", f"/containers/{container}/start").status == 204
    assert len(sock.recv(1)) == 1, "the output flows, and is not read from here on"
    while select.select((), (sock,), (), 1)[1]:
        sock.send(bytes(65536), socket.MSG_DONTWAIT)
    sock.close()
    assert engine.api("POST", f"/containers/{container}/kill?signal=USR1").status == 204
    assert exit_code(engine, container) == 4


# ---------------------------------------------------------------------- again and again


def test_attach_and_detach_any_number_of_times(engine: Daemon) -> None:
    container = started(engine, "sh", Tty=True, OpenStdin=True)
    for number in range(8):
        sock = attached(engine, container)
        sock.sendall(f"echo $(({number}+100))\n".encode())
        read_until(sock, f"\r\n{number + 100}\r\n".encode())
        sock.sendall(b"\x10\x11")
        rest = read_to_end(sock)
        assert b"exit" not in rest
    sock = attached(engine, container, "stream=1&stdin=1&stdout=1&detachKeys=ctrl-a,x")
    sock.sendall(b"\x01x")
    read_to_end(sock)
    sock = attached(engine, container)
    sock.sendall(b"exit 7\n")
    read_to_end(sock)
    assert exit_code(engine, container) == 7


def test_logs_go_on_over_restarts(engine: Daemon) -> None:
    container = started(engine, "sh", "-c", "echo run; printf half; exit 1")
    assert exit_code(engine, container) == 1
    follow = hijack_logs(engine, container, "follow=1&stdout=1")
    assert demultiplex(follow)[0] == b"run\nhalf", "of a container that has ended it ends at once"
    for _ in range(2):
        assert engine.api("POST", f"/containers/{container}/start").status == 204
        assert exit_code(engine, container) == 1
    whole = engine.api("GET", f"/containers/{container}/logs?stdout=1&stderr=1").body
    assert demultiplex(whole)[0] == b"run\nhalf" * 3
    tail = engine.api("GET", f"/containers/{container}/logs?stdout=1&tail=2").body
    assert demultiplex(tail)[0] == b"run\nhalf"


def hijack_logs(daemon: Daemon, container: str, query: str) -> bytes:
    return daemon.api("GET", f"/containers/{container}/logs?{query}").body


def test_tags_labels_and_variables_of_lines_are_as_dockers(engine: Daemon) -> None:
    tag = "{{.Name}}/{{.ID}}/{{.FullID}}/{{.ImageName}}/{{.ImageID}}/{{.ImageFullID}}/{{.DaemonName}}"
    options = {
        "tag": tag + "/{{upper .Name}}/{{json .ContainerLabels}}/{{truncate .FullID 3}}/{{.Command}}",
        "labels": "a",
        "labels-regex": "^com",
        "env": "ONE",
        "env-regex": "^TW",
        "mode": "non-blocking",
        "max-buffer-size": "4m",
    }
    body = {
        "Labels": {"a": "1", "b": "2", "com.x": "3"},
        "Env": ["ONE=1", "TWO=2", "THREE=3"],
        "HostConfig": {"LogConfig": {"Type": "json-file", "Config": options}},
    }
    answer = engine.api(
        "POST", "/containers/create?name=tagged", {"Image": "busybox", "Cmd": ["echo", "a b"], **body}
    )
    container = answer.json["Id"]
    assert engine.api("POST", f"/containers/{container}/start").status == 204
    assert exit_code(engine, container) == 0
    inspected = engine.api("GET", f"/containers/{container}/json").json
    image = inspected["Image"]
    attrs = json.loads(Path(inspected["LogPath"]).read_text())["attrs"]
    wanted = f"tagged/{container[:12]}/{container}/busybox/{image[:12]}/{image}/docker/TAGGED"
    assert attrs.pop("tag") == f'{wanted}/{{"a":"1","b":"2","com.x":"3"}}/{container[:3]}/echo a b'
    assert attrs == {"ONE": "1", "TWO": "2", "a": "1", "com.x": "3"}
    details = engine.api("GET", f"/containers/{container}/logs?stdout=1&details=1").body
    assert demultiplex(details)[0].startswith(b"ONE=1,TWO=2,a=1,com.x=3,tag=tagged%2F")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max-size": "x"}, "invalid size: 'x'"),
        ({"max-file": "0"}, "max-file cannot be less than 1"),
        ({"compress": "true"}, "compress cannot be true when max-file is less than 2"),
        ({"tag": "{{.Nope}}"}, "can't evaluate field Nope in type *logger.Info"),
        ({"labels": "a", "labels-regex": "("}, "error parsing regexp"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_log_options_that_cannot_be_fail_the_start(
    engine: Daemon, options: dict[str, str], words: str
) -> None:
    log = {"LogConfig": {"Type": "json-file", "Config": options}}
    container = created(engine, "true", HostConfig=log)
    answer = engine.api("POST", f"/containers/{container}/start")
    assert answer.status == 500
    newer = "failed to create task for container: " if engine.kind == "scowd" else ""
    assert answer.message.startswith(f"{newer}failed to initialize logging driver: ")
    assert words in answer.message


# ---------------------------------------------------------------------- when things go wrong


def test_output_that_is_closed_early_does_not_end_the_rest(engine: Daemon) -> None:
    script = "echo out; exec >&-; sleep 0.1; echo err >&2; exec 2>&-; sleep 0.3; exit 4"
    container = created(engine, "sh", "-c", script)
    sock = attached(engine, container)
    assert engine.api("POST", f"/containers/{container}/start").status == 204
    assert sorted(frames(read_to_end(sock))) == [(1, b"out\n"), (2, b"err\n")]
    assert exit_code(engine, container) == 4
    assert demultiplex(hijack_logs(engine, container, "stdout=1&stderr=1")) == (b"out\n", b"err\n")


def test_a_process_that_gives_up_its_terminal_goes_on(engine: Daemon) -> None:
    script = "echo seen; exec </dev/null >/dev/null 2>&1; sleep 0.3; exit 6"
    container = created(engine, "sh", "-c", script, Tty=True, OpenStdin=True)
    sock = attached(engine, container)
    assert engine.api("POST", f"/containers/{container}/start").status == 204
    assert read_to_end(sock) == b"seen\r\n"
    assert exit_code(engine, container) == 6


def test_a_terminal_that_dies_leaves_the_container_alone(scow_daemon: Daemon) -> None:
    client = scow_daemon.client("scow")
    container = client.start("-i", "-t", "busybox", "sh")
    with client.terminal("attach", container) as terminal:
        terminal.type("echo $((20+3))\n")
        terminal.expect("23")
        terminal.hang_up()
    assert client.status(container) == "running"
    sock = attached(scow_daemon, container)
    sock.sendall(b"echo $((40+2)); exit 9\n")
    assert b"42" in read_to_end(sock)
    assert exit_code(scow_daemon, container) == 9


def shim_memory(daemon: Daemon) -> int:
    """Peak anonymous and shared memory of scow-shim, in bytes."""
    (pid,) = (pid for pid, line in daemon.processes().items() if "scow-shim" in line)
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"^VmHWM:\s+(\d+)", text, re.M)[0]) * 1024


def test_a_client_that_stalls_holds_up_nobody_for_ever(scow_daemon: Daemon) -> None:
    flood = "i=0; while [ $i -lt 60 ]; do head -c 65536 /dev/zero; i=$((i+1)); done; echo end"
    container = created(scow_daemon, "sh", "-c", flood)
    stalled, other = attached(scow_daemon, container), attached(scow_daemon, container)
    before = shim_memory(scow_daemon)
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(read_to_end, other)
        assert scow_daemon.api("POST", f"/containers/{container}/start").status == 204
        out, _err = demultiplex(reading.result(120))
    assert len(out) == 60 * 65536 + 4
    assert exit_code(scow_daemon, container) == 0
    assert shim_memory(scow_daemon) - before < 4 * MIB
    with stalled:
        assert stalled.recv(100)


def test_a_hundred_megabytes_without_a_newline(scow_daemon: Daemon) -> None:
    size = 100 * MIB
    before = shim_memory(scow_daemon)
    container = started(scow_daemon, "sh", "-c", f"head -c {size} /dev/zero | tr '\\0' x")
    assert exit_code(scow_daemon, container) == 0
    assert shim_memory(scow_daemon) - before < 4 * MIB
    path = Path(scow_daemon.api("GET", f"/containers/{container}/json").json["LogPath"])
    record = re.compile(rb'\{"log":"x{16384}","stream":"stdout","time":"[^"]{30}"\}\n')
    with path.open("rb") as log:
        records = sum(record.fullmatch(line) is not None for line in log)
    assert records == size // 16384
    assert len(scow_daemon.client("scow").text("logs", container)) == size


def test_a_full_disk_costs_lines_and_nothing_else(scow_daemon: Daemon) -> None:
    client = scow_daemon.client("scow")
    container = client.start("--name", "ticks", "busybox", "sh", "-c", TICKS)
    log = scow_daemon.data_root / "containers" / container / f"{container}-json.log"
    filler = scow_daemon.data_root / "filler"
    complaints = scow_daemon.exec_root / "reaper.log"
    said = complaints.stat().st_size
    try:
        fill(filler)
        wait_until(lambda: b"No space left on device" in complaints.read_bytes()[said:], "the log is full")
        with attached(scow_daemon, container, "stream=1&stdout=1") as sock:
            assert sock.recv(100), "the container goes on"
        assert client.text("ps", "--format", "{{.Names}}") == "ticks"
        lost_from = log.stat().st_size
    finally:
        filler.unlink()
    wait_until(lambda: log.stat().st_size > lost_from + 1000, "lines are logged again")
    numbers = [int(line) for line in client.text("logs", "ticks").splitlines()]
    assert numbers == sorted(set(numbers))
    assert len(numbers) < numbers[-1] + 1, "some are missing, and no other is harmed"
    client("rm", "-f", "ticks")


def fill(path: Path) -> None:
    """Take all the space of a disk."""
    with path.open("wb", buffering=0) as file:
        for size in (MIB, 4096, 512):
            try:
                while True:
                    room = os.statvfs(path).f_bfree * os.statvfs(path).f_frsize
                    if room > 64 * MIB:
                        os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), room - 32 * MIB)
                    file.seek(0, os.SEEK_END)
                    file.write(bytes(size))
            except OSError:
                continue


# ---------------------------------------------------------------------- execs


def test_fifty_execs_side_by_side(scow_daemon: Daemon) -> None:
    container = started(scow_daemon, "sleep", "600")

    def one(number: int) -> tuple[bytes, int]:
        command = ["sh", "-c", f"cat; echo {number} >&2; exit {number}"]
        body = {"Cmd": command, "AttachStdin": True, "AttachStdout": True, "AttachStderr": True}
        exec_id = scow_daemon.api("POST", f"/containers/{container}/exec", body).json["Id"]
        _status, sock = hijack(
            str(scow_daemon.socket), f"/exec/{exec_id}/start", {"Detach": False, "Tty": False}
        )
        sock.sendall(b"in %d\n" % number)
        sock.shutdown(socket.SHUT_WR)
        out, err = demultiplex(read_to_end(sock))
        inspected = scow_daemon.api("GET", f"/exec/{exec_id}/json").json
        return out + err, inspected["ExitCode"]

    with ThreadPoolExecutor(50) as pool:
        results = list(pool.map(one, range(50)))
    assert results == [(b"in %d\n%d\n" % (number, number), number) for number in range(50)]
    assert scow_daemon.api("GET", f"/containers/{container}/json").json["ExecIDs"] is None
    scow_daemon.remove_containers()


def test_an_execs_terminal_is_resized_and_left(engine: Daemon) -> None:
    container = started(engine, "sleep", "600")
    body = {"Cmd": ["sh"], "AttachStdin": True, "AttachStdout": True, "Tty": True, "DetachKeys": "ctrl-a,d"}
    exec_id = engine.api("POST", f"/containers/{container}/exec", body).json["Id"]
    _status, sock = hijack(str(engine.socket), f"/exec/{exec_id}/start", {"Detach": False, "Tty": True})
    sock.sendall(b"echo rea''dy\n")
    read_until(sock, b"ready")
    assert engine.api("POST", f"/exec/{exec_id}/resize?h=33&w=77").status == 200
    sock.sendall(b"stty size\n")
    read_until(sock, b"33 77")
    sock.sendall(b"\x01d")
    read_to_end(sock)
    if engine.kind == "scowd":  # dockerd 20.10 takes the keys for an error of the exec's
        assert engine.api("GET", f"/exec/{exec_id}/json").json["Running"] is True


def test_execs_end_their_clients_with_the_container(client: Client) -> None:
    container = client.start("busybox", "sleep", "600")
    execs = [client.popen("exec", container, "sh", "-c", "echo up; sleep 600") for _ in range(5)]
    for process in execs:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
    client("kill", container)
    assert [process.wait(120) for process in execs] == [137] * 5

"""``exec``: further processes in a running container."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.clients import Client
from tests.support.http import demultiplex, hijack, read_to_end
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference


@pytest.fixture
def box(client: Client) -> Iterator[str]:
    """A running container for the processes of one test."""
    client("run", "-d", "--name", "box", "-e", "FROM=container", "busybox", "sleep", "600")
    yield "box"
    client("rm", "-f", "box")


def test_exec_sees_the_container_and_its_own_settings(client: Client, box: str) -> None:
    out = client(
        *("exec", "-e", "OWN=exec", "-w", "/etc", "-u", "app:audio", box, "sh", "-c"),
        "pwd; id; echo $FROM $OWN $HOME; hostname",
    ).lines
    assert out[:3] == ["/etc", "uid=1000(app) gid=29(audio) groups=29(audio)", "container exec /home/app"]
    assert out[3] == client.inspect(box, "{{.Config.Hostname}}")


def test_exec_keeps_streams_apart_and_returns_the_exit_code(client: Client, box: str) -> None:
    result = client("exec", box, "sh", "-c", "echo out; echo err >&2; exit 33", code=33)
    assert (result.out, result.err) == ("out\n", "err\n")


def test_exec_takes_standard_input_to_its_end(client: Client, box: str) -> None:
    data = bytes(range(256)) * 4096
    done = subprocess.run(
        client.argv("exec", "-i", box, "cat"), env=client.env, input=data, capture_output=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, data)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("nosuch", "executable file not found in $PATH"),
        ("/no/such", "stat /no/such: no such file or directory"),
    ],
)
def test_exec_of_what_is_not_there_fails_as_run_does(
    client: Client, box: str, program: str, reason: str
) -> None:
    missing = client("exec", box, program, code=None)
    assert f'exec: "{program}": {reason}' in missing.out + missing.err
    # dockerd said 126 of both before moby's pull request 48552 (version 28).
    assert missing.code in ((126, 127) if client.daemon.kind == "dockerd" else (127,))


def test_exec_of_what_is_not_executable_fails_as_run_does(client: Client, box: str) -> None:
    client("exec", box, "/etc/passwd", code=126)


def test_a_detached_exec_goes_on_alone(client: Client, box: str) -> None:
    assert client.text("exec", "-d", box, "sh", "-c", "echo done >/tmp/flag") == ""
    wait_until(
        lambda: client("exec", box, "cat", "/tmp/flag", code=None).out == "done\n", "the detached exec ran"
    )


def test_exec_needs_a_running_container(client: Client) -> None:
    client("create", "--name", "idle", "busybox", "true")
    container = client.inspect("idle", "{{.Id}}")
    error = client("exec", "idle", "true", code=1).err.lower()
    assert f"container {container} is not running" in error
    assert "No such container: nobody" in client("exec", "nobody", "true", code=1).err


def test_exec_in_a_paused_container_is_refused(client: Client, box: str) -> None:
    client("pause", box)
    try:
        assert "is paused, unpause the container before exec" in client("exec", box, "true", code=1).err
    finally:
        client("unpause", box)


def test_exec_ends_with_the_container(client: Client, box: str) -> None:
    process = client.popen("exec", box, "sh", "-c", "echo in; sleep 600")
    assert process.stdout is not None
    assert process.stdout.readline() == b"in\n"
    client("kill", box)
    process.communicate(timeout=120)
    assert process.returncode == 137


@pytest.mark.not_on_dockerd("it asks for all capabilities, also those this machine has taken away")
def test_exec_privileges_are_as_asked(client: Client, box: str) -> None:
    plain = client.text("exec", box, "grep", "CapEff", "/proc/self/status")
    assert plain.split()[1] == "00000000a80425fb"
    privileged = client.text("exec", "--privileged", box, "grep", "CapEff", "/proc/self/status")
    assert int(privileged.split()[1], 16) > int(plain.split()[1], 16)


def test_the_api_tells_what_an_exec_did(client: Client, box: str) -> None:
    created = client.api(
        "POST",
        f"/containers/{box}/exec",
        {"Cmd": ["sh", "-c", "echo o; echo e >&2; exit 4"], "AttachStdout": True}
        | {"AttachStderr": True, "Env": ["A=b"]},
    )
    assert created.status == 201
    exec_id = created.json["Id"]
    before = client.api("GET", f"/exec/{exec_id}/json").json
    assert (before["Running"], before["ExitCode"]) == (False, None)
    assert client.api("GET", f"/containers/{box}/json").json["ExecIDs"] == [exec_id]
    status, sock = hijack(
        str(client.daemon.socket), f"/exec/{exec_id}/start", {"Detach": False, "Tty": False}
    )
    assert status in (101, 200)
    assert demultiplex(read_to_end(sock)) == (b"o\n", b"e\n")
    after = client.api("GET", f"/exec/{exec_id}/json").json
    assert (after["Running"], after["ExitCode"]) == (False, 4)
    assert after["ProcessConfig"]["entrypoint"] == "sh"
    assert after["ProcessConfig"]["arguments"][0] == "-c"
    again = client.api("POST", f"/exec/{exec_id}/start", {"Detach": True})
    assert again.status == 409
    assert client.api("GET", "/exec/nosuch/json").status == 404


def test_many_execs_at_once_each_get_their_own_output(client: Client, box: str) -> None:
    running = [client.popen("exec", box, "sh", "-c", f"echo {number}; exit {number}") for number in range(8)]
    results = [(process.communicate(timeout=120)[0], process.returncode) for process in running]
    assert results == [(f"{number}\n".encode(), number) for number in range(8)]


def test_top_lists_the_processes_of_container_and_exec(client: Client, box: str) -> None:
    client("exec", "-d", box, "sleep", "77")

    def commands() -> set[str]:
        listing = client("top", box).lines
        assert listing[0].split()[:3] == ["UID", "PID", "PPID"]
        return {line.split(maxsplit=7)[-1] for line in listing[1:]}

    # A process that is just being executed has no command line yet.
    wait_until(lambda: commands() == {"sleep 600", "sleep 77"}, "both processes are listed")
    answer = client.api("GET", f"/containers/{box}/top?ps_args=-o%20pid,comm")
    assert answer.json["Titles"] == ["PID", "COMMAND"], json.dumps(answer.json)


def test_exec_as_somebody_unknown_fails_at_its_start(client: Client, box: str) -> None:
    unknown = "unable to find user nosuch: no matching entries in passwd file"
    attached = client("exec", "-u", "nosuch", box, "id", code=126)
    assert attached.out.strip() == unknown
    assert unknown in client("exec", "-d", "-u", "nosuch", box, "id", code=1).err


@pytest.mark.parametrize(
    "options", ["-o pid,args", "-o pid=PID,args=CMD", "axf -o pid,args", "-m -o pid,args"]
)
def test_top_lists_all_processes_whatever_their_terminals(client: Client, options: str) -> None:
    box = client.text("run", "-dt", "busybox", "cat")
    try:
        client("exec", "-d", box, "sleep", "78")

        def commands() -> list[str]:
            return [
                line.split(maxsplit=1)[1].lstrip("\\_| ")
                for line in client("top", box, *options.split()).lines[1:]
            ]

        wait_until(lambda: {"cat", "sleep 78"} <= set(commands()), "both processes are listed")
        assert commands().count("-") == (2 if "-m" in options else 0)  # a thread each
    finally:
        client("rm", "-f", box)


def test_top_does_not_let_another_column_be_called_pid(client: Client, box: str) -> None:
    error = client("top", box, "-o", "ppid=PID", code=1).err
    assert error.strip() == 'Error response from daemon: specifying "ppid=PID" is not allowed'


def test_top_says_in_a_line_why_ps_failed(client: Client, box: str) -> None:
    error = client("top", box, "bogus", code=1).err
    assert error.strip() == "Error response from daemon: ps: error: unsupported option (BSD syntax)"

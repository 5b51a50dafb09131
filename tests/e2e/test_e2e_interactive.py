"""A person at a terminal: prompts, window sizes, detaching, signals; and attaching without one."""

import functools
import select
import subprocess

import pytest

from tests.support.clients import Client
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference


def test_a_shell_on_a_terminal(client: Client) -> None:
    with client.terminal("run", "-it", "--rm", "--name", "shell", "busybox", "sh") as screen:
        screen.expect("/ # ")
        screen.type("tty; echo $TERM\n")
        screen.expect(r"/dev/(pts/0|console)\r\n")
        screen.expect("xterm\r\n")
        # The size arrives by a request of its own, some time after the start.
        screen.type("until stty size | grep -v '^0 0'; do sleep 0.05; done\n")
        screen.expect("24 80\r\n")
        screen.type("sh -c 'echo asleep; sleep 600'\n")
        screen.expect("asleep\r\n")
        screen.type("\x03")
        screen.expect("/ # ")
        screen.type("exit 7\n")
        assert screen.wait() == 7


def resize_until_seen(screen: Terminal, rows: int, columns: int, ask: str = "") -> None:
    """Docker's client loses a change of size before its signal handler is there: change it again."""
    for attempt in range(5):
        screen.resize(rows, columns + attempt)
        screen.type(ask)
        try:
            screen.expect(f"{rows} {columns + attempt}\r\n", timeout_s=10)
        except AssertionError:
            continue
        return
    raise AssertionError(f"no size of {rows} rows was seen:\n{screen.output}")


def test_the_window_size_follows_the_terminal(client: Client) -> None:
    script = 'trap "stty size" WINCH; echo ready; while :; do sleep 0.05; done'
    with client.terminal("run", "-it", "--rm", "busybox", "sh", "-c", script, rows=30, columns=90) as screen:
        screen.expect("ready")
        resize_until_seen(screen, 41, 103)
        screen.type("\x03")


def test_detach_keys_leave_the_container_running_and_attach_returns(client: Client) -> None:
    with client.terminal("run", "-it", "--name", "left", "busybox", "sh") as screen:
        screen.expect("/ # ")
        screen.type("remember=this\n")
        screen.expect("/ # ")
        screen.type("\x10\x11")
        assert screen.wait() == 0
    assert client.status("left") == "running"
    with client.terminal("attach", "--detach-keys", "ctrl-x,x", "left") as screen:
        screen.type("echo =$remember=\n")
        screen.expect("=this=")
        screen.type("\x18x")
        screen.expect("read escape sequence")
        assert screen.wait() == 1
    assert client.status("left") == "running"
    with client.terminal("attach", "left") as screen:
        screen.type("exit 4\n")
        assert screen.wait() == 4


def test_exec_on_a_terminal(client: Client) -> None:
    client.start("--name", "box", "busybox", "sleep", "600")
    with client.terminal("exec", "-it", "box", "sh", rows=33, columns=77) as screen:
        screen.expect("/ # ")
        screen.type("stty size\n")
        screen.expect("33 77\r\n")
        resize_until_seen(screen, 22, 66, ask="sleep 0.3; stty size\n")
        screen.type("exit 9\n")
        assert screen.wait() == 9


def test_a_terminal_without_input_still_shows_output(client: Client) -> None:
    with client.terminal(
        "run", "-t", "--rm", "busybox", "sh", "-c", "test -t 1 && echo on a terminal"
    ) as screen:
        screen.expect("on a terminal\r+\n")
        assert screen.wait() == 0


def test_it_without_a_terminal_is_refused(client: Client) -> None:
    error = client("run", "-it", "--rm", "busybox", "sh", code=1, input="").err
    assert "the input device is not a TTY" in error


def test_attach_carries_input_and_output_of_a_container_without_terminal(client: Client) -> None:
    script = 'while read x; do [ "$x" = quit ] && exit 3; echo "got $x"; done'
    client.start("-i", "--name", "pipe", "busybox", "sh", "-c", script)
    process = client.popen("attach", "pipe")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"one\ntwo\nquit\n")
    process.stdin.flush()
    assert process.stdout.read() == b"got one\ngot two\n"
    assert process.wait(timeout=120) == 3


def test_two_clients_see_the_same_output(client: Client) -> None:
    client.start("-i", "--name", "shared", "busybox", "cat")
    watchers = [client.popen("attach", "--no-stdin", "--sig-proxy=false", "shared") for _ in range(2)]
    writer = client.popen("attach", "shared")
    source, echo = writer.stdin, writer.stdout
    assert source is not None
    assert echo is not None

    def echoed() -> bool:
        source.write(b"x\n")
        source.flush()
        return echo.readline() == b"x\n"

    def sees_it(watcher: "subprocess.Popen[bytes]") -> bool:
        assert watcher.stdout is not None
        return echoed() and bool(select.select([watcher.stdout], [], [], 0)[0])

    for watcher in watchers:
        wait_until(functools.partial(sees_it, watcher), "what the writer writes reaches the watcher")
        assert watcher.stdout is not None
        assert watcher.stdout.readline() == b"x\n"
    client("kill", "shared")
    for process in (*watchers, writer):
        process.communicate(timeout=120)
        assert process.returncode == 137


def test_attach_refuses_what_cannot_be_attached(client: Client) -> None:
    client("create", "--name", "idle", "busybox", "true")
    assert "You cannot attach to a stopped container, start it first" in client("attach", "idle", code=1).err
    client.start("--name", "held", "busybox", "sleep", "600")
    client("pause", "held")
    assert "You cannot attach to a paused container, unpause it first" in client("attach", "held", code=1).err
    client("unpause", "held")


def test_start_attached_with_input(client: Client) -> None:
    client("create", "-i", "--name", "later", "busybox", "sh", "-c", "cat; exit 6")
    result = client("start", "-ai", "later", input="typed later\n", code=6)
    assert result.out == "typed later\n"


def test_a_client_that_goes_away_does_not_disturb_the_container(client: Client) -> None:
    client.start("--name", "talker", "busybox", "sh", "-c", "while :; do echo tick; sleep 0.02; done")
    process = client.popen("attach", "talker")
    assert process.stdout is not None
    assert process.stdout.readline() == b"tick\n"
    process.kill()
    process.communicate()
    assert client.status("talker") == "running"
    assert client.text("exec", "talker", "echo", "still here") == "still here"

"""kill -9 of scowd, of scow-shim, of both: containers go on, no exit code is lost, the next scowd knows."""

import contextlib
import functools
import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.clients import Client
from tests.support.daemons import Daemon
from tests.support.waiting import wait_until

# What the command line says when its daemon goes away under it differs with the moment; it must only end.
_ANY = None


@pytest.fixture
def engine(scow_daemon: Daemon) -> Iterator[Daemon]:
    yield scow_daemon
    if not scow_daemon.running:
        scow_daemon.start()


@pytest.fixture
def scow(engine: Daemon) -> Client:
    return engine.client("scow")


def pid_of(daemon: Daemon, part: str) -> int:
    """The engine's ``shim`` or ``reaper``."""
    found = [
        pid for pid, line in daemon.processes().items() if f"{part}.py" in line or f"scow-{part}" in line
    ]
    assert len(found) == 1, f"{part}: {daemon.processes()}"
    return found[0]


def another(daemon: Daemon, part: str, old: int) -> bool:
    with contextlib.suppress(AssertionError, OSError):
        return pid_of(daemon, part) != old
    return False


def kill(daemon: Daemon, *victims: str) -> None:
    """SIGKILL to ``scowd``, ``shim`` or both; another shim is waited for, another scowd is not started."""
    for victim in victims:
        if victim == "scowd":
            daemon.kill9()
        else:
            old = pid_of(daemon, victim)
            os.kill(old, signal.SIGKILL)
            wait_until(functools.partial(another, daemon, victim, old), f"another {victim} is there")


VICTIMS = pytest.mark.parametrize(
    "victims",
    [("scowd",), ("shim",), ("shim", "scowd"), ("scowd", "shim")],
    ids=["scowd", "shim", "shim then scowd", "scowd then shim"],
)


@VICTIMS
def test_at_rest_a_container_runs_on_and_is_known_again(
    engine: Daemon, scow: Client, victims: tuple[str, ...]
) -> None:
    script = 'i=0; trap "exit 7" TERM; while :; do echo $i; i=$((i+1)); sleep 0.05; done'
    container = scow.start("--name", "counter", "-p", "8080:80", "-i", "busybox", "sh", "-c", script)
    pid = scow.inspect("counter", "{{.State.Pid}}")
    started = scow.inspect("counter", "{{.State.StartedAt}}")
    kill(engine, *victims)
    assert Path(f"/proc/{pid}").exists()
    if not engine.running:
        engine.start()
    state = "{{.State.Status}} {{.State.Pid}} {{.State.StartedAt}}"
    assert scow.inspect("counter", state) == f"running {pid} {started}"
    assert scow.text("ps", "--no-trunc", "-q") == container
    assert scow.text("exec", "counter", "echo", "inside") == "inside"
    seen = len(scow.text("logs", "counter").splitlines())
    wait_until(lambda: len(scow.text("logs", "counter").splitlines()) > seen + 5, "output is still logged")
    numbers = [int(line) for line in scow.text("logs", "counter").splitlines()]
    steps = [later - earlier for earlier, later in itertools.pairwise(numbers)]
    assert min(steps) == 1, "no line is doubled"
    # A shim may have had a piece of output in hand when it was killed.
    assert sum(step > 1 for step in steps) <= victims.count("shim"), "no line is lost"
    error = scow("run", "--rm", "-p", "8080:80", "busybox", "true", code=125).err
    assert "port is already allocated" in error
    scow("stop", "counter")
    assert scow.inspect("counter", "{{.State.ExitCode}}") == "7"


def test_what_ends_while_no_daemon_is_there_is_told_by_the_next(engine: Daemon, scow: Client) -> None:
    until_told = "until [ -e /end ]; do sleep 0.1; done; echo last words; exit 23"
    scow.start("--name", "brief", "busybox", "sh", "-c", until_told)
    scow.start("--name", "gone", "--rm", "busybox", "sh", "-c", until_told)
    brief, gone = (int(scow.inspect(name, "{{.State.Pid}}")) for name in ("brief", "gone"))
    engine.kill9()
    for pid in (brief, gone):
        Path(f"/proc/{pid}/root/end").touch()
    wait_until(
        lambda: not Path(f"/proc/{brief}").exists() and not Path(f"/proc/{gone}").exists(), "both ended"
    )
    engine.start()
    assert scow.inspect("brief", "{{.State.Status}} {{.State.ExitCode}}") == "exited 23"
    assert scow.text("logs", "brief") == "last words"
    wait_until(lambda: scow.text("ps", "-a", "--format", "{{.Names}}") == "brief", "--rm is kept")
    scow("start", "brief")
    assert scow.text("wait", "brief") == "23"


def test_a_planned_restart_leaves_containers_alone(engine: Daemon, scow: Client) -> None:
    scow.start("--name", "steady", "busybox", "sleep", "600")
    scow("create", "--name", "waiting", "busybox")
    pid = scow.inspect("steady", "{{.State.Pid}}")
    engine.restart()
    assert scow.inspect("steady", "{{.State.Status}} {{.State.Pid}}") == f"running {pid}"
    assert scow.status("waiting") == "created"


def settled(scow: Client, name: str) -> str:
    """State of a container after a crash; what it says must be so."""
    answer = scow.api("GET", f"/containers/{name}/json")
    if answer.status == 404:
        return "none"
    state = answer.json["State"]
    if state["Running"]:
        assert Path(f"/proc/{state['Pid']}").exists()
        assert scow.text("exec", name, "echo", "ok") == "ok"
    else:
        assert state["Pid"] == 0
    return str(state["Status"])


@pytest.mark.parametrize("delay_ms", [0, 5, 15, 30, 60, 120])
def test_during_start(engine: Daemon, scow: Client, delay_ms: int) -> None:
    scow("create", "--name", "half", "-p", "8080:80", "busybox", "sleep", "600")
    client = threading.Thread(target=lambda: scow("start", "half", code=_ANY))
    client.start()
    threading.Event().wait(delay_ms / 1000)
    engine.kill9()
    client.join(120)
    engine.start()
    assert settled(scow, "half") in ("created", "running", "exited")
    scow("rm", "-f", "half")
    scow("run", "--rm", "-p", "8080:80", "busybox", "true")
    wait_until(lambda: not engine.veths(), "no interface of the half-started container is left")


@pytest.mark.parametrize("delay_ms", [0, 10, 50, 300])
def test_during_stop(engine: Daemon, scow: Client, delay_ms: int) -> None:
    scow.start("--name", "deaf", "busybox", "sh", "-c", 'trap "" TERM; while :; do sleep 1; done')
    client = threading.Thread(target=lambda: scow("stop", "-t", "1", "deaf", code=_ANY))
    client.start()
    threading.Event().wait(delay_ms / 1000)
    engine.kill9()
    client.join(120)
    engine.start()
    assert settled(scow, "deaf") in ("running", "exited")
    scow("stop", "-t", "0", "deaf")
    assert scow.inspect("deaf", "{{.State.Status}} {{.State.ExitCode}}") == "exited 137"


@pytest.mark.parametrize("delay_ms", [0, 10, 40])
def test_during_removal(engine: Daemon, scow: Client, delay_ms: int) -> None:
    scow.start("--name", "going", "-v", "/scratch", "busybox", "sleep", "600")
    client = threading.Thread(target=lambda: scow("rm", "-fv", "going", code=_ANY))
    client.start()
    threading.Event().wait(delay_ms / 1000)
    engine.kill9()
    client.join(120)
    engine.start()
    if settled(scow, "going") != "none":
        scow("rm", "-fv", "going")
    assert scow.text("volume", "ls", "-q") == ""
    wait_until(lambda: not os.listdir(engine.data_root / "containers"), "its folder is gone")


@VICTIMS
def test_during_exec(engine: Daemon, scow: Client, victims: tuple[str, ...]) -> None:
    scow.start("--name", "box", "busybox", "sleep", "600")
    process = scow.popen("exec", "box", "sh", "-c", "echo in; sleep 1; echo out >/tmp/out; exit 3")
    assert process.stdout is not None
    assert process.stdout.readline() == b"in\n"
    kill(engine, *victims)
    process.communicate(timeout=120)
    if not engine.running:
        engine.start()
    wait_until(lambda: scow("exec", "box", "cat", "/tmp/out", code=_ANY).out == "out\n", "the exec ran on")
    assert settled(scow, "box") == "running"


@VICTIMS
def test_during_attach(engine: Daemon, scow: Client, victims: tuple[str, ...]) -> None:
    scow.start("-i", "--name", "cat", "busybox", "sh", "-c", "cat; exit 5")
    process = scow.popen("attach", "cat")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"before\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"before\n"
    kill(engine, *victims)
    if "scowd" in victims:
        process.communicate(timeout=120)
        engine.start()
    assert settled(scow, "cat") == "running"
    again = scow.popen("attach", "cat")
    assert again.stdin is not None
    assert again.stdout is not None
    again.stdin.write(b"after\n")
    again.stdin.flush()
    assert again.stdout.readline() == b"after\n"
    wait_until(lambda: scow.text("logs", "cat") == "before\nafter", "both lines are in the log")


def flood(scow: Client, lines: int, disturb: Callable[[], None]) -> list[str]:
    """A container that writes ``lines`` numbered lines while ``disturb`` is called; what the log has then."""
    scow("run", "-d", "--name", "flood", "busybox", "seq", str(lines))
    disturb()
    assert scow.text("wait", "flood", timeout_s=120) == "0"
    return scow.text("logs", "flood", timeout_s=120).splitlines()


def test_a_flood_of_logs_loses_nothing_with_scowd(engine: Daemon, scow: Client) -> None:
    def disturb() -> None:
        for _ in range(2):
            engine.kill9()
            engine.start()

    lines = 300_000
    assert flood(scow, lines, disturb) == [str(number) for number in range(1, lines + 1)]


def test_a_flood_of_logs_loses_at_most_the_chunk_in_hand_with_the_shim(engine: Daemon, scow: Client) -> None:
    kills = 2

    def disturb() -> None:
        for _ in range(kills):
            with contextlib.suppress(AssertionError):  # the flood may be over before the second
                kill(engine, "shim")

    lines = 600_000
    seen = flood(scow, lines, disturb)
    whole = [0]
    for line in seen:
        # The end of a torn line may be a number too, but not the next one of the flood.
        if line.isdigit() and whole[-1] < int(line) <= lines:
            whole.append(int(line))
    del whole[0]
    assert len(seen) - len(whole) <= 2 * kills, "no line comes twice, at most the two ends of a gap are torn"
    # A chunk is what one read of the pipe returns: at most 64 KiB; a line has two bytes or more.
    assert lines - len(whole) <= kills * (65536 // 2)
    assert whole[-1] == lines


def test_the_death_of_the_reaper_is_survived(engine: Daemon, scow: Client) -> None:
    scow.start("--name", "orphan", "busybox", "sleep", "600")
    engine.kill9()
    os.kill(pid_of(engine, "reaper"), signal.SIGKILL)
    engine.start()
    assert scow.inspect("orphan", "{{.State.Status}}") in ("running", "exited")
    scow("rm", "-f", "orphan")
    assert scow.text("run", "--rm", "busybox", "echo", "fine") == "fine"


def test_many_containers_survive_together(engine: Daemon, scow: Client) -> None:
    names = [f"many-{number}" for number in range(12)]
    for number, name in enumerate(names):
        scow.start("--name", name, "busybox", "sh", "-c", f"sleep 2; exit {number}")
    kill(engine, "shim", "scowd")
    engine.start()
    assert scow.text("wait", *names).split() == [str(number) for number in range(12)]

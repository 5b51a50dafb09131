"""A container's life: states and what may follow what, names, events in order."""

import json
import time
from urllib.parse import quote

import pytest

from tests.support.clients import Client
from tests.support.http import UnixConnection
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference


def test_the_states_of_one_life(client: Client) -> None:
    container = client.text("create", "--name", "life", "busybox", "sleep", "600")
    assert client.status("life") == "created"
    assert client.text("start", "life") == "life"
    state = json.loads(client.inspect("life", "{{json .State}}"))
    assert (state["Status"], state["Running"], state["Paused"], state["ExitCode"]) == (
        "running",
        True,
        False,
        0,
    )
    assert state["Pid"] > 0
    client("pause", "life")
    state = json.loads(client.inspect("life", "{{json .State}}"))
    assert (state["Status"], state["Running"], state["Paused"]) == ("paused", True, True)
    assert "(Paused)" in client.text("ps", "--format", "{{.Status}}")
    client("unpause", "life")
    assert client.status("life") == "running"
    client("kill", container)
    assert client.text("wait", "life") == "137"
    state = json.loads(client.inspect("life", "{{json .State}}"))
    assert (state["Status"], state["Running"], state["ExitCode"], state["Pid"]) == ("exited", False, 137, 0)
    assert state["FinishedAt"] > state["StartedAt"]
    assert client.text("ps", "-a", "--format", "{{.Status}}").startswith("Exited (137)")
    client("start", "life")
    assert client.status("life") == "running"
    client("restart", "-t", "0", "life")
    restarted = json.loads(client.inspect("life", "{{json .State}}"))
    assert restarted["Status"] == "running"
    assert restarted["StartedAt"] > state["StartedAt"]
    assert client.text("rm", "-f", "life") == "life"
    assert "No such" in client("inspect", "life", code=1).err


def test_what_a_state_does_not_allow_is_refused(client: Client) -> None:
    container = client.text("create", "--name", "idle", "busybox", "sleep", "600")
    assert f"container {container} is not running" in client("pause", "idle", code=1).err.lower()
    assert "is not running" in client("kill", "idle", code=1).err
    client("stop", "idle")
    client("start", "idle")
    assert "is not paused" in client("unpause", "idle", code=1).err
    error = client("rm", "idle", code=1).err
    assert "remove" in error
    assert "running container" in error or "container is running" in error
    client("pause", "idle")
    assert "is already paused" in client("pause", "idle", code=1).err
    assert "cannot start a paused container" in client("start", "idle", code=1).err
    client("rm", "-f", "idle")


def test_starting_what_runs_and_stopping_what_stopped_change_nothing(client: Client) -> None:
    container = client.start("busybox", "sleep", "600")
    assert client.api("POST", f"/containers/{container}/start").status == 304
    assert client.api("POST", f"/containers/{container}/stop?t=0").status == 204
    assert client.api("POST", f"/containers/{container}/stop").status == 304


def test_stop_waits_for_the_process_and_kills_it_after_the_time(client: Client) -> None:
    client.start("--name", "quick", "busybox", "sh", "-c", 'trap "exit 0" TERM; while :; do sleep 0.05; done')
    deaf = client.start("--name", "deaf", "busybox", "sleep", "600")
    wait_until(lambda: "sleep" in client.text("top", "quick"), "the trap is set")
    client("stop", "quick")
    assert client.inspect("quick", "{{.State.ExitCode}}") == "0"
    client("stop", "-t", "1", "deaf")
    assert 0.9 < between_signals(client, deaf) < 10  # without: 10 at least
    assert client.inspect("deaf", "{{.State.ExitCode}}") == "137"


def between_signals(client: Client, container: str) -> float:
    """Seconds from the first to the last signal, as the engine has told: not those of the command line."""
    filters = quote(json.dumps({"container": [container], "event": ["kill"]}))
    told = client.api("GET", f"/events?since=1&until={time.time()}&filters={filters}").body.splitlines()
    times = [json.loads(line)["timeNano"] for line in told]
    return float(times[-1] - times[0]) / 1e9


def test_kill_sends_the_signal_that_is_named(client: Client) -> None:
    script = 'trap "echo hup" HUP; trap "echo int; exit 3" INT; echo ready; while :; do sleep 0.05; done'
    client.start("--name", "ears", "busybox", "sh", "-c", script)
    wait_until(lambda: "ready" in client.text("logs", "ears"), "the traps are set")
    client("kill", "-s", "HUP", "ears")
    wait_until(lambda: "hup" in client.text("logs", "ears"), "the first signal arrived")
    assert client.status("ears") == "running"
    client("kill", "--signal", "2", "ears")
    assert client.text("wait", "ears") == "3"
    client("start", "ears")
    assert "invalid signal: NOSUCH" in client("kill", "-s", "NOSUCH", "ears", code=1).err.replace(
        "Invalid", "invalid"
    )


def test_wait_prints_codes_in_order_and_ends_with_the_container(client: Client) -> None:
    client.start("--name", "three", "busybox", "sh", "-c", "sleep 0.5; exit 3")
    client.start("--name", "four", "busybox", "sh", "-c", "exit 4")
    assert client.text("wait", "three", "four") == "3\n4"


def test_wait_conditions_of_the_api(client: Client) -> None:
    container = client.text("create", "-i", "--rm", "busybox", "sh", "-c", "read line; exit 6")
    client("start", container)
    waiting = UnixConnection(str(client.daemon.socket))
    waiting.request("POST", f"/containers/{container}/wait?condition=removed")
    answer = waiting.getresponse()  # the head tells that it waits
    client("attach", container, input="go on\n", code=6)
    assert json.loads(answer.read())["StatusCode"] == 6
    waiting.close()
    assert client.api("GET", f"/containers/{container}/json").status == 404
    assert client.api("POST", "/containers/nosuch/wait").status == 404


def test_rename_moves_the_name_and_keeps_the_container(client: Client) -> None:
    container = client.start("--name", "old", "busybox", "sleep", "600")
    client("rename", "old", "new")
    assert client.inspect("new", "{{.Id}} {{.Name}}") == f"{container} /new"
    assert "No such container: old" in client("stop", "old", code=1).err
    client("create", "--name", "other", "busybox")
    error = client("rename", "new", "other", code=1).err
    assert 'The container name "/other" is already in use by container' in error
    client("create", "--name", "old", "busybox")


def test_a_container_answers_to_name_id_and_unique_prefix(client: Client) -> None:
    container = client.text("create", "--name", "prefix", "busybox")
    for reference in ("prefix", "/prefix", container, container[:12], container[:6]):
        assert client.inspect(reference, "{{.Id}}") == container


def test_rm_takes_several_and_reports_each_that_is_missing(client: Client) -> None:
    client("create", "--name", "one", "busybox")
    client("create", "--name", "two", "busybox")
    result = client("rm", "one", "missing", "two", code=1)
    assert result.lines == ["one", "two"]
    assert result.err.count("No such container: missing") == 1


def test_a_stopped_container_keeps_its_files_for_the_next_start(client: Client) -> None:
    client.text("run", "--name", "memory", "busybox", "sh", "-c", "echo line >>/root/kept; cat /root/kept")
    assert client.text("start", "-a", "memory") == "line\nline"
    assert client.text("logs", "memory") == "line\nline\nline"


def test_ps_lists_filters_and_formats(client: Client) -> None:
    running = client.start("--name", "aa-running", "busybox", "sleep", "600")
    client("run", "--name", "bb-exited", "busybox", "sh", "-c", "exit 3", code=3)
    client("create", "--name", "cc-created", "alpine")
    names = ("--format", "{{.Names}}")
    assert client.text("ps", *names) == "aa-running"
    assert client.text("ps", "-a", *names) == "cc-created\nbb-exited\naa-running"
    assert client.text("ps", "-a", "-n", "2", *names) == "cc-created\nbb-exited"
    assert client.text("ps", "-l", *names) == "cc-created"
    assert client.text("ps", "-q", "--no-trunc") == running
    assert client.text("ps", "-q") == running[:12]
    for condition, expected in (
        ("status=exited", "bb-exited"),
        ("status=created", "cc-created"),
        ("exited=3", "bb-exited"),
        ("name=aa", "aa-running"),
        (f"id={running[:8]}", "aa-running"),
        ("ancestor=alpine", "cc-created\nbb-exited\naa-running"),
        ("before=bb-exited", "aa-running"),
        ("since=bb-exited", "cc-created"),
    ):
        assert client.text("ps", "-a", "--filter", condition, *names) == expected, condition
    header, *rows = client.text("ps", "-a").splitlines()
    assert header.split() == ["CONTAINER", "ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"]
    assert len(rows) == 3
    assert '"sleep 600"' in rows[2]
    assert "invalid filter 'nosuch'" in client("ps", "--filter", "nosuch=1", code=1).err.lower()


def test_events_tell_the_life_in_order(client: Client) -> None:
    began = str(time.time())
    listener = client.popen(
        "events", "--since", began, "--filter", "container=told", "--format", "{{.Type}} {{.Action}}"
    )
    client("run", "--name", "told", "busybox", "sh", "-c", "exit 5", code=5)
    client("start", "told")
    client("wait", "told")
    client("rename", "told", "retold")
    client("rm", "retold")
    past = client.text(
        *("events", "--since", began, "--until", str(time.time()), "--filter", "type=container"),
        *("--filter", "container=told", "--filter", "container=retold", "--format", "{{.Action}}"),
    ).splitlines()
    steps = [action for action in past if action in ("create", "attach", "start", "die", "rename", "destroy")]
    assert steps == ["create", "attach", "start", "die", "start", "die", "rename", "destroy"]
    code = client.text(
        *("events", "--since", began, "--until", str(time.time()), "--filter", "event=die"),
        *("--format", '{{index .Actor.Attributes "exitCode"}} {{index .Actor.Attributes "image"}}'),
    )
    assert code.splitlines() == ["5 busybox", "5 busybox"]
    assert listener.stdout is not None
    assert listener.stdout.readline() == b"container create\n"
    listener.terminate()


def test_stop_of_several_and_restart_of_a_stopped_one(client: Client) -> None:
    for name in ("first", "second"):
        client.start("--name", name, "--stop-timeout", "0", "busybox", "sleep", "600")
    assert client.text("stop", "first", "second") == "first\nsecond"
    assert client.text("restart", "first") == "first"
    assert client.text("ps", "--format", "{{.Names}}") == "first"


@pytest.mark.not_on_dockerd("it hears of it by an event that may come after the exit")
def test_out_of_memory_is_told(client: Client) -> None:
    client.start("--name", "hog", "--memory", "8m", "--memory-swap", "8m", "busybox", "tail", "/dev/zero")
    assert client.text("wait", "hog") == "137"
    assert client.inspect("hog", "{{.State.OOMKilled}}") == "true"


def test_limits_of_a_container_are_what_inspect_tells(client: Client) -> None:
    client.text(
        *(
            "create",
            "--name",
            "limited",
            "-m",
            "64m",
            "--cpus",
            "0.5",
            "--pids-limit",
            "20",
            "--cpu-shares",
            "512",
        ),
        *("--oom-score-adj", "100", "--restart", "no", "busybox"),
    )
    template = (
        "{{with .HostConfig}}{{.Memory}} {{.NanoCpus}} {{.PidsLimit}} {{.CpuShares}} {{.OomScoreAdj}}{{end}}"
    )
    assert client.inspect("limited", template) == "67108864 500000000 20 512 100"
    assert client.inspect("limited", "{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.NetworkMode}}") in (
        "no default",
        "no bridge",
    )


def test_ps_filters_by_what_containers_use(client: Client) -> None:
    client.start(
        "--name", "web", "-p", "8090:80", "--expose", "81", "-v", "data:/data", "busybox", "sleep", "600"
    )
    client("create", "--name", "alone", "--network", "none", "-v", "/srv", "busybox")
    bridge = client.text("network", "inspect", "--format", "{{.Id}}", "bridge")
    for condition, expected in (
        ("publish=8090", "web"),
        ("publish=8000-8100/tcp", "web"),
        ("publish=8090/udp", ""),
        ("expose=81/tcp", "web"),
        ("volume=data", "web"),
        ("volume=/srv", "alone"),
        ("network=none", "alone"),
        (f"network={bridge[:12]}", "web"),
        ("network=nosuch", ""),
        ("health=none", "alone\nweb"),
        ("is-task=false", "alone\nweb"),
        ("is-task=true", ""),
        ("isolation=default", "alone\nweb"),
        ("name=we[", ""),
        ("status=running", "web"),
        ("exited=0", ""),
    ):
        found = client.text("ps", "-a", "--filter", condition, "--format", "{{.Names}}")
        assert found == expected, condition
    # dockerd 20.10 has other words for both.
    assert "odd" in client("ps", "--filter", "status=odd", code=1).err
    assert "odd" in client("ps", "--filter", "health=odd", code=1).err
    client("ps", "--filter", "before=nosuch", code=1)
    sizes = client.text("ps", "-s", "--format", "{{.Size}}")
    assert "virtual" in sizes
    client("rm", "-f", "web", "alone")
    client("volume", "rm", "data")


def test_signals_have_names_and_numbers_and_some_are_refused(client: Client) -> None:
    script = 'trap "exit 7" 37; echo ready; while :; do sleep 0.05; done'
    client.start(
        "--name", "rt", "--stop-signal", "RTMIN+3", "--stop-timeout", "-1", "busybox", "sh", "-c", script
    )
    wait_until(lambda: "ready" in client.text("logs", "rt"), "the trap is set")
    for bad in ("99", "NOSUCH", "0"):
        assert "signal" in client("kill", "-s", bad, "rt", code=1).err.lower()
    client("stop", "rt")
    assert client.inspect("rt", "{{.State.ExitCode}}") == "7"
    client("start", "rt")
    wait_until(lambda: client.text("logs", "rt").count("ready") == 2, "the trap is set again")
    client("kill", "-s", "SIGRTMIN+3", "rt")
    assert client.text("wait", "rt") == "7"

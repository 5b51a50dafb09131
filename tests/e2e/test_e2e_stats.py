"""What containers use: ``docker stats`` and the stream behind it."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.daemons import Daemon
from tests.support.http import UnixConnection
from tests.support.waiting import wait_until

# Holds 100 MiB, lets 200 kB through its network, then burns what CPU it may have.
_BUSY = (
    "dd if=/dev/zero of=/dev/shm/held bs=1M count=100 2>/dev/null;"
    "ping -c 20 -i 0.01 -s 10000 $(ip route | awk '/default/{print $3}') >/dev/null; echo ready;"
    "while :; do :; done"
)


@contextmanager
def samples(engine: Daemon, container: str) -> Iterator[Callable[[], Any]]:
    """A stream of samples; each call waits for the next one, None is the end."""
    connection = UnixConnection(str(engine.socket))
    connection.request("GET", f"/v1.41/containers/{container}/stats")
    answer = connection.getresponse()
    assert answer.status == 200
    try:
        yield lambda: json.loads(line) if (line := answer.readline()) else None
    finally:
        connection.close()


def test_the_figures_are_right(engine: Daemon) -> None:
    docker = engine.docker
    docker(
        *("run", "-d", "--name", "busy", "--cpus", "0.1", "--shm-size", "200m", "--memory", "400m"),
        *("busybox", "sh", "-c", _BUSY),
    )
    wait_until(lambda: "ready" in docker("logs", "busy").out, "it holds its memory")

    def with_a_tenth_of_a_cpu() -> Any:
        """On a busy machine it does not get that much in every second."""
        row = json.loads(docker("stats", "--no-stream", "--format", "{{json .}}", "busy").out)
        return row if 2 <= float(row["CPUPerc"].rstrip("%")) <= 20 else None

    row = wait_until(with_a_tenth_of_a_cpu, "a tenth of a CPU")
    names = {"BlockIO", "CPUPerc", "Container", "ID", "MemPerc", "MemUsage", "Name", "NetIO", "PIDs"}
    assert set(row) == names
    assert (row["Name"], row["Container"], row["PIDs"]) == ("busy", "busy", "1")
    found = re.fullmatch(r"([\d.]+)MiB / ([\d.]+)MiB", row["MemUsage"])
    assert found is not None
    used, limit = found.groups()
    assert 98 <= float(used) <= 110
    assert limit == "400"
    received, sent = (float(it) for it in re.findall(r"([\d.]+)kB", row["NetIO"]))
    assert 200 <= received <= 250
    assert 200 <= sent <= 250
    throttling = wait_until(lambda: throttled(engine, "busy"), "it was held back")
    assert throttling["throttled_time"] > 0


def throttled(engine: Daemon, container: str) -> Any:
    found = one_shot(engine, container)["cpu_stats"]["throttling_data"]
    return found if found["throttled_periods"] else None


def one_shot(engine: Daemon, container: str) -> Any:
    return engine.api("GET", f"/v1.41/containers/{container}/stats?stream=0&one-shot=1").json


def test_the_stream_follows_the_container_through_its_life(engine: Daemon) -> None:
    docker = engine.docker
    container = docker("run", "-d", "--name", "app", "busybox", "sleep", "3600").out.strip()
    with samples(engine, "app") as following, samples(engine, container) as other:
        first, second = following(), following()
        assert (first["name"], first["id"]) == ("/app", container)
        assert first["preread"].startswith("0001-")
        assert second["preread"] == first["read"]
        assert second["precpu_stats"] == first["cpu_stats"]
        assert second["pids_stats"]["current"] == 1
        assert second["cpu_stats"]["online_cpus"] >= 1
        assert other()["networks"].keys() == {"eth0"}
        docker("kill", "app")
        wait_until(lambda: "current" not in following()["pids_stats"], "samples are empty when it has ended")
        assert following()["read"].startswith("0001-"), "and go on"
        docker("start", "app")
        wait_until(lambda: following()["pids_stats"].get("current") == 1, "samples have figures again")
        docker("rm", "-f", "app")
        wait_until(lambda: following() is None, "the stream ends with the container")
        wait_until(lambda: other() is None, "for everyone")


def test_a_stopped_container_and_one_that_is_not(engine: Daemon) -> None:
    container = engine.docker("create", "--name", "still", "busybox").out.strip()
    found = one_shot(engine, "still")
    assert (found["id"], found["name"], found["memory_stats"]) == (container, "/still", {})
    assert found["read"] == "0001-01-01T00:00:00Z"
    assert "still" in engine.docker("stats", "--no-stream", "--all").out
    answer = engine.api("GET", "/v1.41/containers/nosuch/stats")
    assert (answer.status, answer.message) == (404, "No such container: nosuch")


def test_whose_network_is_counted(engine: Daemon) -> None:
    """Interfaces of the engine's making only: not loopback, not those of the host; a shared one for each."""
    docker = engine.docker
    docker("run", "-d", "--name", "owner", "busybox", "sleep", "60")
    docker("run", "-d", "--name", "guest", "--network", "container:owner", "busybox", "sleep", "60")
    docker("run", "-d", "--name", "onhost", "--network", "host", "busybox", "sleep", "60")
    docker("run", "-d", "--name", "alone", "--network", "none", "busybox", "sleep", "60")
    networks = {
        name: one_shot(engine, name).get("networks") for name in ("owner", "guest", "onhost", "alone")
    }
    assert networks["owner"].keys() == networks["guest"].keys() == {"eth0"}
    assert not networks["onhost"]
    assert not networks["alone"]

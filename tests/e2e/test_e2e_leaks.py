"""A hundred containers come and go: no descriptor, mount, cgroup, interface, rule, file or memory stays."""

import os
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from glob import glob
from pathlib import Path

import pytest

from tests.support.daemons import Daemon
from tests.support.disks import mount_points_below
from tests.support.footprint import anonymous_kib, wait_until_asleep
from tests.support.http import hijack
from tests.support.waiting import wait_until

CONTAINERS = 100
# Caches, thread stacks, the collector's generations and the history of events fill up; then memory is level.
WARM_UP = 100


def one_life(daemon: Daemon, number: int) -> None:
    """A container with a published port, a volume, an exec and output, from creation to removal."""
    body = {
        "Image": "busybox",
        "Cmd": ["sh", "-c", "echo hello; sleep 0.2; exit 3"],
        "Volumes": {"/scratch": {}},
        "ExposedPorts": {"80/tcp": {}},
        "HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": str(20000 + number)}]}},
    }
    created = daemon.api("POST", f"/containers/create?name=leak-{number}", body)
    assert created.status == 201, created.body
    target = f"/containers/{created.json['Id']}"
    assert daemon.api("POST", f"{target}/start").status == 204
    exec_body = {"Cmd": ["echo", "in"], "AttachStdout": True}
    made = daemon.api("POST", f"{target}/exec", exec_body)
    if made.status == 201:
        daemon.api("POST", f"/exec/{made.json['Id']}/start", {"Detach": False, "Tty": False})
    assert daemon.api("POST", f"{target}/wait").json["StatusCode"] == 3
    assert daemon.api("GET", f"{target}/logs?stdout=1").body[8:] == b"hello\n"
    assert daemon.api("DELETE", f"{target}?v=1&force=1").status == 204


def many_lives(daemon: Daemon, first: int, count: int) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: one_life(daemon, number), range(first, first + count)))


def descriptors(daemon: Daemon) -> dict[str, int]:
    """Open descriptors of each engine process, by its name."""
    found = {}
    for pid in daemon.processes():
        with suppress(FileNotFoundError, ProcessLookupError):  # one that has just ended has none
            name = Path(f"/proc/{pid}/comm").read_text().strip()
            found[name] = len(os.listdir(f"/proc/{pid}/fd"))
    return found


def connections(daemon: Daemon) -> int:
    """Clients' connections that the engine has not closed."""
    lines = daemon.namespace.run("cat", "/proc/net/unix").stdout.splitlines()
    # proc(5): num, reference count, protocol, flags, type, state (3: connected), inode, path.
    return sum(words[5:8:2] == ["03", str(daemon.socket)] for words in map(str.split, lines))


def memory_kib(daemon: Daemon) -> int:
    """What the engine's processes have when they are done and have given back what they can."""
    wait_until_asleep(daemon)
    return anonymous_kib(daemon)


def firewall(daemon: Daemon) -> str:
    """All rules and map elements in the engine's network, without counters and handles."""
    rules = daemon.namespace.run("nft", "list", "ruleset").stdout
    return re.sub(r"counter packets \d+ bytes \d+", "counter", rules)


def files(root: Path) -> set[str]:
    """Every path below ``root`` but SQLite's own files, which come and go."""
    return {
        os.path.relpath(os.path.join(folder, name), root)
        for folder, folders, names in os.walk(root)
        for name in folders + names
        if not name.startswith("scow.db")
    }


def picture(daemon: Daemon) -> dict[str, object]:
    return {
        "descriptors": descriptors(daemon),
        "mounts": sorted(map(str, mount_points_below(daemon.folder))),
        "interfaces": daemon.veths(),
        "firewall": firewall(daemon),
        "data root": files(daemon.data_root),
        "exec root": files(daemon.exec_root),
        "cgroups": sorted(path for path in glob("/sys/fs/cgroup/*/scow/*/") if not busy(path)),
    }


def busy(cgroup: str) -> bool:
    """Whether a process is in there: then it is another engine's."""
    try:
        return any(Path(folder, "cgroup.procs").read_text() for folder, _, _ in os.walk(cgroup))
    except OSError:
        return True


@pytest.mark.slow
def test_a_hundred_containers_leave_nothing(scow_daemon: Daemon) -> None:
    many_lives(scow_daemon, 0, WARM_UP)
    before = wait_until(lambda: quiet(scow_daemon), "the engine comes to rest") or {}
    memory = memory_kib(scow_daemon)
    many_lives(scow_daemon, WARM_UP, CONTAINERS)
    wait_until(lambda: quiet(scow_daemon) is not None, "the engine comes to rest")

    def difference() -> str:
        now = picture(scow_daemon)
        return "; ".join(
            f"{name}: {before[name]} became {now[name]}" for name in now if now[name] != before[name]
        )

    try:
        wait_until(lambda: not difference(), "everything is as before")
    except AssertionError:
        raise AssertionError(difference())
    assert memory_kib(scow_daemon) - memory < 10 * CONTAINERS, "memory grew with every container"


def quiet(daemon: Daemon) -> dict[str, object] | None:
    """The picture, once no interface of a removed container is left."""
    now = picture(daemon)
    return now if not now["interfaces"] and not now["cgroups"] else None


def test_clients_that_go_away_free_their_connections(scow_daemon: Daemon) -> None:
    client = scow_daemon.client("scow")
    container = client.start("-i", "busybox", "sh", "-c", "while :; do echo tick; sleep 0.05; done")
    log = scow_daemon.data_root / "containers" / container / f"{container}-json.log"
    # The client has its answer before scow-shim has the container's streams.
    wait_until(lambda: log.exists() and log.stat().st_size, "the first line is logged")
    wait_until(lambda: connections(scow_daemon) == 0, "nobody is connected")
    before = descriptors(scow_daemon)
    path, query = str(scow_daemon.socket), "stream=1&stdout=1&stdin=1&logs=1"
    sockets = [hijack(path, f"/containers/{container}/attach?{query}")[1] for _ in range(10)]
    for sock in sockets:
        assert sock.recv(1)
        sock.close()
    for _ in range(30):  # gone before there is an answer
        with socket.socket(socket.AF_UNIX) as hasty:
            hasty.connect(path)
            hasty.sendall(f"POST /containers/{container}/attach?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    followers = [client.popen("logs", "-f", container) for _ in range(3)]
    followers += [client.popen("events"), client.popen("wait", container)]
    for follower in followers[:3]:
        assert follower.stdout is not None
        assert follower.stdout.readline() == b"tick\n"
    for follower in followers:
        follower.kill()
        follower.communicate()
    wait_until(lambda: descriptors(scow_daemon) == before, f"descriptors are {before} again")


def test_failed_starts_leave_nothing(scow_daemon: Daemon) -> None:
    client = scow_daemon.client("scow")
    client("run", "--rm", "busybox", "nosuchcommand", code=127)
    before = wait_until(lambda: quiet(scow_daemon), "the engine comes to rest")
    for _ in range(5):
        client("run", "--rm", "-p", "8080:80", "-v", "/scratch", "busybox", "nosuchcommand", code=127)
    wait_until(lambda: picture(scow_daemon) == before, f"everything is as before: {before}")

"""The engine as a whole: what it takes on disk, what it can give back, what it says of itself."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.daemons import Daemon
from tests.support.waiting import wait_until

_MEGABYTE = 1_000_000


def image_of(name: str, size: int, *, tags: bool = True, label: str = "", created: str = "") -> ArchiveImage:
    """An image of one layer with ``size`` bytes of file in it."""
    layer = Layer()
    layer.file(f"data-{name}", name[0] * size)
    image = ArchiveImage([layer.data()], [f"{name}:1"] if tags else [], {"Labels": {"kind": label}})
    image.created = created or image.created
    return image


def usage(engine: Daemon) -> Any:
    return engine.api("GET", "/v1.41/system/df").json


def disk_bytes(path: Path) -> int:
    done = subprocess.run(["du", "-sb", str(path)], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])


def test_disk_usage_is_what_is_on_the_disk(engine: Daemon) -> None:
    docker, before = engine.docker, usage(engine)
    first, second = image_of("first", 2 * _MEGABYTE), image_of("second", 1 * _MEGABYTE)
    second.layers.insert(0, first.layers[0])
    engine.load(docker_archive([first, second]))
    docker("volume", "create", "full")
    docker(
        *("run", "--name", "writer", "-v", "full:/full", "busybox", "sh", "-c"),
        "dd if=/dev/zero of=/own bs=1000 count=3000; dd if=/dev/zero of=/full/x bs=1000 count=4000",
    )
    docker("run", "-d", "--name", "sleeper", "busybox", "sleep", "60")
    found = usage(engine)
    images = {image["Id"]: image for image in found["Images"]}
    assert images[first.id]["SharedSize"] == images[first.id]["Size"] == 2 * _MEGABYTE
    assert (images[second.id]["Size"], images[second.id]["SharedSize"]) == (3 * _MEGABYTE, 2 * _MEGABYTE)
    assert images[first.id]["Containers"] == 0
    assert found["LayersSize"] - before["LayersSize"] == 3 * _MEGABYTE, "a shared layer counts once"
    containers = {container["Names"][0]: container for container in found["Containers"]}
    assert containers["/writer"]["SizeRw"] == 3 * _MEGABYTE
    assert containers["/writer"]["SizeRootFs"] > 3 * _MEGABYTE
    (volume,) = (volume for volume in found["Volumes"] if volume["Name"] == "full")
    assert volume["UsageData"] == {"Size": 4 * _MEGABYTE, "RefCount": 1}
    folder = disk_bytes(Path(volume["Mountpoint"]))
    assert abs(folder - volume["UsageData"]["Size"]) <= 8192, "but for the folder itself"
    rows = {
        row["Type"]: row
        for row in map(json.loads, docker("system", "df", "--format", "{{json .}}").out.splitlines())
    }
    assert (rows["Containers"]["TotalCount"], rows["Containers"]["Active"]) == ("2", "1")
    assert rows["Containers"]["Size"] == rows["Containers"]["Reclaimable"].split()[0] == "3MB"
    assert (rows["Local Volumes"]["Size"], rows["Local Volumes"]["Reclaimable"]) == ("4MB", "0B (0%)")
    assert (rows["Images"]["Active"], rows["Build Cache"]["TotalCount"]) == ("1", "0")
    verbose = docker("system", "df", "-v").out
    assert re.search(r"first +1 +\w+ +[\w ]+ +2MB +2MB +0B +0", verbose)
    assert re.search(r"full +1 +4MB", verbose)
    docker("rm", "-f", "writer", "sleeper")
    docker("rmi", "first:1", "second:1")
    docker("volume", "rm", "full")


def prune(engine: Daemon, noun: str, **filters: list[str]) -> Any:
    text = json.dumps(filters).replace('"', "%22").replace(" ", "")
    answer = engine.api("POST", f"/v1.41/{noun}/prune?filters={text}")
    assert answer.status == 200, answer.message
    return answer.json


def test_prunes_take_what_is_meant_and_nothing_else(engine: Daemon) -> None:
    nothing = {"ImagesDeleted": None, "SpaceReclaimed": 0}
    assert prune(engine, "images") == nothing
    assert prune(engine, "networks") == {"NetworksDeleted": None}
    dangling = image_of("dangling", 1 * _MEGABYTE, tags=False)
    labelled, other = image_of("labelled", 2 * _MEGABYTE, label="test"), image_of("other", 3 * _MEGABYTE)
    young = image_of("young", 4 * _MEGABYTE, created="2026-01-01T00:00:00Z")
    engine.load(docker_archive([dangling, labelled, other, young]))
    used = engine.docker("create", "busybox").out.strip()
    found = prune(engine, "images")
    assert {"Deleted": dangling.id} in found["ImagesDeleted"]
    assert found["SpaceReclaimed"] == 1 * _MEGABYTE
    assert prune(engine, "images") == nothing
    assert prune(engine, "images", dangling=["false"], label=["kind=nosuch"]) == nothing
    found = prune(engine, "images", dangling=["false"], label=["kind=test"])
    assert found["SpaceReclaimed"] == 2 * _MEGABYTE
    assert found["ImagesDeleted"][:2] == [{"Untagged": "labelled:1"}, {"Deleted": labelled.id}]
    found = prune(engine, "images", dangling=["false"], until=["2025-01-01"], **{"label!": ["kind=test"]})
    assert {"Untagged": "other:1"} in found["ImagesDeleted"]
    assert {"Untagged": "young:1"} not in found["ImagesDeleted"]
    assert prune(engine, "images", dangling=["false"])["SpaceReclaimed"] == 4 * _MEGABYTE
    assert engine.api("GET", "/images/busybox/json").status == 200, "a container has it"
    for bad in ('{"dangling":["maybe"]}', '{"until":["1h","2h"]}', '{"until":["soon"]}', '{"nosuch":["1"]}'):
        answer = engine.api("POST", f"/v1.41/images/prune?filters={bad}".replace('"', "%22"))
        assert answer.status in (400, 500), "Docker 20.10 calls a bad time 500"
    engine.docker("rm", used)


def test_volumes_are_pruned_by_label_and_only_when_unused(engine: Daemon) -> None:
    docker = engine.docker
    docker("volume", "create", "--label", "keep=yes", "kept")
    docker("volume", "create", "used")
    docker("volume", "create", "named")
    docker("create", "--name", "user", "-v", "used:/x", "busybox")
    docker("run", "--rm", "-v", "named:/x", "busybox", "sh", "-c", "printf 12345 > /x/file")
    found = prune(engine, "volumes", **{"label!": ["keep"]})
    assert found == {"VolumesDeleted": ["named"], "SpaceReclaimed": 5}
    assert docker("volume", "ls", "-q").out.split() == ["kept", "used"]
    docker("rm", "user")
    assert sorted(prune(engine, "volumes")["VolumesDeleted"]) == ["kept", "used"]
    assert prune(engine, "volumes") == {"VolumesDeleted": [], "SpaceReclaimed": 0}


def test_system_prune(scow_daemon: Daemon) -> None:
    """With an API that prunes anonymous volumes alone unless it is told otherwise."""
    docker = scow_daemon.docker
    image = image_of("unused", 1 * _MEGABYTE)
    scow_daemon.load(docker_archive([image]))
    docker("run", "--name", "stopped", "-v", "/anonymous", "-v", "named:/x", "busybox", "touch", "/x/y")
    docker("run", "-d", "--name", "running", "busybox", "sleep", "60")
    refused = docker("system", "prune", "-f", "--volumes", "--filter", "until=72h", code=None)
    assert refused.code != 0
    assert 'The "until" filter is not supported with "--volumes"' in refused.err
    assert docker("system", "prune", "-af", "--filter", "until=72h").out.startswith("Deleted Images:\n")
    assert docker("ps", "-aq").out.count("\n") == 2, "containers are younger than that"
    out = docker("system", "prune", "-af", "--volumes").out
    assert re.search(r"Deleted Containers:\n[0-9a-f]{64}\n", out)
    assert re.search(r"Deleted Volumes:\n[0-9a-f]{64}\n\n", out), "the anonymous one alone"
    assert re.search(r"Total reclaimed space: \d", out)
    assert docker("ps", "-a", "--format", "{{.Names}}").out == "running\n"
    assert docker("volume", "ls", "-q").out == "named\n"
    docker("volume", "prune", "-af")


def test_info_counts_and_describes(engine: Daemon) -> None:
    docker = engine.docker
    for name in ("one", "two", "three"):
        docker("run", "-d", "--name", name, "busybox", "sleep", "60")
    docker("pause", "two")
    docker("kill", "three")
    info = engine.api("GET", "/v1.41/info").json
    counts = [info[f"Containers{state}"] for state in ("", "Running", "Paused", "Stopped")]
    assert counts == [3, 1, 1, 1]
    text = docker("info").out
    assert "\n Storage Driver: overlay2\n  Backing Filesystem: extfs\n" in text
    for line in (
        *(" Containers: 3", "  Running: 1", "  Paused: 1", "  Stopped: 1", " Images: 1"),
        *(" Logging Driver: json-file", " Cgroup Driver: cgroupfs", " Swarm: inactive", "  seccomp"),
        *(" OSType: linux", f" Docker Root Dir: {engine.data_root}", " Init Binary: docker-init"),
        *(f" Kernel Version: {os.uname().release}", f" Name: {os.uname().nodename}"),
    ):
        assert f"{line}\n" in text, line
    version = json.loads(docker("version", "--format", "{{json .Server}}").out)
    assert {
        "Version",
        "ApiVersion",
        "MinAPIVersion",
        "GitCommit",
        "GoVersion",
        "Os",
        "Arch",
    } <= version.keys()
    names = [component["Name"] for component in version["Components"]]
    assert names[0] == "Engine"
    assert names[-1] == "docker-init"
    runtime = next(it for it in version["Components"] if it["Name"] in ("runc", "crun"))
    assert runtime["Details"]["GitCommit"]


def test_info_of_each_version(scow_daemon: Daemon) -> None:
    def info(version: str) -> Any:
        return scow_daemon.api("GET", f"/v{version}/info").json

    old, new = info("1.24"), info("1.55")
    assert "FirewallBackend" not in old
    assert new["FirewallBackend"] == {"Driver": "nftables"}
    assert old["RuncCommit"]["Expected"] == new["RuncCommit"]["ID"]
    assert "Expected" not in new["RuncCommit"]
    assert old["Runtimes"]["runc"].keys() == {"path"}
    assert json.loads(new["Runtimes"]["runc"]["status"]["org.opencontainers.runtime-spec.features"])
    network = scow_daemon.api("GET", "/networks/bridge").json
    assert (network["EnableIPv4"], network["EnableIPv6"]) == (True, False)


def test_settings_are_reloaded_by_a_signal(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon(images=False)
    path = daemon.folder / "daemon.json"

    def reload(settings: str) -> None:
        path.write_text(settings)
        os.kill(daemon.pid, signal.SIGHUP)

    reload('{"debug": true, "labels": ["rack=7"], "mtu": 1400}')
    wait_until(lambda: daemon.api("GET", "/info").json["Labels"] == ["rack=7"], "the labels are there")
    assert daemon.api("GET", "/info").json["Debug"] is True
    assert "the new mtu takes effect at the next start" in daemon.log_tail()
    past = f"/events?until={time.time():f}&filters=%7B%22type%22%3A%5B%22daemon%22%5D%7D"
    (event,) = map(json.loads, daemon.api("GET", past).body.splitlines())
    assert (event["Action"], event["Actor"]["ID"]) == ("reload", daemon.api("GET", "/info").json["ID"])
    attributes = event["Actor"]["Attributes"]
    assert (attributes["labels"], attributes["debug"]) == ('["rack=7"]', "true")
    assert attributes["name"] == os.uname().nodename
    reload('{"debug": ')
    wait_until(lambda: "the configuration is not reloaded" in daemon.log_tail(), "it is refused")
    assert daemon.api("GET", "/info").json["Labels"] == ["rack=7"]


def test_defaults_of_logging(start_daemon: Callable[..., Daemon]) -> None:
    """New containers take them, under options of their own; existing ones keep what they have."""
    daemon = start_daemon("--log-driver", "local", "--log-opt", "max-size=2m", "--log-opt", "max-file=2")
    docker = daemon.docker
    template = "{{json .HostConfig.LogConfig}}"
    assert " Logging Driver: local\n" in docker("info").out
    docker("create", "--name", "plain", "busybox")
    docker("create", "--name", "own", "--log-opt", "max-file=5", "busybox")
    docker("create", "--name", "other", "--log-driver", "json-file", "busybox")
    configs = [json.loads(docker("inspect", "-f", template, name).out) for name in ("plain", "own", "other")]
    assert configs == [
        {"Type": "local", "Config": {"max-size": "2m", "max-file": "2"}},
        {"Type": "local", "Config": {"max-size": "2m", "max-file": "5"}},
        {"Type": "json-file", "Config": {}},
    ]
    daemon.stop()
    refused = subprocess.run(
        daemon.namespace.command(*daemon.argv(), "--log-opt", "nosuch=1"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert refused.returncode == 1
    assert "unknown log opt 'nosuch' for json-file log driver" in refused.stderr
    daemon.start()
    assert json.loads(docker("inspect", "-f", template, "plain").out) == configs[0]


def test_places_on_disk_are_those_of_docker(scow_daemon: Daemon) -> None:
    docker, root = scow_daemon.docker, scow_daemon.data_root
    container = docker("run", "-d", "-v", "vol:/x", "busybox", "echo", "logged").out.strip()
    docker("wait", container)
    log = root / "containers" / container / f"{container}-json.log"
    assert json.loads(log.read_text())["log"] == "logged\n"
    assert docker("inspect", "-f", "{{.LogPath}}", container).out.strip() == str(log)
    for name in ("hostname", "hosts", "resolv.conf"):
        assert (root / "containers" / container / name).is_file()
    assert (root / "volumes" / "vol" / "_data").is_dir()
    assert {"containers", "volumes", "overlay2", "image", "tmp"} <= {path.name for path in root.iterdir()}
    docker("rm", container)
    docker("volume", "rm", "vol")
    running = docker("run", "-d", "busybox", "sleep", "60").out.strip()
    bundle = json.loads((scow_daemon.exec_root / "bundles" / running / "config.json").read_text())
    assert bundle["process"]["args"] == ["sleep", "60"]
    assert Path(bundle["root"]["path"]).is_dir()


@pytest.mark.needs("setpriv")
def test_the_sockets_group_may_use_it(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon("--group", "54321", images=False)
    status = daemon.socket.stat()
    assert (status.st_mode & 0o777, status.st_uid, status.st_gid) == (0o660, 0, 54321)
    daemon.folder.chmod(0o755)
    env = daemon.client("docker").env | {"HOME": "/", "DOCKER_CONFIG": "/nonexistent"}

    def ps(groups: str) -> subprocess.CompletedProcess[str]:
        user = ("setpriv", "--reuid", "65534", "--regid", "65534", "--groups", groups)
        command = daemon.namespace.command(*user, "docker", "ps", "-q")
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)

    assert ps("54321").returncode == 0
    outside = ps("65534")
    assert outside.returncode == 1
    assert "permission denied while trying to connect" in outside.stderr

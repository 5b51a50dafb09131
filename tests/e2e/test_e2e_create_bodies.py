"""What ``POST /containers/create`` refuses, and what it gives back: statuses and messages.

Statuses are those of present Docker, which answers 400 where 20.10 answered 500.
"""

from typing import Any

import pytest

from tests.support.daemons import Daemon

pytestmark = pytest.mark.reference

_MIB = 1 << 20
_PORT = [{"HostPort": "abc"}]


# Host configurations that both engines refuse with the same words.
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"Memory": -1}, "Minimum memory limit allowed is 6MB"),
    ({"Memory": 1000}, "Minimum memory limit allowed is 6MB"),
    (
        {"Memory": 20 * _MIB, "MemorySwap": 10 * _MIB},
        "Minimum memoryswap limit should be larger than memory limit",
    ),
    ({"MemorySwap": 10 * _MIB}, "You should always set the Memory limit when using Memoryswap limit"),
    ({"MemoryReservation": 100}, "Minimum memory reservation allowed is 6MB"),
    (
        {"Memory": 20 * _MIB, "MemoryReservation": 30 * _MIB},
        "Minimum memory limit can not be less than memory res",
    ),
    ({"NanoCpus": -1}, "Range of CPUs is from 0.01 to "),
    ({"NanoCpus": 999 * 10**9}, "Range of CPUs is from 0.01 to "),
    ({"NanoCpus": 10**8, "CpuPeriod": 100000}, "Nano CPUs and CPU Period cannot both be set"),
    ({"NanoCpus": 10**8, "CpuQuota": 100000}, "Nano CPUs and CPU Quota cannot both be set"),
    (
        {"CpuPeriod": 1},
        "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
    ),
    ({"CpuQuota": 1}, "CPU cfs quota can not be less than 1ms (i.e. 1000)"),
    ({"CpusetCpus": "7777"}, "Requested CPUs are not available - requested 7777, available: "),
    ({"CpusetCpus": "a-b"}, "Invalid value a-b for cpuset cpus: invalid format: a-b"),
    ({"CpusetMems": "77"}, "Requested memory nodes are not available - requested 77, available: "),
    ({"ShmSize": -1}, "SHM size can not be less than 0"),
    ({"OomScoreAdj": 2000}, "Invalid value 2000, range for oom score adj is [-1000, 1000]"),
    (
        {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": -3}},
        "maximum retry count cannot be negative",
    ),
    (
        {"AutoRemove": True, "RestartPolicy": {"Name": "always"}},
        "can't create 'AutoRemove' container with restart",
    ),
    ({"PortBindings": {"80/tcp": _PORT}}, 'invalid port specification: "abc"'),
    ({"PortBindings": {"80/tcp": [{"HostPort": "90-80"}]}}, 'invalid port specification: "90-80"'),
    ({"PortBindings": {"None/tcp": [{"HostPort": "80"}]}}, 'invalid port specification: "None'),
    ({"CgroupnsMode": "bogus"}, "invalid cgroup namespace mode: bogus"),
    ({"NetworkMode": "container:"}, "nvalid network mode: invalid container format container:<name|id>"),
    ({"NetworkMode": "host", "Links": ["a:b"]}, "host type networking can't be used with links"),
    (
        {"NetworkMode": "container:x", "PublishAllPorts": True},
        "port publishing and the container type network mode",
    ),
    ({"ExtraHosts": ["noip"]}, 'bad format for add-host: "noip"'),
    ({"ExtraHosts": ["a:b:c"]}, 'invalid IP address in add-host: "b:c"'),
    ({"IpcMode": "container:nobody"}, "No such container: nobody"),
    ({"PidMode": "container:nobody"}, "No such container: nobody"),
    ({"CapAdd": ["BOGUS"]}, 'invalid CapAdd: unknown capability: "CAP_BOGUS"'),
    ({"CapDrop": ["BOGUS"]}, 'invalid CapDrop: unknown capability: "CAP_BOGUS"'),
    (
        {"LogConfig": {"Type": "json-file", "Config": {"bogus": "1"}}},
        "unknown log opt 'bogus' for json-file log driver",
    ),
    ({"Tmpfs": {"/": ""}}, "invalid specification: destination can't be '/'"),
    ({"VolumesFrom": [""]}, "volumes-from specification cannot be an empty string"),
    ({"VolumesFrom": ["nobody"]}, "No such container: nobody"),
    ({"Links": ["nobody:x"]}, "could not get container for nobody: No such container: nobody"),
    ({"Binds": ["v:/x"]}, "volume name is too short, names should be at least two alphanumeric characters"),
    (
        {"Mounts": [{"Type": "bogus", "Target": "/x"}]},
        'invalid mount config for type "bogus": mount type unknown',
    ),
    ({"Mounts": [{"Type": "bind", "Source": "/tmp"}]}, "field Target must not be empty"),
    ({"Mounts": [{"Type": "bind", "Target": "/x"}]}, "field Source must not be empty"),
    ({"Mounts": [{"Type": "tmpfs", "Source": "x", "Target": "/x"}]}, "field Source must not be specified"),
    (
        {"Mounts": [{"Type": "volume", "Target": "/x", "ReadOnly": True}]},
        "must not set ReadOnly mode when using anon",
    ),
]

# What belongs to the container itself.
REFUSED_CONFIGS: list[tuple[dict[str, Any], str]] = [
    ({"Env": ["=x"]}, "invalid environment variable: =x"),
    ({"Env": [""]}, "invalid environment variable: "),
    ({"StopSignal": "SIGBOGUS"}, "nvalid signal: SIGBOGUS"),
    ({"StopSignal": "0"}, "nvalid signal: 0"),
    ({"WorkingDir": "rel"}, "the working directory 'rel' is invalid, it needs to be an absolute path"),
    (
        {"Healthcheck": {"Test": ["CMD", "x"], "Interval": 100}},
        "Interval in Healthcheck cannot be less than 1ms",
    ),
    (
        {"Healthcheck": {"Test": ["CMD", "x"], "Timeout": -1}},
        "Timeout in Healthcheck cannot be less than 1ms",
    ),
    (
        {"Healthcheck": {"Test": ["CMD", "x"], "StartPeriod": 9}},
        "StartPeriod in Healthcheck cannot be less than 1ms",
    ),
    ({"Healthcheck": {"Test": ["CMD", "x"], "Retries": -1}}, "Retries in Healthcheck cannot be negative"),
    ({"Hostname": "x", "HostConfig": {"UTSMode": "host"}}, "conflicting options: hostname and the UTS mode"),
    ({"Hostname": "x", "HostConfig": {"NetworkMode": "container:y"}}, "hostname and the network mode"),
    (
        {"ExposedPorts": {"80/tcp": {}}, "HostConfig": {"NetworkMode": "container:y"}},
        "port exposing and the container",
    ),
]


def create(engine: Daemon, body: dict[str, Any], name: str = "") -> tuple[int, str]:
    """Status and message of a create of busybox."""
    target = f"/v1.41/containers/create?name={name}"
    answer = engine.api("POST", target, {"Image": "busybox", "Cmd": ["true"]} | body)
    return answer.status, answer.message if answer.status >= 400 else ""


def test_settings_of_the_host_that_cannot_be_right(engine: Daemon) -> None:
    wrong = [
        (host, message, found)
        for host, message in REFUSED
        if (found := create(engine, {"HostConfig": host}))[0] != 400 or message not in found[1]
    ]
    assert not wrong


def test_settings_of_the_container_that_cannot_be_right(engine: Daemon) -> None:
    wrong = [
        (body, message, found)
        for body, message in REFUSED_CONFIGS
        if (found := create(engine, body))[0] != 400 or message not in found[1]
    ]
    assert not wrong
    assert engine.api("GET", "/containers/json?all=1").json == []


def test_settings_that_only_present_docker_refuses(scow_daemon: Daemon) -> None:
    refused = {
        "IpcMode": "bogus",
        "PidMode": "bogus",
        "UTSMode": "bogus",
        "CpuShares": -1,
        "SecurityOpt": ["bogus"],
        "Binds": ["/a:/b:bogus"],
        "Links": ["a:b:c"],
        "Isolation": "hyperv",
    }
    wrong = [
        key for key, value in refused.items() if create(scow_daemon, {"HostConfig": {key: value}})[0] != 400
    ]
    assert not wrong
    assert create(scow_daemon, {"Image": "nosuch", "HostConfig": {"Memory": 1}})[0] == 400, (
        "before the image is sought"
    )
    answer = scow_daemon.api(
        "POST", "/v1.44/containers/create", {"Image": "busybox", "HostConfig": {"Annotations": {"": "x"}}}
    )
    assert answer.status == 400
    assert "the empty string is not permitted as an annotation key" in answer.message
    assert create(scow_daemon, {"MacAddress": "zz"}) == (400, "invalid MAC address zz")
    assert create(scow_daemon, {"HostConfig": {"StorageOpt": {"bogus": "1"}}}) == (
        500,
        "Unknown option bogus",
    )


def test_what_was_given_reads_back(engine: Daemon) -> None:
    host = {
        "Binds": ["/tmp:/b:ro,z"], "Tmpfs": {"/t": "size=1m"}, "DeviceCgroupRules": ["c 1:* rwm"],
        "UTSMode": "host", "CgroupnsMode": "host", "Isolation": "default", "VolumeDriver": "nosuch",
        "Runtime": "runc", "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
        "GroupAdd": ["29", "audio"], "Init": False, "Dns": ["192.0.2.1"], "ExtraHosts": ["a:192.0.2.2"],
        "ReadonlyPaths": [], "MaskedPaths": ["/proc/kcore"], "OomScoreAdj": 5,
        "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": ""}]},
    }  # fmt: skip
    body = {"Image": "busybox", "Env": ["Foo", "A=b"], "Cmd": ["true"], "StopTimeout": 7, "Labels": {"x": ""}}
    created = engine.api("POST", "/v1.41/containers/create", body | {"HostConfig": host})
    assert created.status == 201, created.message
    shown = engine.api("GET", f"/v1.41/containers/{created.json['Id']}/json").json
    assert {key: shown["HostConfig"][key] for key in host} == host
    for key, value in body.items():
        if key == "Env":
            assert [entry for entry in shown["Config"]["Env"] if not entry.startswith("PATH=")] == value
        else:
            assert shown["Config"][key] == value


def test_warnings_come_with_the_container(engine: Daemon) -> None:
    host = {"NetworkMode": "host", "PortBindings": {"80/tcp": [{"HostPort": "80"}]}, "OomKillDisable": True}
    created = engine.api("POST", "/containers/create", {"Image": "busybox", "HostConfig": host})
    assert created.status == 201
    warnings = created.json["Warnings"]
    assert "Published ports are discarded when using host network mode" in warnings
    assert any(
        warning.startswith(("OOM killer is disabled", "Your kernel does not sup")) for warning in warnings
    )


@pytest.mark.parametrize("mode", ["bridge", "host"])
def test_a_container_without_network_has_none_whatever_its_mode(engine: Daemon, mode: str) -> None:
    body = {
        "Image": "busybox",
        "Cmd": ["sh", "-c", '[ "$(ls /sys/class/net)" = lo ]'],
        "NetworkDisabled": True,
        "HostConfig": {"NetworkMode": mode},
    }
    container = engine.api("POST", "/v1.41/containers/create", body).json["Id"]
    assert engine.api("POST", f"/v1.41/containers/{container}/start").status == 204
    assert engine.api("POST", f"/v1.41/containers/{container}/wait").json["StatusCode"] == 0
    shown = engine.api("GET", f"/v1.41/containers/{container}/json").json
    assert shown["Config"]["NetworkDisabled"] is True
    assert shown["NetworkSettings"]["Networks"] == {}


def test_an_empty_entrypoint_and_build_instructions_are_the_requests_own(engine: Daemon) -> None:
    created = engine.api("POST", "/v1.41/containers/create", {"Image": "busybox"})
    change = "changes=ENTRYPOINT%20%5B%22echo%22%5D&changes=CMD%20%5B%22sh%22%5D"
    image = engine.api("POST", f"/v1.41/commit?container={created.json['Id']}&{change}").json["Id"]
    body = {"Image": image, "Entrypoint": [], "OnBuild": ["RUN x"]}
    container = engine.api("POST", "/v1.41/containers/create", body).json["Id"]
    shown = engine.api("GET", f"/v1.41/containers/{container}/json").json
    assert (shown["Path"], shown["Config"]["Entrypoint"], shown["Config"]["OnBuild"]) == ("sh", [], ["RUN x"])
    committed = engine.api("POST", f"/v1.41/commit?container={container}").json["Id"]
    assert engine.api("GET", f"/v1.41/images/{committed}/json").json["Config"]["OnBuild"] == ["RUN x"]


def test_a_name_in_use_is_told_before_mistakes_in_mounts_and_links(engine: Daemon) -> None:
    assert create(engine, {}, "taken")[0] == 201
    conflict = 'Conflict. The container name "/taken" is already in use'
    for host in ({"Binds": ["/a:/b:zz"]}, {"VolumesFrom": ["nosuch"]}, {"Links": ["nosuch:a"]}):
        status, message = create(engine, {"HostConfig": host}, "taken")
        assert (status, conflict in message) == (409, True), (host, message)
    for host in ({"Binds": ["/a:/b:zz"]}, {"VolumesFrom": ["nosuch"]}, {"Links": ["nosuch:a"]}):
        assert create(engine, {"HostConfig": host}, "free")[0] >= 400
    assert create(engine, {}, "free")[0] == 201, "what was refused gave its name back"


def test_a_list_leaves_out_what_docker_leaves_out(engine: Daemon) -> None:
    network = engine.api("POST", "/v1.41/networks/create", {"Name": "listed"}).json["Id"]
    endpoint = {"Aliases": ["other"], "DriverOpts": {"a": "b"}}
    body = {
        "Image": "busybox",
        "Cmd": ["echo", "it's a", "b\tc"],
        "HostConfig": {"NetworkMode": "listed"},
        "NetworkingConfig": {"EndpointsConfig": {"listed": endpoint}},
    }
    container = engine.api("POST", "/v1.41/containers/create", body).json["Id"]
    (item,) = engine.api("GET", "/v1.41/containers/json?all=1&size=1").json
    shown = item["NetworkSettings"]["Networks"]["listed"]
    assert [shown[key] for key in ("Aliases", "DriverOpts", "Links")] == [None, None, None]
    assert ("SizeRw" in item, item["SizeRootFs"] > 0) == (False, True)
    assert item["Command"] == "echo 'it's a' b\tc"
    whole = engine.api("GET", f"/v1.41/containers/{container}/json?size=1").json
    assert whole["SizeRw"] == 0
    assert "other" in whole["NetworkSettings"]["Networks"]["listed"]["Aliases"]
    assert engine.api("DELETE", f"/v1.41/containers/{container}").status == 204
    assert engine.api("DELETE", f"/v1.41/networks/{network}").status == 204


def test_annotations_are_listed(scow_daemon: Daemon) -> None:
    body = {"Image": "busybox", "HostConfig": {"Annotations": {"a": "b"}}}
    assert scow_daemon.api("POST", "/v1.50/containers/create", body).status == 201
    (item,) = scow_daemon.api("GET", "/v1.50/containers/json?all=1").json
    assert item["HostConfig"] == {"NetworkMode": "bridge", "Annotations": {"a": "b"}}


@pytest.mark.parametrize("mode", ["host", "none"])
def test_a_container_without_an_endpoint_has_the_id_of_one_while_it_runs(engine: Daemon, mode: str) -> None:
    body = {"Image": "busybox", "Cmd": ["sleep", "600"], "HostConfig": {"NetworkMode": mode}}
    container = engine.api("POST", "/v1.41/containers/create", body).json["Id"]

    def endpoint_id() -> str:
        shown = engine.api("GET", f"/v1.41/containers/{container}/json").json
        return str(shown["NetworkSettings"]["Networks"][mode]["EndpointID"])

    assert endpoint_id() == ""
    ids = set()
    for _ in range(2):
        assert engine.api("POST", f"/v1.41/containers/{container}/start").status == 204
        ids.add(endpoint_id())
        members = engine.api("GET", f"/v1.41/networks/{mode}").json["Containers"]
        assert members[container]["EndpointID"] == endpoint_id()
        assert engine.api("POST", f"/v1.41/containers/{container}/stop?t=0").status == 204
        assert endpoint_id() == ""
    assert {len(it) for it in ids} == {64}
    assert len(ids) == 2


def test_bindings_that_were_not_given_are_null(engine: Daemon) -> None:
    for given, shown in (({}, None), ({"PortBindings": {}}, {})):
        created = engine.api("POST", "/v1.41/containers/create", {"Image": "busybox", "HostConfig": given})
        container = engine.api("GET", f"/v1.41/containers/{created.json['Id']}/json").json
        assert container["HostConfig"]["PortBindings"] == shown


def test_maps_are_in_the_order_of_their_keys(engine: Daemon) -> None:
    body = {
        "Image": "busybox",
        "Labels": {"zz": "1", "aa": "2"},
        "HostConfig": {"PortBindings": {"90/tcp": [], "80/tcp": []}, "LogConfig": {"Config": {}}},
    }
    container = engine.api("POST", "/v1.41/containers/create", body).json["Id"]
    for version in ("1.41", "1.55") if engine.kind == "scowd" else ("1.41",):
        shown = engine.api("GET", f"/v{version}/containers/{container}/json").json
        assert list(shown["Config"]["Labels"]) == ["aa", "zz"]
        assert list(shown["HostConfig"]["PortBindings"]) == ["80/tcp", "90/tcp"]
        assert next(iter(shown)) == "Id", "fields are not sorted"


def test_nobody_connects_a_container_without_network(scow_daemon: Daemon) -> None:
    network = scow_daemon.api("POST", "/v1.41/networks/create", {"Name": "elsewhere"}).json["Id"]
    body = {"Image": "busybox", "Cmd": ["sleep", "600"], "NetworkDisabled": True}
    container = scow_daemon.api("POST", "/v1.41/containers/create", body).json["Id"]
    who = {"Container": container}
    assert scow_daemon.api("POST", f"/v1.41/networks/{network}/connect", who).status == 200
    assert scow_daemon.api("POST", f"/v1.41/containers/{container}/start").status == 204
    answer = scow_daemon.api("POST", "/v1.41/networks/bridge/connect", who)
    assert (answer.status, answer.message) == (404, f"network sandbox for container {container} not found")
    assert scow_daemon.docker("exec", container, "ls", "/sys/class/net").out == "lo\n"
    assert scow_daemon.api("DELETE", f"/v1.41/containers/{container}?force=1").status == 204
    assert scow_daemon.api("DELETE", f"/v1.41/networks/{network}").status == 204

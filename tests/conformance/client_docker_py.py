"""docker-py, by its objects and by its low-level client."""

import io
import itertools
import socket
import tarfile
import threading
import time
from collections.abc import Iterator

import docker
import pytest
from docker.errors import APIError, ContainerError, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.types import Healthcheck, LogConfig, Mount, Ulimit
from docker.utils.socket import frames_iter


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    client = docker.from_env(version="auto")
    yield client
    client.close()


@pytest.fixture
def box(client: docker.DockerClient) -> Iterator[Container]:
    """A container that runs until it is removed."""
    container = client.containers.run("busybox", "sleep 1000", detach=True, network_mode="none")
    yield container
    container.remove(force=True, v=True)


def tar_of(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.uid = len(data), 0o640, 7
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def test_run_gives_the_output_and_raises_on_failure(client: docker.DockerClient) -> None:
    assert client.containers.run("busybox", "echo hello", remove=True) == b"hello\n"
    with pytest.raises(ContainerError) as caught:
        client.containers.run("busybox", "sh -c 'echo wrong >&2; exit 3'", remove=True)
    assert (caught.value.exit_status, caught.value.stderr) == (3, b"wrong\n")
    both = client.containers.run("busybox", "sh -c 'echo a; echo b >&2'", stderr=True, remove=True)
    assert sorted(both.split()) == [b"a", b"b"]


def test_what_was_asked_for_reads_back(client: docker.DockerClient) -> None:
    container = client.containers.create(
        "busybox:latest", ["sleep", "1"], name="py-rich", environment={"A": "b"}, labels={"colour": "blue"},
        working_dir="/tmp", user="1000", hostname="rich", mem_limit="64m", nano_cpus=10**9, pids_limit=50,
        cap_add=["NET_ADMIN"], cap_drop=["MKNOD"], dns=["192.0.2.1"], extra_hosts={"there": "192.0.2.2"},
        ports={"80/tcp": ("127.0.0.1", None)}, restart_policy={"Name": "on-failure", "MaximumRetryCount": 2},
        security_opt=["no-new-privileges"], sysctls={"net.core.somaxconn": "512"}, read_only=True,
        tmpfs={"/scratch": "size=1m"}, ulimits=[Ulimit(name="nofile", soft=512, hard=512)], shm_size="16m",
        log_config=LogConfig(type="json-file", config={"max-size": "1m"}), group_add=["7"], init=True,
    )  # fmt: skip
    try:
        config, host = container.attrs["Config"], container.attrs["HostConfig"]
        assert container.name == "py-rich"
        assert container.status == "created"
        assert container.labels == {"colour": "blue"}
        assert container.image.tags[-1] in ("busybox:latest", "alpine:latest")
        assert "A=b" in config["Env"]
        assert (config["WorkingDir"], config["User"], config["Hostname"]) == ("/tmp", "1000", "rich")
        assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (64 << 20, 10**9, 50)
        assert (host["CapDrop"], host["Dns"], host["GroupAdd"]) == (["MKNOD"], ["192.0.2.1"], ["7"])
        assert host["ExtraHosts"] == ["there:192.0.2.2"]
        assert host["PortBindings"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
        assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 2}
        assert host["Ulimits"] == [{"Name": "nofile", "Hard": 512, "Soft": 512}]
        assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m"}}
        assert (host["ShmSize"], host["Init"], host["Tmpfs"]) == (16 << 20, True, {"/scratch": "size=1m"})
    finally:
        container.remove()


def test_errors_are_of_their_kinds(client: docker.DockerClient, box: Container) -> None:
    with pytest.raises(ImageNotFound, match="o such image"):
        client.api.create_container("no-such-image", "true")
    with pytest.raises(ImageNotFound):
        client.images.get("no-such-image")
    with pytest.raises(NotFound, match="No such container: nobody"):
        client.containers.get("nobody")
    with pytest.raises(NotFound, match="no-such-volume"):
        client.volumes.get("no-such-volume")
    with pytest.raises(APIError, match="is already in use by container") as caught:
        client.containers.create("busybox", name=box.name)
    assert caught.value.status_code == 409
    with pytest.raises(APIError, match=r"container is running|running container") as caught:
        box.remove()
    assert caught.value.status_code == 409
    with pytest.raises(APIError, match="nvalid"):
        client.containers.create("busybox", name="?")
    with pytest.raises(APIError, match="executable file not found") as caught:
        client.containers.run("busybox", "no-such-program", name="py-broken")
    assert caught.value.is_client_error()
    client.containers.get("py-broken").remove()


def test_lists_and_filters(client: docker.DockerClient, box: Container) -> None:
    ended = client.containers.run("busybox", "false", detach=True, labels={"py": "1"}, name="py-ended")
    assert ended.wait()["StatusCode"] == 1
    assert [found.id for found in client.containers.list()] == [box.id]
    assert {found.id for found in client.containers.list(all=True)} == {box.id, ended.id}
    for filters in (
        {"exited": 1},
        {"label": "py=1"},
        {"label": ["py"]},
        {"name": "py-end"},
        {"status": "exited"},
    ):
        assert [found.id for found in client.containers.list(all=True, filters=filters)] == [ended.id]
    assert [found.id for found in client.containers.list(all=True, filters={"before": ended.id})] == [box.id]
    assert [found.id for found in client.containers.list(all=True, filters={"since": box.id})] == [ended.id]
    assert client.containers.list(limit=1)[0].id == ended.id
    assert client.containers.prune(filters={"label": ["py"]})["ContainersDeleted"] == [ended.id]


def test_logs_whole_and_followed(client: docker.DockerClient) -> None:
    container = client.containers.run(
        "busybox",
        "sh -c 'for i in 1 2 3; do echo $i; done; sleep 0.3; echo 4; sleep 0.3; echo err >&2'",
        detach=True,
    )
    assert list(container.logs(stream=True, stderr=False)) == [b"1\n", b"2\n", b"3\n", b"4\n"]
    container.wait()
    assert container.logs(stdout=False) == b"err\n"
    assert container.logs(tail=1) == b"err\n"
    assert container.logs(stderr=False, tail=0) == b""
    stamped = container.logs(stderr=False, timestamps=True).splitlines()
    assert [line.split()[1] for line in stamped] == [b"1", b"2", b"3", b"4"]
    assert container.logs(until=1) == b""
    container.remove()


def test_execs(client: docker.DockerClient, box: Container) -> None:
    assert box.exec_run("echo hello") == (0, b"hello\n")
    assert box.exec_run("sh -c 'exit 5'").exit_code == 5
    assert box.exec_run("sh -c 'echo a; echo b >&2'", demux=True) == (0, (b"a\n", b"b\n"))
    told = box.exec_run("sh -c 'echo $A; pwd; id -u'", environment=["A=b"], workdir="/tmp", user="nobody")
    assert told.output.split() == [b"b", b"/tmp", b"65534"]
    pieces = box.exec_run("sh -c 'echo a; sleep 0.3; echo b'", stream=True).output
    assert b"".join(pieces) == b"a\nb\n"
    assert not box.exec_run("true", detach=True).output
    made = client.api.exec_create(box.id, "tty", tty=True)["Id"]
    assert client.api.exec_start(made, tty=True).strip() == b"/dev/pts/0"
    seen = client.api.exec_inspect(made)
    assert (seen["Running"], seen["ExitCode"], seen["ProcessConfig"]["tty"]) == (False, 0, True)
    with pytest.raises(NotFound):
        client.api.exec_inspect("0" * 64)


def test_a_socket_of_an_exec_goes_both_ways(client: docker.DockerClient, box: Container) -> None:
    made = client.api.exec_create(box.id, "cat", stdin=True)["Id"]
    sock = client.api.exec_start(made, socket=True)
    sock._sock.sendall(b"to and fro")
    sock._sock.shutdown(socket.SHUT_WR)
    assert list(frames_iter(sock, tty=False)) == [(1, b"to and fro")]
    sock.close()


def test_attach_before_the_start_sees_the_first_byte(client: docker.DockerClient) -> None:
    container = client.containers.create("busybox", "sh -c 'echo first; cat'", stdin_open=True, tty=False)
    sock = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    sock._sock.sendall(b"second\n")
    frames = frames_iter(sock, tty=False)
    received = b""
    while received != b"first\nsecond\n":
        received += next(frames)[1]
    sock.close()
    assert container.logs() == received
    container.remove(force=True)


def test_files_in_and_out(box: Container) -> None:
    assert box.put_archive("/tmp", tar_of(new=b"content"))
    assert box.exec_run("stat -c '%a %u %s' /tmp/new").output.split() == [b"640", b"7", b"7"]
    chunks, stat = box.get_archive("/tmp/new")
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        assert archive.extractfile("new").read() == b"content"
    assert (stat["name"], stat["size"], stat["mode"] & 0o777) == ("new", 7, 0o640)
    assert {"Path": "/tmp/new", "Kind": 1} in box.diff()
    with pytest.raises(NotFound):
        box.get_archive("/nope")
    with tarfile.open(fileobj=io.BytesIO(b"".join(box.export()))) as archive:
        assert "tmp/new" in archive.getnames()


def test_an_image_from_a_container(client: docker.DockerClient, box: Container) -> None:
    box.exec_run("touch /marked")
    image = box.commit("py-commit", "1", changes=["USER 7"], author="me", message="made here")
    try:
        assert image.tags == ["py-commit:1"]
        assert image.history()[0]["Comment"] == "made here"
        assert (
            client.containers.run("py-commit:1", "sh -c 'ls /marked; id -u'", remove=True) == b"/marked\n7\n"
        )
        assert image.tag("py-other", "2")
        saved = b"".join(image.save(named=True))
        client.images.remove("py-other:2")
        client.images.remove("py-commit:1")
        assert client.images.load(saved)[0].id == image.id
    finally:
        client.images.remove(image.id, force=True)
    assert not client.images.list("py-commit")


def test_images_are_listed_by_name_and_label(client: docker.DockerClient) -> None:
    client.api.import_image_from_data(tar_of(x=b"x"), repository="py-imported", changes=["LABEL py=1"])
    assert [found.tags for found in client.images.list(filters={"label": "py=1"})] == [["py-imported:latest"]]
    assert client.images.list("py-imported")
    assert client.images.list("py-nothing") == []
    client.images.remove("py-imported")


def test_volumes(client: docker.DockerClient) -> None:
    volume = client.volumes.create("py-volume", labels={"a": "b"})
    assert client.volumes.get("py-volume").attrs["Labels"] == {"a": "b"}
    mounts = [Mount("/data", "py-volume")]
    client.containers.run("busybox", "sh -c 'echo kept > /data/f'", mounts=mounts, remove=True)
    reader = {"py-volume": {"bind": "/data", "mode": "ro"}}
    assert client.containers.run("busybox", "cat /data/f", volumes=reader, remove=True) == b"kept\n"
    assert [found.name for found in client.volumes.list(filters={"name": "py-vol"})] == ["py-volume"]
    user = client.containers.create("busybox", mounts=mounts)
    with pytest.raises(APIError, match="volume is in use"):
        volume.remove()
    user.remove()
    volume.remove()
    with pytest.raises(NotFound):
        client.volumes.get("py-volume")


def test_verbs(client: docker.DockerClient, box: Container) -> None:
    def status() -> str:
        box.reload()
        return box.status

    box.pause()
    assert status() == "paused"
    box.unpause()
    box.rename("py-renamed")
    assert status() == "running"
    assert box.name == "py-renamed"
    box.update(mem_limit="32m", memswap_limit="32m", restart_policy={"Name": "unless-stopped"})
    box.reload()
    assert (box.attrs["HostConfig"]["Memory"], box.attrs["HostConfig"]["RestartPolicy"]["Name"]) == (
        32 << 20,
        "unless-stopped",
    )
    started = box.attrs["State"]["StartedAt"]
    box.restart(timeout=0)
    box.reload()
    assert box.attrs["State"]["StartedAt"] > started
    assert box.top()["Processes"][0][-1] == "sleep 1000"
    box.kill("SIGKILL")
    assert status() == "exited"
    assert box.attrs["State"]["ExitCode"] == 137
    with pytest.raises(APIError, match="is not running"):
        box.kill()
    box.start()
    box.stop(timeout=0)
    assert status() == "exited"


def test_health_and_stats(client: docker.DockerClient) -> None:
    check = Healthcheck(test=["CMD", "true"], interval=10**8, retries=1)
    container = client.containers.run("busybox", "sleep 1000", detach=True, healthcheck=check)
    deadline = time.monotonic() + 120
    while container.health != "healthy":
        assert time.monotonic() < deadline
        time.sleep(0.05)  # this runs in a Python of its own, without tests.support
        container.reload()
    sample = container.stats(stream=False)
    assert sample["pids_stats"]["current"] >= 1
    assert (
        sample["cpu_stats"]["cpu_usage"]["total_usage"] >= sample["precpu_stats"]["cpu_usage"]["total_usage"]
    )
    two = list(itertools.islice(container.stats(decode=True), 2))
    assert two[0]["read"] < two[1]["read"]
    container.remove(force=True)


def test_events_in_their_order(client: docker.DockerClient) -> None:
    seen: list[str] = []
    events = client.events(decode=True, filters={"type": "container", "label": "py-events"})

    def listen() -> None:
        for event in events:
            seen.append(event["Action"])
            if event["Action"] == "destroy":
                return

    listener = threading.Thread(target=listen)
    listener.start()
    client.containers.run("busybox", "true", labels=["py-events"], remove=True)
    listener.join(120)
    events.close()
    assert not listener.is_alive()
    assert [action for action in seen if action != "attach"] == ["create", "start", "die", "destroy"]


def test_the_engine_describes_itself(client: docker.DockerClient) -> None:
    assert client.ping()
    version, info, usage = client.version(), client.info(), client.df()
    assert {"Version", "ApiVersion", "MinAPIVersion", "GoVersion", "Os", "Arch", "Components"} <= set(version)
    assert {"ID", "Containers", "Images", "OSType", "Swarm", "RegistryConfig", "Plugins"} <= set(info)
    assert {"LayersSize", "Images", "Containers", "Volumes", "BuildCache"} <= set(usage)
    assert {"bridge", "host", "none"} <= {network.name for network in client.networks.list()}

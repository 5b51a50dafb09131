"""What goes wrong for people and programs: Docker's message, exit code and status."""

import contextlib
import json
import os
import subprocess
from collections.abc import Callable

import pytest

from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.clients import Client
from tests.support.daemons import Daemon
from tests.support.http import send_raw
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference


def test_no_daemon(client: Client) -> None:
    host = f"unix://{client.daemon.folder}/nobody-here"
    for command in (("ps",), ("images",)):
        error = client(*command, env={"DOCKER_HOST": host}, code=1).err
        assert f"Cannot connect to the Docker daemon at {host}. Is the docker daemon running?" in error
    assert client("run", "busybox", env={"DOCKER_HOST": host}, code=125).err


def test_no_permission_for_the_socket(client: Client) -> None:
    socket = client.daemon.socket
    mode = socket.stat().st_mode
    without_override = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", "--")
    socket.chmod(0)
    try:
        done = subprocess.run(
            [*without_override, *client.argv("ps")[3:]], env=client.env, capture_output=True, text=True
        )
    finally:
        socket.chmod(mode)
    assert done.returncode == 1
    assert "permission denied while trying to connect to the Docker daemon socket" in done.stderr


def test_no_such_image(client: Client) -> None:
    error = client("run", "--rm", "nosuchimage:1", "true", code=125).err
    assert "Unable to find image 'nosuchimage:1' locally" in error
    error = client("run", "--pull", "never", "nosuchimage", "true", code=125).err
    assert "No such image: nosuchimage:latest" in error
    assert "invalid reference format" in client("run", "UPPER", "true", code=125).err
    assert client.text("ps", "-aq") == ""


@pytest.mark.parametrize(
    "command",
    ["start", "stop", "kill", "restart", "pause", "unpause", "rm", "wait", "logs", "top", "port", "attach"],
)
def test_no_such_container(client: Client, command: str) -> None:
    assert "No such container: nobody" in client(command, "nobody", code=1).err


def test_an_exec_that_cannot_start_says_why_in_its_stream(client: Client) -> None:
    client("run", "-d", "--name", "host", "busybox", "sleep", "600")
    for options, message in (
        (("-u", "nope"), "unable to find user nope: no matching entries in passwd file"),
        (("-u", "1:nope"), "unable to find group nope: no matching entries in group file"),
        (("-w", "relative"), "OCI runtime exec failed: exec failed: Cwd must be an absolute path: unknown"),
    ):
        done = client("exec", *options, "host", "true", code=126)
        assert (done.out + done.err).strip() == message
    assert "Invalid escape keys (bad)" in client("exec", "--detach-keys", "bad", "host", "true", code=1).err


def test_refusals_name_what_was_being_done(client: Client) -> None:
    client("run", "-d", "--name", "host", "busybox", "sleep", "600")
    client("create", "--name", "other", "busybox")
    assert "annot kill container: nobody: No such container" in client("kill", "nobody", code=1).err
    for name, reason in (("other", 'The container name "/other" is already in use'), ("a b", "(/a b), only")):
        error = client("rename", "host", name, code=1).err
        assert "Error when allocating new name: " in error
        assert reason in error
    assert (
        client("top", "host", "bad", code=1)
        .err.strip()
        .endswith("ps: error: unsupported option (BSD syntax)")
    )
    for wanted, reason in (
        ("exited=bad", 'strconv.Atoi: parsing "bad": invalid syntax'),
        ("publish=bad", 'error while looking up for publish bad: strconv.ParseUint: parsing "bad"'),
        ("expose=70000", 'strconv.ParseUint: parsing "70000": value out of range'),
        ("publish=5-3", "nvalid range specified for"),
        ("publish=a:b", "filter for 'publish' should not contain ':': a:b"),
    ):
        assert reason in client("ps", "--filter", wanted, code=1).err


def test_the_epoch_is_a_time_for_events(client: Client) -> None:
    client("create", "--name", "born", "busybox")
    seen = client.text("events", "--since", "0", "--until", "0", "--filter", "container=born")
    assert "container create" in seen


def test_a_name_in_use_or_not_allowed(client: Client) -> None:
    container = client.text("create", "--name", "taken", "busybox")
    error = client("run", "--name", "taken", "busybox", "true", code=125).err
    assert (
        f'Conflict. The container name "/taken" is already in use by container "{container}". '
        "You have to remove (or rename) that container to be able to reuse that name." in error
    )
    error = client("create", "--name", "no/slash", "busybox", code=1).err
    assert "Invalid container name (no/slash), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed" in error


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--memory", "1m", "busybox"], 125, "Minimum memory limit allowed is 6MB"),
        (["--cpus", "1000", "busybox"], 125, "Range of CPUs is from 0.01 to"),
        (["-v", "relative/path/:rel", "busybox"], 125, "mount path must be absolute"),
        (["-v", "/a:/d", "-v", "/b:/d", "busybox"], 125, "Duplicate mount point: /d"),
        (["-p", "99999:80", "busybox"], 125, "99999"),
        (["--restart", "sometimes", "busybox"], 125, "invalid restart policy"),
        (["--nosuchflag", "busybox"], 125, "unknown flag: --nosuchflag"),
        (
            ["-u", "nosuchuser", "busybox", "true"],
            125,
            "unable to find user nosuchuser: no matching entries in passwd file",
        ),
        (["--cap-add", "NOSUCH", "busybox"], 125, "CAP_NOSUCH"),
        (["--ulimit", "nosuch=1", "busybox"], 125, "invalid ulimit type: nosuch"),
        (["--env-file", "/nonexistent", "busybox"], 125, "no such file or directory"),
        (
            ["-w", "relative", "busybox"],
            125,
            "the working directory 'relative' is invalid, it needs to be an absolute path",
        ),
        (["--rm", "--restart", "always", "busybox"], 125, "onflicting options"),
        (
            ["-d", "-a", "stdout", "busybox"],
            1,
            "conflicting options: cannot specify both --attach and --detach",
        ),
    ],
)
def test_run_refuses_what_cannot_be_right(
    client: Client, arguments: list[str], code: int, message: str
) -> None:
    error = client("run", "--name", "wrong", *arguments, code=code).err
    assert message in error
    client("rm", "-f", "wrong", code=None)


@pytest.mark.not_on_dockerd("dockerd honours them")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--storage-opt", "size=1g"], "--storage-opt is supported only for overlay over xfs"),
    ],
)
def test_what_would_have_no_effect_is_refused(client: Client, arguments: list[str], message: str) -> None:
    client("create", "--name", "donor", "busybox")
    assert message in client("run", "--rm", *arguments, "busybox", "true", code=125).err
    assert client.text("ps", "-a", "--format", "{{.Names}}") == "donor"


def test_an_image_without_a_command_needs_one(client: Client) -> None:
    layer = Layer()
    layer.file("only", "x")
    client.daemon.load(docker_archive([ArchiveImage([layer.data()], ["bare:1"], {"Cmd": None})]))
    assert "no command specified" in client("run", "bare:1", code=125).err.lower()
    client("rmi", "bare:1")


# ---- the API itself ------------------------------------------------------------------------------------


@pytest.mark.not_on_dockerd("the reference is older and names no fields")
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", ["json"]),
        (b"[]", []),
        (b"", ["EOF"]),
        (b'{"Image": 5}', ["Image"]),
        (b'{"Image": "busybox", "Cmd": {"a": 1}}', ["Cmd"]),
        (b'{"Image": "busybox", "HostConfig": {"Memory": "lots"}}', ["Memory"]),
        (b'{"Image": "busybox", "HostConfig": {"Ulimits": [{"Name": 3}]}}', ["Ulimits", "Name"]),
        (b'{"Image": "busybox", "ExposedPorts": []}', ["ExposedPorts"]),
        (b'{"Image": "busybox"} trailing', ["json"]),
        (b'\xff\xfe{"Image": "busybox"}', []),
        (b"[" * 100_000, []),
    ],
)
def test_a_wrong_body_is_a_400_that_names_the_field(client: Client, body: bytes, words: list[str]) -> None:
    answer = client.daemon.api("POST", "/containers/create", body)
    assert answer.status == 400, answer.body
    assert answer.headers["content-type"] == "application/json"
    for word in words:
        assert word.lower() in answer.message.lower()
    assert client.text("ps", "-aq") == ""


@pytest.mark.not_on_dockerd("the reference stops at API 1.41")
@pytest.mark.parametrize(
    ("method", "target", "status", "message"),
    [
        ("GET", "/nosuchroute", 404, "page not found"),
        (
            "GET",
            "/v1.99/containers/json",
            400,
            "client version 1.99 is too new. Maximum supported API version is 1.55",
        ),
        (
            "GET",
            "/v1.12/containers/json",
            400,
            "client version 1.12 is too old. Minimum supported API version is 1.24",
        ),
        ("GET", "/containers/json?filters=nonsense", 400, ""),
        ("GET", "/containers/json?limit=many", 400, ""),
        ("POST", "/containers/nobody/start", 404, "No such container: nobody"),
        ("POST", "/containers/nobody/kill?signal=9", 404, "No such container: nobody"),
        ("GET", "/images/nobody/json", 404, "No such image: nobody"),
        ("GET", "/containers/nobody/logs?stdout=1", 404, "No such container: nobody"),
        ("DELETE", "/containers/nobody", 404, "No such container: nobody"),
    ],
)
def test_the_api_answers_errors_as_docker_does(
    client: Client, method: str, target: str, status: int, message: str
) -> None:
    answer = client.api(method, target)
    assert answer.status == status, answer.body
    assert message in answer.body.decode()
    assert list(json.loads(answer.body)) == ["message"]


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /_ping HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"b" * 2_000_000 + b"\r\n\r\n",
        b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: minus one\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    ],
    ids=["words", "version", "huge header", "length", "tls"],
)
def test_what_is_not_http_is_refused_and_the_daemon_goes_on(client: Client, data: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        received = send_raw(str(client.daemon.socket), data)
        assert received[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 431", b"HTTP/1.1 505", b"HTTP/1.0 400", b"")
    assert client.api("GET", "/_ping").body == b"OK"


def test_ping_and_version_negotiate(client: Client) -> None:
    ping = client.api("GET", "/_ping")
    assert (ping.status, ping.body, ping.headers["ostype"]) == (200, b"OK", "linux")
    head = client.api("HEAD", "/_ping")
    assert (head.status, head.body, head.headers["api-version"]) == (200, b"", ping.headers["api-version"])
    version = client.api("GET", "/version").json
    assert version["ApiVersion"] == ping.headers["api-version"]
    assert client.api("GET", "/v1.24/version").status == 200
    info = client.api("GET", "/v1.41/info").json
    assert (info["OSType"], info["Containers"]) == ("linux", 0)
    assert client.text("version", "--format", "{{.Server.APIVersion}}") == version["ApiVersion"]
    assert client.text("info", "--format", "{{.Driver}}") == "overlay2"


# ---- scowd without what it needs ------------------------------------------------------------------------


def test_a_runtime_that_is_missing_or_unknown(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon("--add-runtime", "gone=/nonexistent/runc")
    error = daemon.scow("run", "--runtime", "nosuch", "busybox", "true", code=125).err
    assert "unknown or invalid runtime name: nosuch" in error
    error = daemon.scow("run", "--rm", "--runtime", "gone", "busybox", "true", code=None)
    assert error.code in (125, 127)
    assert "/nonexistent/runc" in error.err
    assert daemon.scow("run", "--rm", "busybox", "echo", "fine").out == "fine\n"
    wait_until(lambda: os.listdir(daemon.exec_root / "bundles") == [], "no bundle is left")


def test_a_start_that_fails_is_told_once(client: Client) -> None:
    failed = client("run", "-d", "--name", "never", "busybox", "nosuch", code=127)
    assert failed.err.count("executable file not found in $PATH") == 1
    assert "Error waiting" not in failed.err
    client("rm", "never")

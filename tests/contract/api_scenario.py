"""One scenario that calls every operation of an engine, to succeed and to fail, in one version of the API."""

import base64
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from tests.support.daemons import Daemon
from tests.support.engine_api import ApiDocument
from tests.support.http import Answer, request, send_raw
from tests.support.waiting import wait_until

# What a container can be told that inspect shows again.
RICH = {
    "Hostname": "rich",
    "User": "1000",
    "Env": ["A=b", "NOVALUE"],
    "Cmd": ["sh", "-c", "echo out; echo err >&2; exec sleep 1000"],
    "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
    "Volumes": {"/anonymous": {}},
    "WorkingDir": "/tmp",
    "Labels": {"colour": "blue"},
    "StopSignal": "SIGKILL",
    "StopTimeout": 3,
    "HostConfig": {
        "Binds": ["/tmp:/host:ro", "contract-named:/named"],
        "Memory": 64 << 20,
        "MemorySwap": 64 << 20,
        "NanoCpus": 10**9,
        "PidsLimit": 50,
        "CapAdd": ["NET_ADMIN"],
        "CapDrop": ["MKNOD"],
        "Dns": ["192.0.2.1"],
        "DnsSearch": ["example.org"],
        "DnsOptions": ["ndots:2"],
        "ExtraHosts": ["there:192.0.2.2"],
        "GroupAdd": ["7"],
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
        "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]},
        "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2},
        "SecurityOpt": ["no-new-privileges"],
        "Sysctls": {"net.core.somaxconn": "512"},
        "Tmpfs": {"/scratch": "size=1m"},
        "Ulimits": [{"Name": "nofile", "Soft": 512, "Hard": 512}],
        "Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/zilch", "CgroupPermissions": "r"}],
        "Mounts": [{"Type": "tmpfs", "Target": "/mnt/tmp", "TmpfsOptions": {"SizeBytes": 1 << 20}}],
    },
}
PLAIN = {"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": {"NetworkMode": "none"}}
# Where the reference is older than the documents: dockerd 20.10 has no class of error for these.
OLDER_STATUS = {
    ("GET /events", 400): 500,
    ("POST /images/{name}/tag", 400): 500,
    ("PUT /containers/{id}/archive", 400): 500,
}
MISSING = "no-such-thing"


@dataclass(frozen=True)
class Exchange:
    """One answer, with the operation that it is an answer to."""

    operation: str
    answer: Answer

    @property
    def values(self) -> list[Any]:
        """The JSON values of the body; more than one in a stream, none if it is something else."""
        if "json" not in self.answer.headers.get("content-type", ""):
            return []
        decoder, text, found = json.JSONDecoder(), self.answer.body.decode().strip(), []
        while text:
            value, end = decoder.raw_decode(text)
            found.append(value)
            text = text[end:].lstrip()
        return found


class Driver:
    """Calls operations by the name they have in the document, and remembers the answers."""

    def __init__(self, daemon: Daemon, version: str) -> None:
        self.daemon = daemon
        self.document = ApiDocument(version)
        self.exchanges: list[Exchange] = []

    def knows(self, operation: str) -> bool:
        """Whether the version has this operation."""
        return operation in self.document.operations

    def call(
        self,
        operation: str,
        status: int,
        body: object = None,
        *,
        id: str = "",
        query: Any = (),
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Do it; ``status`` must be the answer's. ``id`` fills the one placeholder of the path."""
        method, _, template = operation.partition(" ")
        path = template.replace("{id}", quote(id)).replace("{name}", quote(id, safe="/:"))
        if query:
            path += "?" + urlencode(query)
        target = f"/v{self.document.version}{path}"
        answer = request(str(self.daemon.socket), method, target, body, headers=headers, timeout_s=30)
        self._record(operation, answer, status)
        return answer

    def upgrade(self, operation: str, status: int, *, id: str, query: str, headers: str) -> None:
        """The same for an operation that takes the connection over; what follows the head is not read."""
        method, _, template = operation.partition(" ")
        path = f"/v{self.document.version}{template.replace('{id}', id)}?{query}"
        raw = send_raw(
            str(self.daemon.socket), f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode()
        )
        self._record(operation, Answer(int(raw.split(None, 2)[1]), {}, b""), status)

    def _record(self, operation: str, answer: Answer, status: int) -> None:
        assert self.knows(operation), f"{operation} is not in the document of {self.document.version}"
        self.exchanges.append(Exchange(operation, answer))
        if self.daemon.kind == "dockerd":
            status = OLDER_STATUS.get((operation, status), status)
        seen = f"{operation}: {answer.status} instead of {status}: {answer.body[:300]!r}"
        assert answer.status == status, seen


def drive(driver: Driver) -> None:
    """The whole scenario; leaves no object behind."""
    for part in (system, images, volumes, networks, refusals, life, streams, files, ended):
        part(driver)


def system(driver: Driver) -> None:
    call = driver.call
    call("GET /_ping", 200)
    if driver.knows("HEAD /_ping"):
        call("HEAD /_ping", 200)
    call("GET /version", 200)
    call("GET /info", 200)
    call("GET /events", 400, query={"since": "nonsense"})
    call("POST /auth", 500, {"username": "a", "password": "b", "serveraddress": "127.0.0.1:1"})


def images(driver: Driver) -> None:
    call = driver.call
    call("GET /images/json", 200, query={"all": 1})
    call("GET /images/json", 200, query={"filters": '{"dangling":["true"]}'})
    call("GET /images/{name}/json", 200, id="busybox")
    call("GET /images/{name}/json", 404, id=MISSING)
    call("GET /images/{name}/history", 200, id="busybox:latest")
    call("GET /images/{name}/history", 404, id=MISSING)
    call("POST /images/{name}/tag", 201, id="busybox", query={"repo": "registry.test:5000/a/b", "tag": "c"})
    call("POST /images/{name}/tag", 404, id=MISSING, query={"repo": "a"})
    call("POST /images/{name}/tag", 400, id="busybox", query={"repo": "A"})
    call("DELETE /images/{name}", 200, id="registry.test:5000/a/b:c")
    call("DELETE /images/{name}", 404, id=MISSING)
    created = call(
        *("POST /images/create", 200, _tar("file")),
        query={"fromSrc": "-", "repo": "imported", "message": "by hand", "changes": "LABEL imported=1"},
        headers={"Content-Type": "application/x-tar"},
    )
    assert b"sha256:" in created.body
    call("GET /images/{name}/json", 200, id="imported")
    if driver.knows("POST /images/prune"):
        call("POST /images/prune", 200, query={"filters": '{"dangling":["false"],"label":["imported"]}'})
    else:
        call("DELETE /images/{name}", 200, id="imported")
    call("POST /images/load", 200, b"no archive", headers={"Content-Type": "application/x-tar"})
    call("GET /images/{name}/get", 200, id="busybox")
    call("GET /images/get", 200, query={"names": "busybox"})
    call("POST /images/{name}/push", 200, id=MISSING, headers={"X-Registry-Auth": "e30="})
    if driver.knows("GET /distribution/{name}/json"):
        call("GET /distribution/{name}/json", 400, id="A")
    if driver.knows("POST /build/prune"):
        call("POST /build/prune", 200)


def volumes(driver: Driver) -> None:
    call = driver.call
    call("POST /volumes/create", 201, {"Name": "contract-v", "Labels": {"a": "b"}})
    call("POST /volumes/create", 201, {"Name": "contract-v"})
    call("GET /volumes", 200)
    call("GET /volumes", 200, query={"filters": '{"name":["contract-v"]}'})
    call("GET /volumes/{name}", 200, id="contract-v")
    call("GET /volumes/{name}", 404, id=MISSING)
    call("DELETE /volumes/{name}", 404, id=MISSING)
    call("DELETE /volumes/{name}", 204, id="contract-v")
    if driver.knows("POST /volumes/prune"):
        call("POST /volumes/prune", 200)


def networks(driver: Driver) -> None:
    call = driver.call
    call("GET /networks", 200)
    call("GET /networks/{id}", 200, id="bridge")
    call("GET /networks/{id}", 404, id=MISSING)
    pool = {"Subnet": "10.99.0.0/24", "IPRange": "10.99.0.128/25", "AuxiliaryAddresses": {"a": "10.99.0.9"}}
    labels, options = {"a": "b"}, {"com.docker.network.driver.mtu": "1400"}
    body = {"Name": "contract-n", "CheckDuplicate": True, "IPAM": {"Config": [pool]}, "Labels": labels}
    call("POST /networks/create", 201, {**body, "Options": options})
    call("POST /networks/create", 404, {"Name": "contract-x", "Driver": "nosuch"})
    call("GET /networks/{id}", 200, id="contract-n")
    create = {"Image": "busybox", "Cmd": ["sleep", "600"]}
    call("POST /containers/create", 201, create, query={"name": "contract-guest"})
    call("POST /containers/{id}/start", 204, id="contract-guest")
    endpoint = {"Aliases": ["db"], "IPAMConfig": {"IPv4Address": "10.99.0.7"}}
    joining = {"Container": "contract-guest", "EndpointConfig": endpoint}
    call("POST /networks/{id}/connect", 200, joining, id="contract-n")
    call("POST /networks/{id}/connect", 403, joining, id="contract-n")
    call("POST /networks/{id}/connect", 404, joining, id=MISSING)
    call("GET /networks/{id}", 200, id="contract-n")
    call("GET /containers/{id}/json", 200, id="contract-guest")
    call("DELETE /networks/{id}", 403, id="contract-n")
    call("POST /networks/{id}/disconnect", 200, {"Container": "contract-guest"}, id="contract-n")
    call("POST /networks/{id}/disconnect", 404, {"Container": MISSING}, id="contract-n")
    call("DELETE /containers/{id}", 204, id="contract-guest", query={"force": "1"})
    call("DELETE /networks/{id}", 204, id="contract-n")
    call("DELETE /networks/{id}", 404, id=MISSING)
    if driver.knows("POST /networks/prune"):
        call("POST /networks/prune", 200)


def refusals(driver: Driver) -> None:
    """Whatever names a container says 404 when there is none."""
    call = driver.call
    call("POST /containers/create", 400, {"Image": "busybox"}, query={"name": "?"})
    call("POST /containers/create", 400, {"Image": "busybox", "HostConfig": {"Memory": 1}})
    call("POST /containers/create", 404, {"Image": MISSING})
    call("GET /containers/json", 400, query={"filters": '{"nosuch":["x"]}'})
    for verb in ("start", "stop", "restart", "kill", "pause", "unpause", "wait", "attach"):
        call(f"POST /containers/{{id}}/{verb}", 404, id=MISSING)
    call("POST /containers/{id}/rename", 404, id=MISSING, query={"name": "new-name"})
    call("POST /containers/{id}/resize", 404, id=MISSING, query={"h": 1, "w": 1})
    call("POST /containers/{id}/update", 404, {}, id=MISSING)
    call("POST /containers/{id}/exec", 404, {"Cmd": ["true"]}, id=MISSING)
    call("POST /commit", 404, query={"container": MISSING})
    for noun in ("json", "top", "changes", "export"):
        call(f"GET /containers/{{id}}/{noun}", 404, id=MISSING)
    call("GET /containers/{id}/logs", 404, id=MISSING, query={"stdout": 1})
    call("GET /containers/{id}/stats", 404, id=MISSING, query={"stream": 0})
    for method in ("GET", "HEAD", "PUT"):
        call(f"{method} /containers/{{id}}/archive", 404, id=MISSING, query={"path": "/"})
    call("DELETE /containers/{id}", 404, id=MISSING)
    call("GET /exec/{id}/json", 404, id=MISSING)
    call("POST /exec/{id}/start", 404, {}, id=MISSING)
    call("POST /exec/{id}/resize", 404, id=MISSING, query={"h": 1, "w": 1})


def life(driver: Driver) -> None:
    """Every state that a container has, and every verb between them."""
    call = driver.call
    image = "busybox"
    created = call("POST /containers/create", 201, {"Image": image, **RICH}, query={"name": "contract-rich"})
    ident = created.json["Id"]
    call("POST /containers/create", 409, {"Image": image}, query={"name": "contract-rich"})
    call("GET /containers/{id}/json", 200, id="contract-rich")
    call("GET /containers/json", 200, query={"all": 1})
    call("POST /containers/{id}/start", 204, id=ident)
    call("POST /containers/{id}/start", 304, id=ident)
    call("GET /containers/{id}/json", 200, id=ident, query={"size": 1})
    call("GET /volumes/{name}", 200, id="contract-named")
    call("GET /containers/json", 200, query={"size": 1})
    call("GET /networks/{id}", 200, id="bridge")
    call("GET /containers/{id}/top", 200, id=ident)
    call("GET /containers/{id}/stats", 200, id=ident, query={"stream": 0, "one-shot": 1})
    update = {"Memory": 48 << 20, "MemorySwap": 48 << 20, "RestartPolicy": {"Name": "no"}}
    call("POST /containers/{id}/update", 200, update, id=ident)
    call("POST /containers/{id}/pause", 204, id=ident)
    call("GET /containers/{id}/json", 200, id=ident)
    call("POST /containers/{id}/pause", 409, id=ident)
    call("POST /containers/{id}/unpause", 204, id=ident)
    call("POST /containers/{id}/rename", 204, id=ident, query={"name": "contract-renamed"})
    call("POST /containers/{id}/rename", 400, id=ident, query={"name": "contract-renamed"})
    call("DELETE /containers/{id}", 409, id=ident)
    call("DELETE /volumes/{name}", 409, id="contract-named")
    call("DELETE /images/{name}", 409, id=_image_of(driver, ident))
    call("POST /containers/{id}/restart", 204, id=ident, query={"t": 0})
    call("POST /containers/{id}/stop", 204, id=ident)
    call("POST /containers/{id}/stop", 304, id=ident)
    call("POST /containers/{id}/kill", 409, id=ident)
    call("GET /containers/{id}/json", 200, id=ident)
    call("GET /containers/{id}/stats", 200, id=ident, query={"stream": 0, "one-shot": 1})
    call("DELETE /containers/{id}", 204, id=ident, query={"v": 1})
    call("DELETE /volumes/{name}", 204, id="contract-named")


def _image_of(driver: Driver, ident: str) -> str:
    image: str = driver.daemon.api("GET", f"/containers/{ident}/json").json["Image"]
    return image


def streams(driver: Driver) -> None:
    """Output, execs, a terminal and a health check."""
    call = driver.call
    health = {"Test": ["CMD", "true"], "Interval": 10**8, "Retries": 1}
    body = PLAIN | {"Tty": True, "OpenStdin": True, "Cmd": ["sh"], "Healthcheck": health}
    ident = call("POST /containers/create", 201, body, query={"name": "contract-tty"}).json["Id"]
    call("GET /containers/{id}/json", 200, id=ident)
    call("POST /containers/{id}/start", 204, id=ident)
    call("POST /containers/{id}/resize", 200, id=ident, query={"h": 20, "w": 70})
    call("GET /containers/{id}/logs", 200, id=ident, query={"stdout": 1})
    call("GET /containers/{id}/logs", 400, id=ident)
    call("POST /containers/{id}/attach", 200, id=ident, query={"logs": 1, "stdout": 1})
    tcp = "Connection: Upgrade\r\nUpgrade: tcp\r\n"
    driver.upgrade("POST /containers/{id}/attach", 101, id=ident, query="stdout=1&logs=1", headers=tcp)
    websocket = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://x\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    )
    query = "stdout=1&logs=1"
    driver.upgrade("GET /containers/{id}/attach/ws", 101, id=ident, query=query, headers=websocket)
    _execs(driver, ident)
    wait_until(lambda: _probed(driver, ident), "a first probe")
    call("GET /containers/{id}/json", 200, id=ident)
    call("GET /containers/json", 200)
    call("POST /containers/{id}/kill", 204, id=ident, query={"signal": "KILL"})
    call("POST /containers/{id}/wait", 200, id=ident)
    call("POST /containers/{id}/exec", 409, {"Cmd": ["true"]}, id=ident)
    call("GET /containers/{id}/top", 409, id=ident)
    call("DELETE /containers/{id}", 204, id=ident)


def _probed(driver: Driver, ident: str) -> bool:
    state = driver.daemon.api("GET", f"/containers/{ident}/json").json["State"]
    return bool(state["Health"]["Log"])


def _execs(driver: Driver, ident: str) -> None:
    call = driver.call
    call("POST /containers/{id}/exec", 400, {}, id=ident)
    wanted = {"Cmd": ["echo", "x"], "AttachStdout": True, "Env": ["A=b"], "User": "0", "WorkingDir": "/tmp"}
    exec_id = call("POST /containers/{id}/exec", 201, wanted, id=ident).json["Id"]
    call("GET /exec/{id}/json", 200, id=exec_id)
    call("POST /exec/{id}/start", 200, {"Detach": False, "Tty": False}, id=exec_id)
    call("GET /exec/{id}/json", 200, id=exec_id)
    call("POST /exec/{id}/start", 409, {"Detach": True}, id=exec_id)
    wanted = {"Cmd": ["sleep", "100"], "Tty": True, "DetachKeys": "ctrl-x"}
    exec_id = call("POST /containers/{id}/exec", 201, wanted, id=ident).json["Id"]
    call("POST /exec/{id}/start", 200, {"Detach": True, "Tty": True}, id=exec_id)
    call("GET /exec/{id}/json", 200, id=exec_id)
    call("GET /containers/{id}/json", 200, id=ident)


def files(driver: Driver) -> None:
    """Archives in and out, and images out of containers."""
    call = driver.call
    ident = call("POST /containers/create", 201, PLAIN, query={"name": "contract-files"}).json["Id"]
    tar = {"Content-Type": "application/x-tar"}
    call("GET /containers/{id}/changes", 200, id=ident)
    call("PUT /containers/{id}/archive", 200, _tar("new"), id=ident, query={"path": "/tmp"}, headers=tar)
    call("PUT /containers/{id}/archive", 404, _tar("new"), id=ident, query={"path": "/nope"}, headers=tar)
    call("PUT /containers/{id}/archive", 400, b"junk" * 300, id=ident, query={"path": "/tmp"}, headers=tar)
    for method in ("GET", "HEAD"):
        found = call(f"{method} /containers/{{id}}/archive", 200, id=ident, query={"path": "/tmp/new"})
        stat = json.loads(base64.b64decode(found.headers["x-docker-container-path-stat"]))
        assert (stat["name"], stat["size"]) == ("new", 5)
        call(f"{method} /containers/{{id}}/archive", 404, id=ident, query={"path": "/nope"})
        call(f"{method} /containers/{{id}}/archive", 400, id=ident)
    call("GET /containers/{id}/changes", 200, id=ident)
    exported = call("GET /containers/{id}/export", 200, id=ident)
    assert "tmp/new" in tarfile.open(fileobj=io.BytesIO(exported.body)).getnames()
    told = {"repo": "contract-commit", "comment": "c", "author": "a", "changes": "USER 7"}
    call("POST /commit", 201, {}, query={"container": ident, **told})
    call("GET /images/{name}/json", 200, id="contract-commit")
    call("GET /images/{name}/history", 200, id="contract-commit")
    if driver.knows("GET /system/df"):
        call("GET /system/df", 200)
    call("DELETE /images/{name}", 200, id="contract-commit")
    call("DELETE /containers/{id}", 204, id=ident)


def ended(driver: Driver) -> None:
    """Containers that ended in one way or another, and the events of it all."""
    call = driver.call
    broken = PLAIN | {"Cmd": ["/no/such/program"]}
    ident = call("POST /containers/create", 201, broken, query={"name": "contract-broken"}).json["Id"]
    call("POST /containers/{id}/start", 400, id=ident)
    call("GET /containers/{id}/json", 200, id=ident)
    quick = PLAIN | {"Cmd": ["false"], "Labels": {"a": "b"}}
    ident = call("POST /containers/create", 201, quick, query={"name": "contract-ended"}).json["Id"]
    call("POST /containers/{id}/start", 204, id=ident)
    call("POST /containers/{id}/wait", 200, id=ident)
    call("GET /containers/{id}/json", 200, id=ident)
    call("GET /containers/json", 200, query={"all": 1, "size": 1})
    if driver.knows("POST /containers/prune"):
        call("POST /containers/prune", 200)
    else:
        call("DELETE /containers/{id}", 204, id="contract-broken")
        call("DELETE /containers/{id}", 204, id=ident)
    call("GET /events", 200, query={"since": 1, "until": _now(driver.daemon.api)})


def _now(api: Callable[..., Answer]) -> str:
    """The second after the engine's own clock, which is what events are timed with."""
    time = datetime.fromisoformat(api("GET", "/info").json["SystemTime"][:19] + "+00:00")
    return str(int(time.timestamp()) + 1)


def _tar(name: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"hello"))
    return buffer.getvalue()

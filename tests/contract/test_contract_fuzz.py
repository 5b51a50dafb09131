"""Requests made up from the API document, on a real engine: no bug shows, nothing hangs, nothing is left.

``--fuzz-seconds`` and ``--fuzz-seed`` choose how long and which; a failure names the request that led to it.
"""

import http.client
import re
import socket
import time
from collections import Counter
from collections.abc import Callable

import pytest

from tests.support.api_fuzz import Fuzzer, FuzzRequest
from tests.support.daemons import Daemon
from tests.support.engine_api import ApiDocument
from tests.support.http import UnixConnection
from tests.support.images import busybox_archive
from tests.support.live_folders import files_below, open_paths
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root

VERSIONS = ("1.24", "1.41", "1.55")
_HEAD_S = 90.0
"""A head takes milliseconds; more than this on a loaded machine is a hang."""
_LEAST = 400
"""Requests of a version, on however slow a machine: among so many is every status that there should be."""
_STREAM_S = 0.05
"""How long a body that goes on is listened to before the client hangs up."""
# How an exception that nobody thought of looks in a message.
_BUG = re.compile(rb"Traceback|\b[A-Z]\w*(Error|Exception|Interrupt): |object has no attribute")


def send(daemon: Daemon, request: FuzzRequest) -> tuple[int, bytes]:
    """Status, and what there is of the body at once. Fails when there is no head in time."""
    connection = UnixConnection(str(daemon.socket), _HEAD_S)
    try:
        connection.request(request.method, request.target, body=request.body, headers=request.headers)
        sock = connection.sock  # the response takes it away from the connection when nothing follows
        with connection.getresponse() as response:
            return response.status, _read(sock, response)
    except TimeoutError:
        raise AssertionError(f"no answer within {_HEAD_S:g} s") from None
    except http.client.HTTPException as exc:
        raise AssertionError(f"no well-formed answer: {exc!r}") from exc
    finally:
        connection.close()


def _read(sock: socket.socket, response: http.client.HTTPResponse) -> bytes:
    if response.length is not None:
        return response.read()
    sock.settimeout(_STREAM_S)
    try:
        return response.read1(65536)
    except TimeoutError:
        return b""


def descriptors(daemon: Daemon) -> Counter[str]:
    """What the engine's processes hold open, by kind."""
    return sum(map(open_in, daemon.processes()), Counter())


def open_in(pid: int) -> Counter[str]:
    """What one process holds open, by kind."""
    return Counter(re.sub(r"\d+", "N", path) for path in open_paths(pid))


def folders(daemon: Daemon) -> Counter[str]:
    """How many files there are in each part of the data root."""
    parts = ("containers", "overlay2", "volumes", "image", "tmp")
    return Counter({part: sum(1 for _ in files_below(daemon.data_root / part)) for part in parts})


def remove_everything(daemon: Daemon) -> None:
    daemon.remove_containers()
    for volume in daemon.api("GET", "/volumes").json["Volumes"] or ():
        daemon.api("DELETE", f"/volumes/{volume['Name']}?force=1")
    daemon.api("POST", "/networks/prune")
    daemon.api("POST", "/build/prune?all=1")
    for image in daemon.api("GET", "/images/json?all=1").json:
        for name in [*image["RepoTags"], *image["RepoDigests"], image["Id"]]:
            if name not in ("busybox:latest", "alpine:latest") and "busybox:latest" not in image["RepoTags"]:
                daemon.api("DELETE", f"/images/{name}?force=1")


def fuzz(daemon: Daemon, fuzzer: Fuzzer, seconds: float, least: int = 0) -> Counter[int]:
    """Send requests for a while, and so many at least; statuses by how often they came."""
    seen: Counter[int] = Counter()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline or seen.total() < least:
        request = fuzzer.request()
        try:
            status, body = send(daemon, request)
            assert not _BUG.search(body), body[:500]
            assert daemon.running, "the engine died"
        except (AssertionError, OSError) as exc:
            raise AssertionError(f"seed {fuzzer.seed}, {fuzzer.document.version}, {request}: {exc}") from exc
        seen[status] += 1
        if b"No such image: busybox" in body:
            daemon.load(busybox_archive())  # one of the requests has removed it
        if status == 201 and (made := re.search(rb'"(?:Id|Name)":"([^"]+)"', body)):
            fuzzer.ids[:] = [*fuzzer.ids[-12:], made[1].decode()]
    return seen


def nothing_more_than(what: str, left: Callable[[], Counter[str]], seed: int) -> None:
    try:
        wait_until(lambda: not left(), f"no more {what} than before")
    except AssertionError as exc:
        raise AssertionError(f"{exc}; seed {seed} left {left()}") from exc


def watch_a_client(daemon: Daemon) -> None:
    """The watch for clients that hang up is made for the first that has said all it has to say."""
    epoll = "anon_inode:[eventpoll]"
    before = open_in(daemon.pid)[epoll]
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(daemon.socket))
        client.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(64).startswith(b"HTTP/1.1 200")
        wait_until(lambda: open_in(daemon.pid)[epoll] > before, "the client is watched")


def run_a_container(daemon: Daemon) -> None:
    """The first one of an image makes the mount points that stay with the image, the first one of an engine
    the runtime's sealed copy. On a slow machine the requests before may have run none.
    """
    if daemon.api("GET", "/images/busybox/json").status == 404:
        daemon.load(busybox_archive())
    made = daemon.api("POST", "/containers/create", {"Image": "busybox", "Cmd": ["true"]})
    assert daemon.api("POST", f"/containers/{made.json['Id']}/start").status == 204
    daemon.remove_containers()


def test_made_up_requests_find_no_bug_and_leave_nothing(
    scow_daemon: Daemon, request: pytest.FixtureRequest
) -> None:
    seconds, seed = request.config.getoption("--fuzz-seconds"), request.config.getoption("--fuzz-seed")
    # What stays once it was wanted: the watch, threads, caches, the log, and what an image's first container
    # has made for all of them: on a slow machine these are so few requests that none may make one.
    watch_a_client(scow_daemon)
    scow_daemon.docker("run", "--rm", "busybox", "true")
    for version in VERSIONS:
        fuzz(scow_daemon, Fuzzer(ApiDocument(version), seed + 1), seconds / 20)
    remove_everything(scow_daemon)
    run_a_container(scow_daemon)
    before, held = folders(scow_daemon), descriptors(scow_daemon)
    seen: Counter[int] = Counter()
    for version in VERSIONS:
        seen += fuzz(scow_daemon, Fuzzer(ApiDocument(version), seed), seconds / len(VERSIONS), _LEAST)
    assert {200, 201, 204, 400, 404, 409} <= set(seen), f"the requests are too wrong or too right: {seen}"
    remove_everything(scow_daemon)
    nothing_more_than("files", lambda: folders(scow_daemon) - before, seed)
    nothing_more_than("descriptors", lambda: descriptors(scow_daemon) - held, seed)
    assert "Traceback" not in scow_daemon.log_tail(1 << 24)

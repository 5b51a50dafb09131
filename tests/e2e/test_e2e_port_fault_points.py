"""scowd is killed before every step of ``port add`` and ``port rm``: document, rules and answer agree.

Steps are changes to the store and to the kernel's networks; see ``tests.support.fault_daemon``.
"""

import functools
import socket

import pytest

from scow.linux.namespaces import enter_netns
from tests.support.daemons import Daemon
from tests.support.fault_daemon import SAMPLE, FaultDaemon, NetworkFaultDaemon, ask, at_every_step, do
from tests.support.http import Answer
from tests.support.traffic import opened

pytestmark = pytest.mark.parametrize("engine", ["fault_daemon"], indirect=True)
FAULT_DAEMON = NetworkFaultDaemon

_PORT = "8080"
_BINDINGS = {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": _PORT}]}}
_PUBLISH, _WITHDRAW = (f"/scow/containers/half/ports/{verb}" for verb in ("publish", "withdraw"))


def clean(engine: Daemon) -> None:
    do(engine, "DELETE", "/containers/half?force=1")


def prepare(engine: Daemon, **host: object) -> None:
    body = {"Image": "busybox", "Cmd": ["sleep", "600"], "HostConfig": host}
    do(engine, "POST", "/containers/create?name=half", body)
    do(engine, "POST", "/containers/half/start")


def is_published(engine: Daemon) -> bool:
    """What settings, endpoint, rules and sockets agree on."""
    found = engine.api("GET", "/containers/half/json").json
    bindings = (found["HostConfig"]["PortBindings"] or {}).get("80/tcp") or []
    shown = found["NetworkSettings"]["Ports"].get("80/tcp") or []
    rules = engine.namespace.run("nft", "list", "map", "inet", "scow", "published").stdout
    is_free = _is_free(engine)
    said = {bool(bindings), bool(shown), f". {_PORT} :" in rules, not is_free}
    assert len(said) == 1, (bindings, shown, rules, is_free)
    return said.pop()


def _is_free(engine: Daemon) -> bool:
    """Whether a program of the host could have the port."""
    with opened(engine.namespace.path) as netns_fd, enter_netns(netns_fd):
        sock = socket.socket()
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("0.0.0.0", int(_PORT)))
            sock.listen()
        except OSError:
            return False
    return True


every_step = functools.partial(at_every_step, clean=clean, stride=SAMPLE)


def test_add(engine: FaultDaemon) -> None:
    def check(answer: Answer | None) -> None:
        published = is_published(engine)
        assert answer is None or published
        if not published:
            do(engine, "POST", _PUBLISH, _BINDINGS)
            assert is_published(engine)

    every_step(engine, lambda: prepare(engine), lambda: ask(engine, "POST", _PUBLISH, _BINDINGS), check)


def test_remove(engine: FaultDaemon) -> None:
    def check(answer: Answer | None) -> None:
        published = is_published(engine)
        assert answer is None or not published
        if published:
            do(engine, "POST", _WITHDRAW, _BINDINGS)
            assert not is_published(engine)

    every_step(
        engine,
        lambda: prepare(engine, **_BINDINGS),
        lambda: ask(engine, "POST", _WITHDRAW, _BINDINGS),
        check,
    )

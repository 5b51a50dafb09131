"""scowd is killed before every step of ``port add`` and ``port rm``: document, rules and answer agree.

Steps are changes to the store and to the kernel's networks; see ``tests.support.fault_daemon``.
"""

import functools
from collections.abc import Iterator

import pytest

from tests.support.daemons import Daemon, running
from tests.support.fault_daemon import SAMPLE, FaultDaemon, ask, at_every_step, do
from tests.support.http import Answer

_PORT = "8080"
_BINDINGS = {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": _PORT}]}}
_PUBLISH, _WITHDRAW = (f"/scow/containers/half/ports/{verb}" for verb in ("publish", "withdraw"))


class PortFaultDaemon(FaultDaemon):
    """Counts the steps that are about networks, and no others."""

    def argv(self) -> list[str]:
        return ["env", "SCOW_TEST_FAULTS=network", *super().argv()]


@pytest.fixture(scope="module")
def engine() -> Iterator[FaultDaemon]:
    with running(PortFaultDaemon) as daemon:
        assert isinstance(daemon, FaultDaemon)
        yield daemon
        if not daemon.running:
            daemon.start()


def clean(engine: Daemon) -> None:
    do(engine, "DELETE", "/containers/half?force=1")


def prepare(engine: Daemon, **host: object) -> None:
    body = {"Image": "busybox", "Cmd": ["sleep", "600"], "HostConfig": host}
    do(engine, "POST", "/containers/create?name=half", body)
    do(engine, "POST", "/containers/half/start")


def is_published(engine: Daemon) -> bool:
    """What settings, endpoint, rules and sockets agree on."""
    found = engine.api("GET", "/containers/half/json").json
    bindings = found["HostConfig"]["PortBindings"].get("80/tcp") or []
    shown = found["NetworkSettings"]["Ports"].get("80/tcp") or []
    rules = engine.namespace.run("nft", "list", "map", "inet", "scow", "published").stdout
    is_free = engine.namespace.run("timeout", "0.2", "busybox", "nc", "-l", "-p", _PORT).returncode == 124
    said = {bool(bindings), bool(shown), f". {_PORT} :" in rules, not is_free}
    assert len(said) == 1, (bindings, shown, rules, is_free)
    return said.pop()


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

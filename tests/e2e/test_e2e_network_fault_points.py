"""scowd is killed before every step of what it does to networks: no address, link or rule is left of it.

Steps are changes to the store and to the kernel's networks; see ``tests.support.fault_daemon``.
"""

import functools
import re
import sqlite3
from contextlib import closing

import pytest

from tests.support.daemons import Daemon
from tests.support.fault_daemon import SAMPLE, FaultDaemon, NetworkFaultDaemon, ask, do
from tests.support.fault_daemon import at_every_step as at_every_step_of
from tests.support.http import Answer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.parametrize("engine", ["fault_daemon"], indirect=True)
FAULT_DAEMON = NetworkFaultDaemon

_SLEEP = {"Image": "busybox", "Cmd": ["sleep", "600"]}
_PORT = 8080


def leftovers(engine: Daemon) -> list[str]:
    """What is there of networks when there is neither a container nor a network."""
    links = engine.namespace.run("ip", "-o", "link").stdout
    found = re.findall(r"\d+: (br-[0-9a-f]+|veth[0-9a-f]+)", links)
    rules = engine.namespace.run("nft", "list", "ruleset").stdout
    found += [line.strip() for line in rules.splitlines() if "br-" in line or f". {_PORT}" in line]
    with closing(sqlite3.connect(f"file:{engine.data_root / 'scow.db'}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT key FROM documents WHERE kind = 'network'")
        found += [f"network {key}" for (key,) in rows if key not in ("bridge", "host", "none")]
    return found


def clean(engine: Daemon) -> None:
    for container in engine.api("GET", "/containers/json?all=1").json:
        do(engine, "DELETE", f"/containers/{container['Id']}?force=1&v=1")
    do(engine, "POST", "/networks/prune")
    wait_until(lambda: not leftovers(engine), f"nothing is left: {leftovers(engine)}")


at_every_step = functools.partial(at_every_step_of, clean=clean, stride=SAMPLE)


def run(engine: Daemon, name: str, *networks: str, **host: object) -> None:
    """A running container on these networks."""
    body = {
        **_SLEEP,
        # A name that is not there is asked for outside, and there nobody refuses to answer for long.
        "HostConfig": {"NetworkMode": networks[0], "Dns": ["127.0.0.1"], **host},
        "NetworkingConfig": {"EndpointsConfig": {network: {} for network in networks}},
    }
    do(engine, "POST", f"/containers/create?name={name}", body)
    do(engine, "POST", f"/containers/{name}/start")


def on_networks(engine: Daemon, name: str) -> set[str]:
    """The networks of a running container, once inside and outside agree on them, in every respect."""
    found = engine.api("GET", f"/containers/{name}/json").json
    networks = found["NetworkSettings"]["Networks"]
    inside = engine.docker("exec", name, "ip", "-o", "-4", "addr").out
    addresses = set(re.findall(r"inet ([\d.]+)/\d+ brd", inside))
    assert addresses == {network["IPAddress"] for network in networks.values()}
    for network, settings in networks.items():
        container = engine.api("GET", f"/networks/{network}").json["Containers"][found["Id"]]
        assert container["IPv4Address"].partition("/")[0] == settings["IPAddress"]
    gateways = {network["Gateway"] for network in networks.values()} - {""}
    default = re.search("default via ([0-9.]+)", engine.docker("exec", name, "ip", "route").out)
    assert (default[1] in gateways) if default else not gateways
    return set(networks)


def ports(engine: Daemon, name: str) -> list[str]:
    """Host ports that lead to a container."""
    found = engine.api("GET", f"/containers/{name}/json").json["NetworkSettings"]["Ports"]
    return [binding["HostPort"] for bindings in found.values() for binding in bindings or ()]


def test_create(engine: FaultDaemon) -> None:
    body = {"Name": "half", "IPAM": {"Config": [{"Subnet": "10.77.0.0/24"}]}}

    def check(answer: Answer | None) -> None:
        found = engine.api("GET", "/networks/half")
        assert answer is None or found.status == 200
        if found.status == 404:
            do(engine, "POST", "/networks/create", body)
        run(engine, "guest", "half")
        assert on_networks(engine, "guest") == {"half"}

    at_every_step(engine, lambda: None, lambda: ask(engine, "POST", "/networks/create", body), check)


def test_remove(engine: FaultDaemon) -> None:
    def check(answer: Answer | None) -> None:
        found = engine.api("GET", "/networks/half")
        assert answer is None or found.status == 404
        if found.status == 200:
            run(engine, "guest", "half")

    at_every_step(
        engine,
        lambda: do(engine, "POST", "/networks/create", {"Name": "half"}),
        lambda: ask(engine, "DELETE", "/networks/half"),
        check,
    )


def prepare(engine: FaultDaemon, *networks: str) -> None:
    """Two networks; a container with a port on some of them, and a neighbour on the second."""
    for name in ("aaa", "bbb"):
        do(engine, "POST", "/networks/create", {"Name": name})
    run(engine, "neighbour", "aaa")
    if networks:
        run(engine, "half", *networks, PortBindings={"80/tcp": [{"HostPort": str(_PORT)}]})


def check_pair(engine: FaultDaemon, expected: set[str] | None) -> None:
    """Both containers are what they say, and find each other where both are."""
    found = on_networks(engine, "half")
    assert expected is None or found == expected
    assert on_networks(engine, "neighbour") == {"aaa"}
    assert set(ports(engine, "half")) == {str(_PORT)}
    seen = engine.docker("exec", "neighbour", "ping", "-c1", "-W20", "half", code=None)
    assert (seen.code == 0) == ("aaa" in found), seen.out + seen.err


def test_connect(engine: FaultDaemon) -> None:
    def check(answer: Answer | None) -> None:
        check_pair(engine, {"aaa", "bbb"} if answer is not None else None)
        do(engine, "POST", "/networks/bbb/disconnect", {"Container": "half"})

    at_every_step(
        engine,
        lambda: prepare(engine, "bbb"),
        lambda: ask(engine, "POST", "/networks/aaa/connect", {"Container": "half"}),
        check,
    )


def test_disconnect(engine: FaultDaemon) -> None:
    def check(answer: Answer | None) -> None:
        check_pair(engine, {"bbb"} if answer is not None else None)

    at_every_step(
        engine,
        lambda: prepare(engine, "bbb", "aaa"),
        lambda: ask(engine, "POST", "/networks/aaa/disconnect", {"Container": "half"}),
        check,
    )


def test_start_and_stop(engine: FaultDaemon) -> None:
    """The addresses of the first start are free again, whatever came in between."""

    def operate() -> Answer | None:
        started = ask(engine, "POST", "/containers/half/start")
        return ask(engine, "POST", "/containers/half/stop?t=0") if started else None

    def check(_: Answer | None) -> None:
        running_now = engine.api("GET", "/containers/half/json").json["State"]["Running"]
        if not running_now:
            do(engine, "POST", "/containers/half/start")
        check_pair(engine, {"aaa", "bbb"})
        members = engine.api("GET", "/networks/aaa").json["Containers"].values()
        last = {it["Name"]: it["IPv4Address"].partition("/")[0].rpartition(".")[2] for it in members}
        assert last == {"neighbour": "2", "half": "3"}

    def prepare_stopped() -> None:
        prepare(engine, "bbb", "aaa")
        do(engine, "POST", "/containers/half/stop?t=0")

    at_every_step(engine, prepare_stopped, operate, check)

"""User-defined networks: made, listed, joined, left, removed."""

import json
import re

import pytest

from tests.support.clients import Client
from tests.support.daemons import DaemonOptions

DAEMON = DaemonOptions(uplink=True)
pytestmark = pytest.mark.reference

_SLEEP = ("busybox", "sleep", "600")


def networks_of(client: Client, container: str) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(
        client.inspect(container, "{{json .NetworkSettings.Networks}}")
    )
    return found


def test_a_network_has_a_subnet_and_a_bridge_of_its_own(client: Client) -> None:
    identity = client.text("network", "create", "--label", "who=me", "front")
    assert re.fullmatch("[0-9a-f]{64}", identity)
    found = json.loads(client.text("network", "inspect", "front"))[0]
    assert (found["Id"], found["Name"], found["Driver"]) == (identity, "front", "bridge")
    assert (found["Scope"], found["Internal"], found["Attachable"]) == ("local", False, False)
    assert (found["Labels"], found["Options"], found["Containers"]) == ({"who": "me"}, {}, {})
    (pool,) = found["IPAM"]["Config"]
    assert re.fullmatch(r"172\.(1[89]|2\d)\.0\.0/16", pool["Subnet"])
    assert pool["Gateway"] == pool["Subnet"].replace(".0/16", ".1")
    devices = client.daemon.namespace.run("ip", "-o", "-4", "addr", "show", f"br-{identity[:12]}").stdout
    assert f"{pool['Gateway']}/16" in devices
    assert client.text("network", "rm", "front") == "front"
    assert "br-" not in client.daemon.namespace.run("ip", "-o", "link").stdout
    assert "network front not found" in client("network", "inspect", "front", code=1).err


def test_containers_find_each_other_by_name(client: Client) -> None:
    client("network", "create", "names")
    client.start("--name", "server", "--network", "names", "--network-alias", "db", *_SLEEP)
    client.start("--name", "guest", "--network", "names", *_SLEEP)
    address = networks_of(client, "server")["names"]["IPAddress"]
    for name in ("server", "db", client.inspect("server", "{{.Id}}")[:12]):
        assert f"PING {name} ({address})" in client.text("exec", "guest", "ping", "-c1", "-W3", name)
    assert "nameserver 127.0.0.11" in client.text("exec", "guest", "cat", "/etc/resolv.conf")
    client("rm", "-f", "server", "guest")
    client("network", "rm", "names")


def test_a_running_container_joins_and_leaves(client: Client) -> None:
    client("network", "create", "one")
    client("network", "create", "two")
    client.start("--name", "mover", "--network", "one", *_SLEEP)
    client("network", "connect", "--alias", "also", "two", "mover")
    found = networks_of(client, "mover")
    assert sorted(found) == ["one", "two"]
    interfaces = client.text("exec", "mover", "ip", "-o", "-4", "addr")
    for name, device in (("one", "eth0"), ("two", "eth1")):
        assert re.search(rf"{device}\s+inet {found[name]['IPAddress']}/16", interfaces)
    client.start("--name", "asker", "--network", "two", *_SLEEP)
    assert f"({found['two']['IPAddress']})" in client.text("exec", "asker", "ping", "-c1", "-W3", "also")
    again = client("network", "connect", "two", "mover", code=1).err
    assert "endpoint with name mover already exists in network two" in again
    assert "has active endpoints" in client("network", "rm", "two", code=1).err
    client("network", "disconnect", "two", "mover")
    assert list(networks_of(client, "mover")) == ["one"]
    assert "eth1" not in client.text("exec", "mover", "ip", "-o", "addr")
    assert client("exec", "asker", "ping", "-c1", "-W1", "also", code=None).code != 0
    assert "is not connected to network two" in client("network", "disconnect", "two", "mover", code=1).err
    client("rm", "-f", "mover", "asker")
    client("network", "rm", "one", "two")

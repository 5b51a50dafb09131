"""Subnets from pools of the engine's own settings, many networks, and no leak after many containers."""

import json

import pytest

from tests.support.clients import Client
from tests.support.daemons import DaemonOptions

DAEMON = DaemonOptions(args=("--default-address-pool", "base=10.50.0.0/16,size=22"))
_MANY = 50


@pytest.fixture(autouse=True)
def _one_command_line_is_enough(client: Client) -> None:
    if client.command != "docker":
        pytest.skip("the engine is the same")


def test_fifty_networks_have_fifty_subnets_and_there_is_an_end(client: Client) -> None:
    for number in range(_MANY):
        answer = client.api("POST", "/networks/create", {"Name": f"n{number}"})
        assert answer.status == 201, answer.message
    pools = [
        it["IPAM"]["Config"][0]["Subnet"]
        for it in client.api("GET", "/networks").json
        if it["IPAM"]["Config"]
    ]
    assert len(set(pools)) == len(pools) == _MANY + 1
    assert all(pool.startswith("10.50.") and pool.endswith("/22") for pool in pools)
    assert client.text("run", "--rm", "--network", "n49", "busybox", "true") == ""
    numbers = range(_MANY, 64)
    statuses = [client.api("POST", "/networks/create", {"Name": f"n{number}"}) for number in numbers]
    assert [answer.status for answer in statuses] == [201] * 13 + [400]
    assert statuses[-1].message == "all predefined address pools have been fully subnetted"
    removed = client.api("POST", "/networks/prune").json["NetworksDeleted"]
    assert len(removed) == 63
    assert "br-" not in client.daemon.namespace.run("ip", "-o", "link").stdout


def test_addresses_are_free_again_after_many_containers(client: Client) -> None:
    """A network of five addresses: one that is not given back would soon be missed."""
    pool = {"Subnet": "10.60.0.0/29"}
    client.api("POST", "/networks/create", {"Name": "small", "IPAM": {"Config": [pool]}})
    for number in range(15):
        body = {"Image": "busybox", "Cmd": ["sleep", "600"], "HostConfig": {"NetworkMode": "small"}}
        name = f"c{number}-x"
        assert client.api("POST", f"/containers/create?name={name}", body).status == 201
        assert client.api("POST", f"/containers/{name}/start").status == 204
        if number % 3 == 0:
            assert client.api("POST", "/networks/small/disconnect", {"Container": name}).status == 200
        assert client.api("DELETE", f"/containers/{name}?force=1").status == 204
    assert json.loads(client.text("network", "inspect", "-f", "{{json .Containers}}", "small")) == {}
    assert client.text("run", "--rm", "--network", "small", "busybox", "hostname", "-i") == "10.60.0.2"
    client("network", "rm", "small")

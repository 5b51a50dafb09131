"""User-defined networks: made, listed, joined, left, removed; addresses, names and ways out on them."""

import json
import re
import time
from typing import Any

import pytest

from tests.support.clients import Client
from tests.support.daemons import DaemonOptions
from tests.support.waiting import wait_until

DAEMON = DaemonOptions(uplink=True)
# Where dockerd takes longest the tests were seen to pass on it, and do without it since.
_ON_DOCKERD = pytest.mark.reference("present")

_SLEEP = ("busybox", "sleep", "600")
_SERVE = ("busybox", "sh", "-c", "echo hello >/tmp/index.html; exec httpd -f -p 80 -h /tmp")


@pytest.fixture(autouse=True)
def _nothing_is_left(client: Client) -> Any:
    yield
    client.daemon.remove_containers()
    client.api("POST", "/networks/prune")


def networks_of(client: Client, container: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(
        client.inspect(container, "{{json .NetworkSettings.Networks}}")
    )
    return found


def network(client: Client, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(client.text("network", "inspect", name))
    return found[0]


def address(client: Client, container: str, name: str) -> str:
    return str(networks_of(client, container)[name]["IPAddress"])


def meet(client: Client, container: str, target: str) -> None:
    wait_until(lambda: pings(client, container, target), f"{container} reaches {target}")


def pings(client: Client, container: str, target: str) -> bool:
    return client("exec", container, "ping", "-c1", "-W1", target, code=None).code == 0


def test_a_network_has_a_subnet_and_a_bridge_of_its_own(client: Client) -> None:
    identity = client.text("network", "create", "--label", "who=me", "front")
    assert re.fullmatch("[0-9a-f]{64}", identity)
    found = network(client, "front")
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


def test_a_chosen_subnet_avoids_the_hosts_routes(client: Client) -> None:
    route = ("172.18.0.0/15", "dev", "uplink")
    client.daemon.namespace.run("ip", "route", "add", *route)
    try:
        client("network", "create", "front")
    finally:
        client.daemon.namespace.run("ip", "route", "del", *route)
    assert not network(client, "front")["IPAM"]["Config"][0]["Subnet"].startswith(("172.18.", "172.19."))


@_ON_DOCKERD
def test_containers_find_each_other_by_name(client: Client) -> None:
    client("network", "create", "names")
    server = client.start("--name", "server", "--network", "names", "--network-alias", "db", *_SLEEP)
    client.start(
        "--name", "guest", "--network", "names", "--link", "server:linked", "--link", "later:soon", *_SLEEP
    )
    wanted = address(client, "server", "names")
    for name in ("server", "db", server[:12], "linked", "server.names"):
        assert f"PING {name} ({wanted})" in client.text("exec", "guest", "ping", "-c1", "-W30", name)
    assert "nameserver 127.0.0.11" in client.text("exec", "guest", "cat", "/etc/resolv.conf")
    client("exec", "guest", "nslookup", "server")
    assert "server.names" in client.text("exec", "guest", "nslookup", wanted)
    client.start("--name", "later", "--network", "names", *_SLEEP)
    meet(client, "guest", "soon")
    client("rename", "server", "renamed")
    meet(client, "guest", "renamed")
    assert not pings(client, "guest", "server")
    client("rm", "-f", "renamed")
    assert not pings(client, "guest", "db")


@_ON_DOCKERD
def test_names_and_packets_stay_on_their_network(client: Client) -> None:
    for name in ("front", "back"):
        client("network", "create", name)
    client.start("--name", "web", "--network", "front", *_SLEEP)
    client.start("--name", "db", "--network", "back", *_SLEEP)
    client.start("--name", "api", "--network", "front", "--network", "back", *_SLEEP)
    assert not pings(client, "web", "db")
    assert not pings(client, "web", address(client, "db", "back"))
    for name in ("web", "db"):
        meet(client, "api", name)
        meet(client, name, "api")


@_ON_DOCKERD
def test_a_running_container_joins_and_leaves(client: Client) -> None:
    client("network", "create", "one")
    client("network", "create", "two")
    client.start("--name", "mover", "--hostname", "moving", "--network", "one", *_SLEEP)
    client("network", "connect", "--alias", "also", "two", "mover")
    found = networks_of(client, "mover")
    assert sorted(found) == ["one", "two"]
    interfaces = client.text("exec", "mover", "ip", "-o", "-4", "addr")
    hosts = client.text("exec", "mover", "cat", "/etc/hosts")
    for name, device in (("one", "eth0"), ("two", "eth1")):
        assert re.search(rf"{device}\s+inet {found[name]['IPAddress']}/", interfaces)
        assert f"{found[name]['IPAddress']}\tmoving" in hosts
    client.start("--name", "asker", "--network", "two", *_SLEEP)
    assert f"({found['two']['IPAddress']})" in client.text("exec", "asker", "ping", "-c1", "-W30", "also")
    again = client("network", "connect", "two", "mover", code=1).err
    assert "endpoint with name mover already exists in network two" in again
    wrong = client("network", "connect", "--ip", "10.250.0.1", "two", "mover", code=1).err
    assert "invalid endpoint settings" in wrong, "that comes before what is there already"
    assert "has active endpoints" in client("network", "rm", "two", code=1).err
    gone = client("network", "disconnect", "-f", "two", "nosuch", code=1).err
    assert "endpoint nosuch not found" in gone
    client("network", "disconnect", "two", "mover")
    assert list(networks_of(client, "mover")) == ["one"]
    assert "eth1" not in client.text("exec", "mover", "ip", "-o", "addr")
    assert found["two"]["IPAddress"] not in client.text("exec", "mover", "cat", "/etc/hosts")
    assert not pings(client, "asker", "also")
    assert "is not connected to network two" in client("network", "disconnect", "two", "mover", code=1).err
    client("restart", "-t", "0", "mover")
    assert list(networks_of(client, "mover")) == ["one"]


@_ON_DOCKERD
def test_a_container_that_does_not_run_joins_and_leaves_too(client: Client) -> None:
    client("network", "create", "one")
    client("network", "create", "two")
    client("create", "--name", "still", "--network", "one", *_SLEEP)
    client("network", "connect", "--alias", "also", "two", "still")
    client("network", "connect", "two", "still")
    assert networks_of(client, "still")["two"]["Aliases"][:1] == ["also"]
    client("network", "disconnect", "one", "still")
    assert list(networks_of(client, "still")) == ["two"]
    error = client("network", "disconnect", "one", "still", code=1).err
    assert "is not connected to the network one" in error
    client("network", "connect", "one", "still")
    client("start", "still")
    assert sorted(networks_of(client, "still")) == ["one", "two"]
    client("stop", "-t", "0", "still")
    client("network", "rm", "two")
    assert re.search("network [0-9a-f]{64} not found", client("start", "still", code=1).err)


def test_a_network_is_unused_when_its_container_is_said_to_have_stopped(client: Client) -> None:
    """Whoever is told so need not wait until its endpoint is gone too."""
    for remove in (("rm", "one"), ("prune", "-f")) * 3:
        client("network", "create", "one")
        client.start("--name", "mover", "--network", "one", *_SLEEP)
        client("stop", "-t", "0", "mover")
        assert "one" in client.text("network", *remove)
        client("rm", "mover")


@_ON_DOCKERD
def test_addresses_are_taken_as_asked_and_from_the_range(client: Client) -> None:
    client(
        *("network", "create", "--subnet", "10.7.0.0/29", "--ip-range", "10.7.0.4/30"),
        *("--gateway", "10.7.0.1", "--aux-address", "router=10.7.0.5", "small"),
    )
    assert network(client, "small")["IPAM"]["Config"] == [
        {
            "Subnet": "10.7.0.0/29",
            "IPRange": "10.7.0.4/30",
            "Gateway": "10.7.0.1",
            "AuxiliaryAddresses": {"router": "10.7.0.5"},
        }
    ]
    for name in ("first", "second"):
        client.start("--name", name, "--network", "small", *_SLEEP)
    assert [address(client, name, "small") for name in ("first", "second")] == ["10.7.0.4", "10.7.0.6"]
    error = client("run", "--network", "small", "busybox", "true", code=125).err
    assert "no available IPv4 addresses on this network's address pools: small (" in error
    client.start("--name", "fixed", "--network", "small", "--ip", "10.7.0.2", *_SLEEP)
    assert address(client, "fixed", "small") == "10.7.0.2"
    for taken in ("10.7.0.2", "10.7.0.1", "10.7.0.5"):
        error = client("run", "--network", "small", "--ip", taken, "busybox", "true", code=125).err
        assert "Address already in use" in error
    outside = client("run", "--network", "small", "--ip", "10.9.0.2", "busybox", "true", code=125).err
    assert "no configured subnet or ip-range contain the IP address 10.9.0.2" in outside


def test_fixed_addresses_stay_and_others_are_reused(client: Client) -> None:
    client("network", "create", "--subnet", "10.8.0.0/24", "plan")
    client.start(
        "--name",
        "fixed",
        "--network",
        "plan",
        "--ip",
        "10.8.0.77",
        "--mac-address",
        "02:42:0a:00:00:77",
        *_SLEEP,
    )
    for _ in range(2):
        found = networks_of(client, "fixed")["plan"]
        assert (found["IPAddress"], found["MacAddress"]) == ("10.8.0.77", "02:42:0a:00:00:77")
        client("restart", "-t", "0", "fixed")
    for _ in range(3):
        assert client.text("run", "--rm", "--network", "plan", "busybox", "hostname", "-i") == "10.8.0.2"


def test_nobody_gets_the_address_that_a_stopped_container_asks_for(client: Client) -> None:
    client("network", "create", "--subnet", "10.8.0.0/24", "plan")
    client("create", "--name", "later", "--network", "plan", "--ip", "10.8.0.2", *_SLEEP)
    client.start("--name", "now", "--network", "plan", *_SLEEP)
    client("start", "later")
    assert (address(client, "now", "plan"), address(client, "later", "plan")) == ("10.8.0.3", "10.8.0.2")


@_ON_DOCKERD
@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"Name": "bridge"}, 403, "operation is not permitted on predefined bridge network "),
        ({"Name": "n", "Driver": "host"}, 403, 'only one instance of "host" network is allowed'),
        ({"Name": "n", "Driver": "nope"}, 404, 'plugin "nope" not found'),
        ({"Name": "n", "Driver": "overlay"}, 403, "This node is not a swarm manager."),
        ({"Name": "n", "IPAM": {"Driver": "nope"}}, 404, 'plugin "nope" not found'),
        (
            {"Name": "n", "Scope": "swarm"},
            403,
            "cannot create a swarm scoped network when swarm is not active",
        ),
        ({"Name": "n", "Ingress": True}, 403, "Ingress network can only be global scope network"),
        ({"Name": " "}, 400, "invalid name: "),
        ({"Name": "taken"}, 409, "network with name taken already exists"),
        ({"Name": "n", "IPAM": {"Config": [{"Subnet": "10.9.0.0/33"}]}}, 400, "invalid CIDR block notation"),
        (
            {"Name": "n", "IPAM": {"Config": [{"Subnet": "10.9.0.0/24", "Gateway": "10.8.0.1"}]}},
            400,
            "invalid network config:\n"
            "invalid gateway 10.8.0.1: parent subnet 10.9.0.0/24 doesn't contain this address",
        ),
        (
            {"Name": "n", "IPAM": {"Config": [{"Subnet": "10.66.1.0/24"}]}},
            403,
            "Pool overlaps with other one on this address space",
        ),
        (
            {"Name": "n", "IPAM": {"Config": [{"Subnet": "10.9.0.0/24"}, {"Subnet": "10.10.0.0/24"}]}},
            403,
            "bridge driver doesn't support multiple subnets",
        ),
        ({"Name": "n", "Options": {"com.docker.network.driver.mtu": "-1"}}, 400, "invalid MTU number: -1"),
        (
            {"Name": "n", "Options": {"com.docker.network.bridge.name": "uplink"}},
            500,
            "existing interface uplink is not a bridge",
        ),
        (
            {"Name": "n", "Options": {"com.docker.network.bridge.name": "taken0"}},
            403,
            "networks have same bridge name",
        ),
        (
            {"Name": "n", "ConfigFrom": {"Network": "nosuch"}},
            404,
            'configuration network "nosuch" does not exist',
        ),
        (
            {"Name": "n", "ConfigOnly": True, "Internal": True},
            403,
            "configuration network can only contain network specific fields.",
        ),
    ],
)
def test_networks_that_cannot_be(client: Client, body: dict[str, Any], status: int, message: str) -> None:
    options = ("--subnet", "10.66.0.0/16", "-o", "com.docker.network.bridge.name=taken0")
    client("network", "create", *options, "taken")
    answer = client.api("POST", "/v1.45/networks/create", body)
    assert answer.status == status, answer.message
    assert message in answer.message
    assert client.api("GET", "/networks/n").status == 404


@_ON_DOCKERD
@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("bridge", 403, "bridge is a pre-defined network and cannot be removed"),
        ("nosuch", 404, "network nosuch not found"),
    ],
)
def test_networks_that_cannot_go(client: Client, name: str, status: int, message: str) -> None:
    answer = client.api("DELETE", f"/v1.45/networks/{name}")
    assert (answer.status, answer.message) == (status, message)


def test_an_internal_network_leads_nowhere(client: Client) -> None:
    client("network", "create", "--internal", "inside")
    client.start("--name", "server", "--network", "inside", "--expose", "90", "-p", "8090:90", *_SERVE)
    client.start("--name", "guest", "--network", "inside", *_SLEEP)
    assert client.text("inspect", "-f", "{{json .NetworkSettings.Ports}}", "server").strip() == "{}"
    assert "default" not in client.text("exec", "guest", "ip", "route")
    wait_until(
        lambda: client("exec", "guest", "wget", "-qO-", "http://server/", code=None).out == "hello\n", ""
    )
    assert not pings(client, "guest", "198.51.100.1")
    assert "can't find" in client("exec", "guest", "nslookup", "example.com", code=None).out


@_ON_DOCKERD
def test_the_way_out_is_by_the_first_network_that_leads_there(client: Client) -> None:
    for name, *options in (("alpha", "--internal"), ("beta",), ("gamma",)):
        client("network", "create", *options, name)
    client.start("--name", "many", "--network", "gamma", "--network", "beta", "--network", "alpha", *_SLEEP)
    found = networks_of(client, "many")

    def gateway() -> str:
        way = re.search("default via ([0-9.]+)", client.text("exec", "many", "ip", "route"))
        return way[1] if way else ""

    assert gateway() == found["beta"]["Gateway"]
    client("network", "disconnect", "beta", "many")
    assert gateway() == found["gamma"]["Gateway"]
    client("network", "connect", "beta", "many")
    assert gateway() == found["beta"]["Gateway"]
    for name in ("beta", "gamma"):
        client("network", "disconnect", name, "many")
    assert gateway() == ""


def test_the_way_out_is_by_the_network_of_the_highest_priority(client: Client) -> None:
    for name in ("alpha", "beta"):
        client("network", "create", name)
    client.start("--name", "many", "--network", "alpha", "--network", "name=beta,gw-priority=5", *_SLEEP)
    assert networks_of(client, "many")["beta"]["Gateway"] in client.text("exec", "many", "ip", "route")
    client("network", "create", "omega")
    client("network", "connect", "--gw-priority", "7", "omega", "many")
    way = f"default via {networks_of(client, 'many')['omega']['Gateway']}"
    assert way in client.text("exec", "many", "ip", "route")
    client("restart", "-t", "0", "many")
    assert way in client.text("exec", "many", "ip", "route")


def test_published_ports_follow_the_way_out(client: Client) -> None:
    for name in ("alpha", "beta"):
        client("network", "create", name)
    client.start("--name", "web", "--network", "beta", "-p", "8080:80", *_SERVE)

    def answers() -> bool:
        command = ("timeout", "30", "busybox", "wget", "-qO-", "http://127.0.0.1:8080/")
        return client.daemon.namespace.run(*command).stdout == "hello\n"

    wait_until(answers, "the port answers")
    client("network", "connect", "alpha", "web")
    assert answers()
    client("network", "disconnect", "alpha", "web")
    assert answers()
    client("network", "connect", "alpha", "web")
    client("network", "disconnect", "beta", "web")
    assert answers()
    assert "80/tcp -> 0.0.0.0:8080" in client.text("port", "web")


def test_kernel_settings_and_names_of_interfaces(client: Client) -> None:
    client("network", "create", "tuned")
    options = (
        "name=tuned,"
        '"driver-opt=com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.log_martians=1,'
        'net.ipv4.conf.IFNAME.forwarding=0",'
        "driver-opt=com.docker.network.endpoint.ifname=lan7"
    )
    script = "cat /proc/sys/net/ipv4/conf/lan7/log_martians /proc/sys/net/ipv4/conf/lan7/forwarding"
    assert client("run", "--rm", "--network", options, "busybox", "sh", "-c", script).lines == ["1", "0"]
    wrong = "name=tuned,driver-opt=com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.nosuch=1"
    error = client("run", "--rm", "--network", wrong, "busybox", "true", code=125).err
    assert "failed to set sysctl net.ipv4.conf.IFNAME.nosuch=1: No such file or directory" in error


def test_every_endpoint_option_in_the_long_notation(client: Client) -> None:
    client("network", "create", "--subnet", "10.8.0.0/24", "--ipv6", "--subnet", "fd00:8::/64", "long")
    client("network", "create", "other")
    client.start(
        *("--name", "all", "--network", "other", "--network"),
        "name=long,alias=one,alias=two,ip=10.8.0.9,ip6=fd00:8::9,mac-address=02:42:00:00:00:09,link-local-ip=169.254.9.9",
        *_SLEEP,
    )
    found = networks_of(client, "all")["long"]
    assert (found["IPAddress"], found["GlobalIPv6Address"]) == ("10.8.0.9", "fd00:8::9")
    assert (found["MacAddress"], found["GlobalIPv6PrefixLen"]) == ("02:42:00:00:00:09", 64)
    assert found["IPAMConfig"] == {
        "IPv4Address": "10.8.0.9",
        "IPv6Address": "fd00:8::9",
        "LinkLocalIPs": ["169.254.9.9"],
    }
    assert {"one", "two"} <= set(found["Aliases"])
    inside = client.text("exec", "all", "ip", "addr")
    for text in ("10.8.0.9/24", "fd00:8::9/64", "169.254.9.9/16", "link/ether 02:42:00:00:00:09"):
        assert text in inside
    error = client("run", "--network", "other", "--network", "other", "busybox", "true", code=125).err
    assert "is specified multiple times" in error


def test_both_families_or_one(client: Client) -> None:
    client("network", "create", "--ipv6", "--subnet", "fd00:9::/64", "dual")
    found = network(client, "dual")
    assert found["EnableIPv6"] is True
    assert sorted(":" in pool["Subnet"] for pool in found["IPAM"]["Config"]) == [False, True]
    client.start("--name", "server", "--network", "dual", *_SERVE)
    client.start("--name", "guest", "--network", "dual", *_SLEEP)
    for family in ("-4", "-6"):
        client("exec", "guest", "ping", family, "-c1", "-W30", "server")
    assert "default via fd00:9::1" in client.text("exec", "guest", "ip", "-6", "route")


def test_ipv6_alone(client: Client) -> None:
    client("network", "create", "--ipv6", "--ipv4=false", "six")
    (pool,) = network(client, "six")["IPAM"]["Config"]
    assert re.fullmatch(r"fd[0-9a-f:]+/64", pool["Subnet"])
    client.start("--name", "server", "--network", "six", *_SLEEP)
    client.start("--name", "guest", "--network", "six", *_SLEEP)
    meet(client, "guest", "server")
    assert "inet " not in client.text("exec", "guest", "ip", "addr", "show", "eth0")


def test_options_of_the_bridge(client: Client) -> None:
    prefix = "com.docker.network"
    options = {
        f"{prefix}.bridge.name": "mine0",
        f"{prefix}.bridge.enable_icc": "false",
        f"{prefix}.bridge.host_binding_ipv4": "127.0.0.1",
        f"{prefix}.driver.mtu": "1400",
        f"{prefix}.container_iface_prefix": "lan",
    }
    words = [word for it in options.items() for word in ("-o", "=".join(it))]
    # Of its own: the kernel may remember pings between the same two addresses from before.
    client("network", "create", "--subnet", "10.55.0.0/24", *words, "tuned")
    assert network(client, "tuned")["Options"] == options
    client.start("--name", "web", "--network", "tuned", "-p", "8080:80", *_SERVE)
    client.start("--name", "guest", "--network", "tuned", *_SLEEP)
    assert "mtu 1400" in client.text("exec", "web", "ip", "link", "show", "lan0")
    assert "mtu 1400" in client.daemon.namespace.run("ip", "link", "show", "mine0").stdout
    assert client.text("port", "web") == "80/tcp -> 127.0.0.1:8080"
    assert not pings(client, "guest", address(client, "web", "tuned"))


def test_a_bridge_that_was_there_stays(client: Client) -> None:
    host = client.daemon.namespace
    host.run("ip", "link", "add", "before0", "type", "bridge")
    try:
        client("network", "create", "-o", "com.docker.network.bridge.name=before0", "given")
        client("run", "--rm", "--network", "given", "busybox", "true")
        client("network", "rm", "given")
        assert host.run("ip", "link", "show", "before0").returncode == 0
    finally:
        host.run("ip", "link", "del", "before0")


def test_a_bridge_has_a_name_that_the_kernel_takes(client: Client) -> None:
    option = "com.docker.network.bridge.name=longer-than-fifteen"
    error = client("network", "create", "-o", option, "n", code=1).err
    assert "invalid interface name: longer-than-fifteen" in error


def test_networks_made_from_another_ones_configuration(client: Client) -> None:
    client("network", "create", "--config-only", "--subnet", "10.9.0.0/24", "--label", "a=b", "template")
    client("network", "create", "--config-from", "template", "made")
    found = network(client, "made")
    assert found["IPAM"]["Config"][0]["Subnet"] == "10.9.0.0/24"
    assert (found["Labels"], found["ConfigFrom"], found["ConfigOnly"]) == (
        {"a": "b"},
        {"Network": "template"},
        False,
    )
    assert network(client, "template")["ConfigOnly"] is True
    refused = "cannot create endpoint on configuration-only network"
    assert refused in client("run", "--rm", "--network", "template", "busybox", "true", code=125).err
    assert "is in use" in client("network", "rm", "template", code=1).err
    client("network", "rm", "made")
    client("network", "rm", "template")


@_ON_DOCKERD
def test_modes_without_a_network_of_their_own_join_no_other(client: Client) -> None:
    client("network", "create", "one")
    client.start("--name", "plain", *_SLEEP)
    for name, mode in (("hosted", "host"), ("alone", "none"), ("guest", "container:plain")):
        client.start("--name", name, "--network", mode, *_SLEEP)
    sharing = "container sharing network namespace with another container or host cannot be connected"
    assert sharing in client("network", "connect", "one", "hosted", code=1).err
    assert sharing in client("network", "connect", "one", "guest", code=1).err
    lonely = (
        "container cannot be connected to multiple networks with one of the networks in private (none) mode"
    )
    assert lonely in client("network", "connect", "one", "alone", code=1).err
    assert lonely in client("network", "connect", "none", "plain", code=1).err
    client("network", "connect", "host", "plain", code=1)
    client("network", "disconnect", "host", "hosted", code=1)
    client("network", "disconnect", "none", "alone")
    client("network", "disconnect", "bridge", "plain")
    assert "eth0" not in client.text("exec", "plain", "ip", "-o", "link")
    refused = client("network", "connect", "--ip", "172.17.0.9", "bridge", "plain", code=1).err
    assert "user specified IP address is supported on user defined networks only" in refused
    client("network", "connect", "bridge", "plain")
    assert "default via" in client.text("exec", "plain", "ip", "route")


def test_networks_are_listed_and_chosen(client: Client) -> None:
    client("network", "create", "--label", "tier=web", "front")
    client("network", "create", "two words")
    client.start("--name", "member", "--network", "front", *_SLEEP)

    def names(*filters: str) -> list[str]:
        words = [word for it in filters for word in ("--filter", it)]
        return client("network", "ls", "--format", "{{.Name}}", *words).lines

    assert names() == ["bridge", "front", "host", "none", "two words"]
    assert names("type=custom") == ["front", "two words"]
    assert names("dangling=true") == ["two words"]
    assert names("name=o") == ["front", "host", "none", "two words"]
    assert names("driver=bridge", "label=tier=web") == ["front"]
    assert names(f"id={client.text('network', 'inspect', '-f', '{{.Id}}', 'front')[:10]}") == ["front"]
    assert names("scope=swarm") == []
    assert "invalid filter 'colour'" in client("network", "ls", "--filter", "colour=red", code=1).err
    client("network", "rm", "two words")
    found = network(client, "front")["Containers"]
    assert [it["Name"] for it in found.values()] == ["member"]


def test_networks_that_nobody_is_on_are_pruned(client: Client) -> None:
    for name in ("used", "kept", "gone"):
        client("network", "create", "--label", f"name={name}", name)
    client.start("--name", "member", "--network", "used", *_SLEEP)
    client("create", "--name", "created", "--network", "gone", *_SLEEP)
    out = client.text("network", "prune", "-f", "--filter", "label!=name=kept")
    assert out.splitlines() == ["Deleted Networks:", "gone"]
    assert client.api("POST", '/v1.45/networks/prune?filters={"label":["x"]}').json == {
        "NetworksDeleted": None
    }
    kept = client("network", "ls", "-q", "--filter", "type=custom").lines
    assert len(kept) == 2


@_ON_DOCKERD
def test_events_tell_of_networks(client: Client) -> None:
    since = str(int(time.time()) - 1)
    client("network", "create", "told")
    client.start("--name", "member", *_SLEEP)
    client("network", "connect", "told", "member")
    client("network", "disconnect", "told", "member")
    client("network", "rm", "told")
    command = ("events", "--since", since, "--until", str(int(time.time()) + 1), "--filter", "type=network")
    template = "{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.type}}"
    seen = [line for line in client(*command, "--format", template).lines if "told" in line]
    # dockerd 26 tells of a disconnect twice.
    assert list(dict.fromkeys(seen)) == [
        f"{verb} told bridge" for verb in ("create", "connect", "disconnect", "destroy")
    ]


def test_everything_is_as_before_when_the_engine_starts_again(client: Client) -> None:
    client("network", "create", "--subnet", "10.9.0.0/24", "kept")
    client("network", "create", "second")
    client.start("--name", "web", "--network", "kept", "--ip", "10.9.0.9", "-p", "8080:80", *_SERVE)
    client.start("--name", "guest", "--network", "kept", "--network", "second", *_SLEEP)
    before = (networks_of(client, "web"), networks_of(client, "guest"), network(client, "kept"))
    client.daemon.kill9()
    client.daemon.start()
    assert (networks_of(client, "web"), networks_of(client, "guest"), network(client, "kept")) == before
    assert client.text("exec", "guest", "wget", "-qO-", "http://web/") == "hello"
    client.start("--name", "new", "--network", "kept", *_SLEEP)
    assert address(client, "new", "kept") == "10.9.0.3"
    meet(client, "new", "guest")
    assert "has active endpoints" in client("network", "rm", "kept", code=1).err

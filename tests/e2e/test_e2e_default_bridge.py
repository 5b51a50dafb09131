"""The default bridge as the settings make it: IPv6, its router, host-gateway; default options of networks."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.daemons import Daemon, DaemonOptions, ScowDaemon, machine
from tests.support.images import busybox_archive
from tests.support.waiting import wait_until


@pytest.fixture
def stopped() -> Iterator[Daemon]:
    """A machine for scowd, with scowd not started."""
    with machine(ScowDaemon, DaemonOptions()) as daemon:
        yield daemon


def start(daemon: Daemon, settings: dict[str, Any], *flags: str) -> None:
    (daemon.folder / "daemon.json").write_text(json.dumps(settings))
    daemon.start(*flags)


def web(daemon: Daemon, name: str, *options: str, network: str = "bridge") -> dict[str, Any]:
    """The address settings of a container that answers hello on port 80 of both IP versions."""
    script = "mkdir /w && echo hello > /w/index.html && exec httpd -f -p [::]:80 -h /w"
    options = (*options, "--network", network)
    daemon.docker("run", "-d", "--name", name, *options, "busybox", "sh", "-c", script)
    return settings_of(daemon, name, network)


def settings_of(daemon: Daemon, name: str, network: str = "bridge") -> dict[str, Any]:
    answer = daemon.api("GET", f"/containers/{name}/json").json
    found: dict[str, Any] = answer["NetworkSettings"]["Networks"][network]
    return found


def reaches(daemon: Daemon, url: str) -> bool:
    return daemon.namespace.run("timeout", "30", "busybox", "wget", "-qO-", url).stdout == "hello\n"


def test_the_default_bridge_has_ipv6(stopped: Daemon) -> None:
    start(stopped, {"ipv6": True, "fixed-cidr-v6": "fd00:aa::/64"})
    stopped.load(busybox_archive())
    bridge = stopped.api("GET", "/networks/bridge").json
    assert bridge["EnableIPv6"]
    assert bridge["IPAM"]["Config"][1] == {
        "Subnet": "fd00:aa::/64",
        "IPRange": "fd00:aa::/64",
        "Gateway": "fd00:aa::1",
    }
    found = web(stopped, "web", "-p", "8080:80", "--add-host", "host:host-gateway")
    assert (found["GlobalIPv6Address"], found["GlobalIPv6PrefixLen"]) == ("fd00:aa::2", 64)
    assert found["IPv6Gateway"] == "fd00:aa::1"
    inside = stopped.docker("exec", "web", "sh", "-c", "ip -6 route; cat /etc/hosts").out
    assert "default via fd00:aa::1 dev eth0" in inside
    assert "fd00:aa::1\thost\n" in inside
    assert f"{found['Gateway']}\thost\n" in inside
    wait_until(lambda: reaches(stopped, "http://[fd00:aa::2]:80/"), "the server answers")
    assert reaches(stopped, "http://[::1]:8080/")
    assert reaches(stopped, "http://[fd00:aa::1]:8080/")
    stopped.kill9()
    assert reaches(stopped, "http://[fd00:aa::1]:8080/")
    stopped.start()
    assert settings_of(stopped, "web") == found
    second = web(stopped, "second")
    assert second["GlobalIPv6Address"] == "fd00:aa::3"
    assert stopped.docker("exec", "second", "ping", "-6", "-c1", "-W5", "fd00:aa::2").code == 0
    stopped.docker("rm", "-f", "web", "second")
    stopped.stop()


def test_ipv6_is_switched_on_and_off_under_running_containers(stopped: Daemon) -> None:
    """Docker 27 and later choose a subnet themselves."""
    start(stopped, {"ipv6": True})
    stopped.load(busybox_archive())
    address = web(stopped, "web")["GlobalIPv6Address"]
    assert address.startswith("fd")
    stopped.stop()
    start(stopped, {})
    bridge = stopped.api("GET", "/networks/bridge").json
    assert not bridge["EnableIPv6"]
    assert len(bridge["IPAM"]["Config"]) == 1
    assert address not in stopped.namespace.run("ip", "-6", "addr").stdout
    assert web(stopped, "second")["GlobalIPv6Address"] == ""
    stopped.docker("rm", "-f", "web", "second")
    stopped.stop()
    start(stopped, {"ipv6": True})
    assert web(stopped, "third")["GlobalIPv6Address"] == address
    stopped.docker("rm", "-f", "third")
    stopped.stop()


def test_containers_send_to_another_router_than_the_bridge(stopped: Daemon) -> None:
    start(stopped, {"bip": "10.77.0.1/24", "fixed-cidr": "10.77.0.128/25", "default-gateway": "10.77.0.7"})
    stopped.load(busybox_archive())
    assert stopped.api("GET", "/networks/bridge").json["IPAM"]["Config"] == [
        {
            "Subnet": "10.77.0.0/24",
            "IPRange": "10.77.0.128/25",
            "Gateway": "10.77.0.1",
            "AuxiliaryAddresses": {"DefaultGatewayIPv4": "10.77.0.7"},
        }
    ]
    found = web(stopped, "web")
    assert (found["IPAddress"], found["Gateway"]) == ("10.77.0.128", "10.77.0.7")
    assert "default via 10.77.0.7" in stopped.docker("exec", "web", "ip", "route").out
    auxiliary = ("--subnet", "10.78.0.0/24", "--aux-address", "DefaultGatewayIPv4=10.78.0.9")
    stopped.docker("network", "create", *auxiliary, "routed")
    assert web(stopped, "routed", network="routed")["Gateway"] == "10.78.0.9"
    stopped.docker("rm", "-f", "web", "routed")
    stopped.stop()


def test_host_gateway_is_what_the_settings_say(stopped: Daemon) -> None:
    start(stopped, {"host-gateway-ips": ["10.9.8.7", "fd00::7"]})
    stopped.load(busybox_archive())
    hosts = ("run", "--rm", "--add-host", "x:host-gateway", "busybox", "cat", "/etc/hosts")
    assert "10.9.8.7\tx\nfd00::7\tx\n" in stopped.docker(*hosts).out
    stopped.stop()
    start(stopped, {"host-gateway-ip": "10.9.8.6"})
    assert "10.9.8.6\tx\n" in stopped.docker(*hosts).out
    stopped.stop()


def test_networks_get_the_default_options_of_their_driver(stopped: Daemon) -> None:
    mtu, binding = "com.docker.network.driver.mtu", "com.docker.network.bridge.host_binding_ipv4"
    start(stopped, {"default-network-opts": {"bridge": {mtu: "1400", binding: "127.0.0.1"}, "x": {"y": "z"}}})
    stopped.load(busybox_archive())
    stopped.docker("network", "create", "-o", f"{mtu}=1300", "own")
    assert stopped.api("GET", "/networks/own").json["Options"] == {mtu: "1300", binding: "127.0.0.1"}
    stopped.docker("network", "create", "plain")
    web(stopped, "web", "-p", "80", network="plain")
    assert stopped.docker("port", "web").out.startswith("80/tcp -> 127.0.0.1:")
    assert stopped.docker("exec", "web", "cat", "/sys/class/net/eth0/mtu").out == "1400\n"
    stopped.docker("network", "create", "--config-only", "-o", "a=b", "template")
    stopped.docker("network", "create", "--config-from", "template", "from-template")
    options = stopped.api("GET", "/networks/from-template").json["Options"]
    assert options == {mtu: "1400", binding: "127.0.0.1", "a": "b"}
    assert stopped.api("GET", "/networks/bridge").json["Options"][mtu] == "1500"
    stopped.docker("rm", "-f", "web")
    stopped.stop()


@pytest.mark.parametrize("version", [4, 6])
def test_ports_are_carried_where_there_are_no_rules(stopped: Daemon, version: int) -> None:
    """``iptables`` or ``ip6tables`` off: nothing is translated, so the relay serves, as docker-proxy does."""
    start(stopped, {"ipv6": True, "iptables": version == 6, "ip6tables": version == 4})
    stopped.load(busybox_archive())
    address = web(stopped, "web", "-p", "8080:80")["GlobalIPv6Address"]
    wait_until(lambda: reaches(stopped, f"http://[{address}]:80/"), "the server answers")
    assert reaches(stopped, "http://127.0.0.1:8080/")
    assert reaches(stopped, "http://[::1]:8080/")
    rules = stopped.namespace.run("nft", "list", "ruleset").stdout
    masquerades = [line.split() for line in rules.splitlines() if line.endswith("masquerade")]
    assert {"ip" in words for words in masquerades} == {version == 6}
    local = stopped.namespace.run("cat", "/proc/sys/net/ipv4/conf/scow0/route_localnet").stdout.strip()
    assert local == ("0" if version == 4 else "1"), "nothing would keep containers from the host's loopback"
    stopped.docker("rm", "-f", "web")
    stopped.stop()


def test_a_bridge_without_an_ipv4_address(stopped: Daemon) -> None:
    """``inhibit_ipv4``: the gateway is for a router that somebody else puts there."""
    start(stopped, {})
    stopped.load(busybox_archive())
    inhibit = ("-o", "com.docker.network.bridge.inhibit_ipv4=true")
    name = ("-o", "com.docker.network.bridge.name=scowbare")
    stopped.docker("network", "create", *inhibit, *name, "--subnet", "10.79.0.0/24", "bare")
    assert "inet " not in stopped.namespace.run("ip", "addr", "show", "scowbare").stdout
    stopped.docker("run", "-d", "--name", "first", "--network", "bare", "busybox", "sleep", "600")
    out = stopped.docker(
        "run", "--rm", "--network", "bare", "busybox", "sh", "-c", "ip route; ping -c1 first"
    ).out
    assert "default via 10.79.0.1" in out
    stopped.namespace.run("ip", "addr", "add", "10.79.0.1/24", "dev", "scowbare")
    stopped.restart()
    assert "10.79.0.1/24" in stopped.namespace.run("ip", "addr", "show", "scowbare").stdout
    stopped.docker("rm", "-f", "first")
    internal = ("--internal", "--subnet", "10.80.0.0/31")
    stopped.docker("network", "create", *inhibit, *internal, "pair")
    for guest in ("first", "second"):
        stopped.docker("run", "-d", "--name", guest, "--network", "pair", "busybox", "sleep", "600")
    assert stopped.docker("exec", "first", "ping", "-c1", "-W5", "second").code == 0
    stopped.docker("rm", "-f", "first", "second")
    stopped.stop()

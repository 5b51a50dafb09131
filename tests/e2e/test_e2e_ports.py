"""Ports over IPv6, added and withdrawn while a container runs, for some clients only, and explained."""

import functools

import pytest

from tests.support.clients import Client
from tests.support.daemons import DaemonOptions
from tests.support.namespaces import NetworkNamespace
from tests.support.traffic import fetch
from tests.support.waiting import wait_until

DAEMON = DaemonOptions(uplink=True)

_SERVE = ("sh", "-c", "echo hello >/tmp/index.html; exec httpd -f -p 80 -h /tmp")


def test_a_port_answers_at_the_hosts_ipv6_loopback(client: Client) -> None:
    client.start("--name", "web", "-p", "8080:80", "busybox", *_SERVE)
    host = client.daemon.namespace

    def says_hello(address: str) -> bool:
        return fetch(host, address, 8080) == "hello"

    for address in ("127.0.0.1", "[::1]"):
        wait_until(functools.partial(says_hello, address), f"{address} answers")
    client("rm", "-f", "web")
    assert fetch(host, "[::1]", 8080) == ""


def test_ports_come_and_go_while_a_container_runs(client: Client) -> None:
    client.start("--name", "web", "-p", "8080:80", "busybox", *_SERVE)
    host = client.daemon.namespace
    assert (
        client.daemon.scow("port", "add", "web", "9090:80").out
        == "80/tcp -> 0.0.0.0:9090\n80/tcp -> [::]:9090\n"
    )
    wait_until(lambda: fetch(host, "127.0.0.1", 9090) == "hello", "the new port answers")
    assert fetch(host, "127.0.0.1", 8080) == "hello"
    assert "0.0.0.0:9090" in client.text("port", "web", "80")
    error = client.daemon.scow("port", "add", "web", "9090:80", code=1).err
    assert "Bind for 0.0.0.0:9090 failed: port is already allocated" in error
    client("restart", "-t", "0", "web")
    wait_until(lambda: fetch(host, "127.0.0.1", 9090) == "hello", "it is published after a restart too")
    client.daemon.restart()
    wait_until(lambda: fetch(host, "127.0.0.1", 9090) == "hello", "and by the next daemon")
    client.daemon.scow("port", "rm", "web", "9090:80")
    assert fetch(host, "127.0.0.1", 9090) == ""
    assert fetch(host, "127.0.0.1", 8080) == "hello"
    client("restart", "-t", "0", "web")
    assert "9090" not in client.text("port", "web")
    assert "no such port is published" in client.daemon.scow("port", "rm", "web", "9090:80", code=1).err


def test_ports_of_a_stopped_container_are_published_when_it_starts(client: Client) -> None:
    client("create", "--name", "web", "busybox", *_SERVE)
    client.daemon.scow("port", "add", "web", "127.0.0.1:9091:80")
    client("start", "web")
    wait_until(lambda: fetch(client.daemon.namespace, "127.0.0.1", 9091) == "hello", "it answers")
    assert client.text("port", "web") == "80/tcp -> 127.0.0.1:9091"


def test_a_label_says_who_may_use_a_port(client: Client, neighbour: NetworkNamespace) -> None:
    client.start(
        "--name", "web", "-p", "8080:80", "--label", "scow.allow.80/tcp=192.0.2.0/24", "busybox", *_SERVE
    )
    host = client.daemon.namespace
    wait_until(lambda: fetch(host, "127.0.0.1", 8080) == "hello", "the host may")
    assert fetch(neighbour, neighbour.peer_address, 8080, timeout_s=3) == ""
    client.daemon.scow("port", "add", "--allow", f"{neighbour.address}/32", "web", "9090:80")
    error = client("create", "--label", "scow.allow.80/tcp=x", "-p", "80:80", "busybox", code=None)
    assert error


def test_the_way_of_a_packet_is_explained(client: Client) -> None:
    client.start("--name", "web", "-p", "8080:80", "busybox", *_SERVE)
    address = client.inspect("web", "{{.NetworkSettings.Networks.bridge.IPAddress}}")
    text = client.daemon.scow("network", "explain", "web").out
    for part in (
        f"published: tcp . 8080 : {address} . 80",
        "chain SCOW-USER: no rules",
        "masquerade",
        "relay",
    ):
        assert part in text
    assert "MISSING" not in text
    by_port = client.daemon.scow("network", "explain", "8080").out
    assert "container web" in by_port
    nft = client.daemon.namespace.run
    rule = ("meta", "l4proto", "tcp", "ct", "original", "proto-dst", "8080", "drop")
    nft("nft", "add", "rule", "inet", "scow-user", "SCOW-USER", *rule)
    assert "1 rule of yours" in client.daemon.scow("network", "explain", "8080/tcp").out
    nft("nft", "flush", "chain", "inet", "scow-user", "SCOW-USER")
    error = client.daemon.scow("network", "explain", "8099", code=1).err
    assert "no container has published port 8099/tcp" in error
    assert "No such container: nobody" in client.daemon.scow("network", "explain", "nobody", code=1).err


def test_rules_that_are_flushed_come_back_while_containers_run(client: Client) -> None:
    client.start("--name", "web", "-p", "8080:80", "busybox", *_SERVE)
    host = client.daemon.namespace
    wait_until(lambda: fetch(host, "127.0.0.1", 8080) == "hello", "it answers")
    host.run("nft", "flush", "ruleset")
    wait_until(lambda: fetch(host, "127.0.0.1", 8080) == "hello", "it answers again")


def test_another_network_is_reached_by_published_ports_only(client: Client) -> None:
    for name in ("front", "back"):
        client("network", "create", name)
    client.start("--name", "web", "--network", "back", "-p", "8080:80", "busybox", *_SERVE)
    client.start("--name", "guest", "--network", "front", "busybox", "sleep", "600")
    address = client.inspect("web", "{{.NetworkSettings.Networks.back.IPAddress}}")
    gateway = client.inspect("guest", "{{.NetworkSettings.Networks.front.Gateway}}")
    get = ("exec", "guest", "timeout", "2", "wget", "-qO-")
    wait_until(
        lambda: client(*get, f"http://{gateway}:8080/", code=None).out == "hello\n", "by the host's port"
    )
    assert client(*get, f"http://{address}/", code=None).code != 0
    client.daemon.remove_containers()
    client("network", "rm", "front", "back")


@pytest.mark.not_on_dockerd("Docker has no limits of an endpoint's rate")
def test_a_rate_that_is_none_is_refused(client: Client) -> None:
    client("network", "create", "front")
    option = "name=front,driver-opt=com.scow.bandwidth.egress=fast"
    error = client("run", "--rm", "--network", option, "busybox", "true", code=125).err
    assert "a rate is like 10mbit or 500kbit" in error
    client("network", "rm", "front")


@pytest.mark.needs("iptables")
def test_a_firewall_that_drops_forwarded_packets_is_named_and_can_be_opened(
    client: Client, neighbour: NetworkNamespace
) -> None:
    """As ufw and dockerd leave it; the rules that let containers through are those of the documents."""
    host = client.daemon.namespace
    client.start("--name", "web", "-p", "8080:80", "busybox", *_SERVE)
    wait_until(lambda: fetch(neighbour, neighbour.peer_address, 8080) == "hello", "it is reached")
    try:
        assert host.run("iptables", "-P", "FORWARD", "DROP").returncode == 0
        assert fetch(neighbour, neighbour.peer_address, 8080, timeout_s=3) == ""
        explained = client.daemon.scow("network", "explain", "8080").out
        assert "chain ip filter FORWARD of another firewall drops what it has no rule for" in explained
        for direction in ("-i", "-o"):
            host.run("iptables", "-I", "FORWARD", direction, "scow0", "-j", "ACCEPT")
        wait_until(lambda: fetch(neighbour, neighbour.peer_address, 8080) == "hello", "it is reached again")
    finally:
        host.run("iptables", "-P", "FORWARD", "ACCEPT")
        host.run("iptables", "-F", "FORWARD")

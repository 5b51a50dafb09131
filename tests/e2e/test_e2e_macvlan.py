"""Containers with devices of their own on the segment of a host's interface."""

import functools
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.clients import Client
from tests.support.daemons import DaemonOptions
from tests.support.namespaces import NetworkNamespace
from tests.support.traffic import fetch
from tests.support.waiting import wait_until

DAEMON = DaemonOptions(uplink=True)

_SERVE = ("sh", "-c", "echo hello >/tmp/index.html; exec httpd -f -p 80 -h /tmp")
_CREATE = ("network", "create", "-d", "macvlan")
# What a DHCP client calls with what it was given; it may set addresses with NET_ADMIN only.
_ASK = """
printf '#!/bin/sh\n[ "$1" != bound ] || ip addr add $ip/24 dev $interface\n' >/tmp/configure
chmod +x /tmp/configure
udhcpc -n -q -t 20 -T 1 -i eth0 -s /tmp/configure
"""


def parent_of(client: Client, neighbour: NetworkNamespace) -> str:
    """The host's interface that leads to the machine beside it."""
    host = client.daemon.namespace
    return host.run("ip", "-o", "-4", "addr", "show", "to", neighbour.peer_address).stdout.split()[1]


def test_a_container_on_a_macvlan_network_is_on_its_parents_segment(
    client: Client, neighbour: NetworkNamespace
) -> None:
    device = parent_of(client, neighbour)
    neighbour.run("ip", "addr", "add", "10.91.0.1/24", "dev", "eth0")
    client(*_CREATE, "--subnet", "10.91.0.0/24", "-o", f"parent={device}", "segment")
    client.start("--name", "web", "--network", "segment", "--ip", "10.91.0.7", "busybox", *_SERVE)
    wait_until(lambda: fetch(neighbour, "10.91.0.7", 80) == "hello", "the machine beside the host reaches it")
    error = client("network", "create", "-d", "ipvlan", "-o", f"parent={device}", "other", code=1).err
    assert "ipvlan networks are not supported" in error
    found = json.loads(client.text("network", "inspect", "segment"))[0]
    assert (found["Driver"], found["Options"]["parent"]) == ("macvlan", device)
    client("rm", "-f", "web")
    client("network", "rm", "segment")


@pytest.mark.not_on_dockerd("this kernel may have no dummy devices, which dockerd needs")
def test_a_macvlan_network_without_a_parent_is_for_its_containers_alone(client: Client) -> None:
    client(*_CREATE, "--internal", "--subnet", "10.92.0.0/24", "alone")
    client.start("--name", "web", "--network", "alone", "busybox", *_SERVE)
    get = ("sh", "-c", "wget -qO- http://web/ && ip route")
    wait_until(
        lambda: (
            client("run", "--rm", "--network", "alone", "busybox", *get, code=None).out
            == "hello\n10.92.0.0/24 dev eth0 scope link  src 10.92.0.2 \n"
        ),
        "it finds its neighbour, and no way out",
    )
    client.daemon.restart()
    wait_until(
        lambda: client("run", "--rm", "--network", "alone", "busybox", *get, code=None).out.startswith(
            "hello"
        ),
        "it still does",
    )
    client("rm", "-f", "web")
    client("network", "rm", "alone")
    assert "dm-" not in client.daemon.namespace.run("ip", "link").stdout


@contextmanager
def dhcp_server(namespace: NetworkNamespace, folder: Path) -> Iterator[None]:
    """One that gives 10.93.0.50 to whoever asks at eth0 of a machine, which is 10.93.0.1."""
    namespace.run("ip", "addr", "add", "10.93.0.1/24", "dev", "eth0")
    leases = folder / "leases"
    leases.touch()
    config = folder / "udhcpd.conf"
    config.write_text(
        f"start 10.93.0.50\nend 10.93.0.50\ninterface eth0\nlease_file {leases}\n"
        f"pidfile {folder / 'pid'}\noption subnet 255.255.255.0\n"
    )
    server = subprocess.Popen(namespace.command("busybox", "udhcpd", "-f", str(config)))
    try:
        yield
    finally:
        server.terminate()
        server.wait(120)


def test_a_container_asks_for_its_address_itself(
    client: Client, neighbour: NetworkNamespace, tmp_path: Path
) -> None:
    options = ("--ipam-driver", "null", "-o", f"parent={parent_of(client, neighbour)}")
    assert "ipv4 pool is empty" in client(*_CREATE, *options, "segment", code=1).err
    client(*_CREATE, *options, "--ipv4=false", "segment")
    found = json.loads(client.text("network", "inspect", "segment"))[0]
    assert found["IPAM"] == {"Driver": "null", "Options": {}, "Config": None}
    client.start("--name", "web", "--network", "segment", "--cap-add", "NET_ADMIN", "busybox", *_SERVE)
    device = client.text("exec", "web", "ip", "addr", "show", "eth0")
    assert ",UP" in device
    assert "inet" not in device
    endpoint = json.loads(client.inspect("web", "{{json .NetworkSettings.Networks.segment}}"))
    assert (endpoint["IPAddress"], endpoint["Gateway"]) == ("", "")
    assert endpoint["MacAddress"] in device
    with dhcp_server(neighbour, tmp_path):
        client("exec", "web", "sh", "-c", _ASK)
    wait_until(lambda: fetch(neighbour, "10.93.0.50", 80) == "hello", "it answers")
    error = client("run", "--rm", "--network", "segment", "--ip", "10.93.0.9", "busybox", code=125).err
    assert "only when connecting to networks with user configured subnets" in error
    client.daemon.restart()
    wait_until(lambda: fetch(neighbour, "10.93.0.50", 80) == "hello", "it answers")
    client("rm", "-f", "web")
    client("network", "rm", "segment")


def answers(neighbour: NetworkNamespace, address: str) -> bool:
    return fetch(neighbour, address, 80) == "hello"


def test_networks_share_a_parent_unless_one_has_all_of_it(
    client: Client, neighbour: NetworkNamespace
) -> None:
    device = parent_of(client, neighbour)
    for name, prefix in (("front", "10.94.1"), ("back", "10.94.2")):
        neighbour.run("ip", "addr", "add", f"{prefix}.1/24", "dev", "eth0")
        client(*_CREATE, "-o", f"parent={device}", "--subnet", f"{prefix}.0/24", name)
        client.start("--name", f"{name}-web", "--network", name, "busybox", *_SERVE)
        wait_until(functools.partial(answers, neighbour, f"{prefix}.2"), f"{name} answers")
    passthru = ("-o", "macvlan_mode=passthru", "-o", f"parent={device}")
    error = client(*_CREATE, *passthru, "whole", code=1).err
    assert "cannot use mode passthru, macvlan network " in error
    assert f"is already using parent interface {device}" in error
    client.daemon.remove_containers()
    client("network", "rm", "front", "back")
    client(*_CREATE, *passthru, "whole")
    error = client(*_CREATE, "-o", f"parent={device}", "front", code=1).err
    assert f"is already using parent interface {device} in mode passthru" in error
    client("network", "rm", "whole")


def test_a_macvlan_network_has_several_subnets(client: Client, neighbour: NetworkNamespace) -> None:
    subnets = ("--subnet", "10.95.0.0/30", "--subnet", "10.96.0.0/24", "--gateway", "10.96.0.9")
    client(*_CREATE, "-o", f"parent={parent_of(client, neighbour)}", *subnets, "wide")
    found = {}
    for name in ("first", "second", "third"):
        asked = ("--ip", "10.96.0.7") if name == "third" else ()
        client.start("--name", name, "--network", "wide", *asked, "busybox", "sleep", "600")
        way = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.Gateway}}{{end}}"
        found[name] = client.inspect(name, way)
    assert found == {
        "first": "10.95.0.2 10.95.0.1",
        "second": "10.96.0.1 10.96.0.9",
        "third": "10.96.0.7 10.96.0.9",
    }
    client.daemon.restart()
    client("rm", "-f", "first", "second")
    client.start("--name", "fourth", "--network", "wide", "busybox", "sleep", "600")
    assert client.inspect("fourth", "{{.NetworkSettings.Networks.wide.IPAddress}}") == "10.95.0.2"
    client.daemon.remove_containers()
    client("network", "rm", "wide")


@pytest.mark.not_on_dockerd("its containers have MAC addresses by chance")
def test_the_device_of_who_had_the_address_before_is_waited_for(
    client: Client, neighbour: NetworkNamespace
) -> None:
    parent, host, mac = parent_of(client, neighbour), client.daemon.namespace, "02:42:0a:61:00:07"
    client(*_CREATE, "--subnet", "10.97.0.0/24", "-o", f"parent={parent}", "busy")
    host.run(
        "ip",
        "link",
        "add",
        "link",
        parent,
        "name",
        "going",
        "address",
        mac,
        "type",
        "macvlan",
        "mode",
        "bridge",
    )
    host.run("ip", "link", "set", "going", "up")
    going = threading.Timer(1.0, host.run, ("ip", "link", "del", "going"))
    going.start()
    client("run", "--rm", "--network", "busy", "--mac-address", mac, "busybox", "true")
    going.join()
    client("network", "rm", "busy")

"""Networks: the default bridge, published ports from every side, and the modes without one."""

import json
import re
import subprocess
import sys

import pytest

from tests.support.clients import Client
from tests.support.daemons import DaemonOptions
from tests.support.images import debian_archive
from tests.support.namespaces import NetworkNamespace
from tests.support.traffic import fetch
from tests.support.waiting import wait_until

DAEMON = DaemonOptions(uplink=True)
pytestmark = pytest.mark.reference

_SERVE = ("sh", "-c", "echo hello >/tmp/index.html; exec httpd -f -p 80 -h /tmp")


_UDP_ECHO = """
my $s = IO::Socket::INET->new(LocalPort => 53, Proto => "udp") or die;
while ($s->recv(my $data, 2000)) { $s->send($data); }
"""
_UDP_ASK = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
s.connect((sys.argv[1], int(sys.argv[2])))
s.send(b"ping")
print(s.recv(100).decode())
"""


def echoes(namespace: NetworkNamespace, address: str, port: int) -> bool:
    return namespace.run(sys.executable, "-c", _UDP_ASK, address, str(port)).stdout == "ping\n"


def load_debian(client: Client) -> None:
    if client.api("GET", "/images/debian:bookworm/json").status == 404:
        client.daemon.load(debian_archive())


def test_containers_have_addresses_and_reach_each_other_and_the_host(client: Client) -> None:
    client.start("--name", "server", "busybox", *_SERVE)
    settings = json.loads(client.inspect("server", "{{json .NetworkSettings.Networks.bridge}}"))
    address, gateway = settings["IPAddress"], settings["Gateway"]
    assert re.fullmatch(r"172\.\d+\.0\.\d+", address)
    assert settings["IPPrefixLen"] == 16
    assert re.fullmatch("(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", settings["MacAddress"])
    wait_until(
        lambda: fetch(client.daemon.namespace, address, 80) == "hello", "the host reaches the container"
    )
    script = (
        f"ip -o -4 addr show eth0 | awk '{{print $4}}'; ip route | head -1; wget -qO- http://{address}/;"
        f"ping -c1 -W30 {gateway} >/dev/null && echo gateway"
    )
    out = client("run", "--rm", "--name", "guest", "busybox", "sh", "-c", script).lines
    assert out[0].endswith("/16")
    assert out[0] != f"{address}/16"
    assert out[1].split()[:3] == ["default", "via", gateway]
    assert out[2:] == ["hello", "gateway"]


def test_a_published_port_answers_on_every_side(client: Client, neighbour: NetworkNamespace) -> None:
    client.start("--name", "web", "-p", "8080:80", "busybox", *_SERVE)
    host = client.daemon.namespace
    wait_until(lambda: fetch(host, "127.0.0.1", 8080) == "hello", "127.0.0.1 on the host answers")
    gateway = client.inspect("web", "{{.NetworkSettings.Networks.bridge.Gateway}}")
    assert fetch(host, gateway, 8080) == "hello"
    assert fetch(host, neighbour.peer_address, 8080) == "hello"
    assert fetch(neighbour, neighbour.peer_address, 8080) == "hello", "from a neighbour"
    command = ("timeout", "30", "wget", "-qO-", f"http://{gateway}:8080/")
    assert client.text("run", "--rm", "busybox", *command) == "hello", "from another container"
    assert client.text("exec", "web", *command) == "hello", "from the container itself"
    assert client.text("port", "web", "80") in ("0.0.0.0:8080", "0.0.0.0:8080\n[::]:8080")
    assert "0.0.0.0:8080->80/tcp" in client.text("ps", "--format", "{{.Ports}}")
    client("stop", "-t", "0", "web")
    assert fetch(host, "127.0.0.1", 8080) == ""
    client("start", "web")
    wait_until(lambda: fetch(host, "127.0.0.1", 8080) == "hello", "the port is back with the container")


def test_ports_bound_to_one_address_answer_there_only(client: Client, neighbour: NetworkNamespace) -> None:
    client.start("--name", "local", "-p", "127.0.0.1:8081:80", "busybox", *_SERVE)
    wait_until(lambda: fetch(client.daemon.namespace, "127.0.0.1", 8081) == "hello", "loopback answers")
    assert fetch(neighbour, neighbour.peer_address, 8081) == ""
    assert client.text("port", "local") == "80/tcp -> 127.0.0.1:8081"


def test_ranges_random_ports_and_all_exposed_ports(client: Client) -> None:
    client.start("--name", "range", "-p", "7000-7002:80-82", "busybox", "sleep", "600")
    assert sorted(line for line in client.text("port", "range").splitlines() if "0.0.0.0" in line) == [
        "80/tcp -> 0.0.0.0:7000",
        "81/tcp -> 0.0.0.0:7001",
        "82/tcp -> 0.0.0.0:7002",
    ]
    client.start("--name", "one-of", "-p", "7001-7005:80", "busybox", "sleep", "600")
    assert "0.0.0.0:7003" in client.text("port", "one-of", "80")
    client.start("--name", "any", "-P", "--expose", "80", "-p", "81", "busybox", *_SERVE)
    found = re.search(r"80/tcp -> 0\.0\.0\.0:(\d+)", client.text("port", "any"))
    assert found
    assert int(found[1]) >= 32768
    wait_until(lambda: fetch(client.daemon.namespace, "127.0.0.1", int(found[1])) == "hello", "it answers")


def test_udp_ports_carry_datagrams_both_ways(client: Client, neighbour: NetworkNamespace) -> None:
    load_debian(client)
    client.start(
        "--name",
        "echo",
        "-p",
        "5353:53/udp",
        "debian:bookworm",
        "perl",
        "-MIO::Socket::INET",
        "-e",
        _UDP_ECHO,
    )
    host = client.daemon.namespace
    wait_until(
        lambda: echoes(neighbour, neighbour.peer_address, 5353), "the neighbour gets its datagram back"
    )
    wait_until(lambda: echoes(host, "127.0.0.1", 5353), "the host gets its datagram back")


def test_a_port_in_use_is_refused_and_the_container_can_start_later(client: Client) -> None:
    client.start("--name", "holder", "-p", "8082:80", "busybox", "sleep", "600")
    error = client("run", "-d", "--name", "late", "-p", "8082:80", "busybox", "sleep", "600", code=125).err
    assert "driver failed programming external connectivity on endpoint late" in error
    assert "Bind for 0.0.0.0:8082 failed: port is already allocated" in error
    assert client.status("late") == "created"
    client("rm", "-f", "holder")
    client("start", "late")


def test_a_port_of_another_program_is_refused(client: Client) -> None:
    host = client.daemon.namespace
    with subprocess.Popen(host.command("busybox", "httpd", "-f", "-p", "8083")) as listener:
        wait_until(lambda: ":8083" in host.run("ss", "-Htln").stdout, "the other program listens")
        error = client("run", "--rm", "-p", "8083:80", "busybox", "true", code=125).err
        listener.kill()
    assert "address already in use" in error


def test_network_none_has_loopback_only(client: Client) -> None:
    out = client.text(
        "run", "--rm", "--network", "none", "busybox", "sh", "-c", "ls /sys/class/net; ping -c1 127.0.0.1"
    )
    assert out.splitlines()[0] == "lo"
    assert "1 packets received" in out


def test_network_host_shares_the_engines(client: Client) -> None:
    inside = client.text("run", "--rm", "--network", "host", "busybox", "ls", "/sys/class/net").split()
    assert "uplink" in inside
    client.start(
        "--name", "hosted", "--network", "host", "busybox", "httpd", "-f", "-p", "8090", "-h", "/etc"
    )
    group = ("busybox", "wget", "-qO-", "http://127.0.0.1:8090/group")
    wait_until(lambda: "nogroup" in client.daemon.namespace.run(*group).stdout, "the server is on the host")
    assert client.inspect("hosted", "{{.HostConfig.NetworkMode}}") == "host"


def test_network_container_shares_another_containers(client: Client) -> None:
    client.start("--name", "owner", "--hostname", "owner-host", "busybox", *_SERVE)
    script = "wget -qO- http://127.0.0.1/; hostname; grep -c owner-host /etc/hosts"
    wait_until(
        lambda: (
            client(
                "run", "--rm", "--network", "container:owner", "busybox", "sh", "-c", script, code=None
            ).lines
            == ["hello", "owner-host", "1"]
        ),
        "the guest shares address, name and hosts file",
    )
    error = client("run", "--rm", "--network", "container:nobody", "busybox", "true", code=125).err
    assert "No such container: nobody" in error
    client("kill", "owner")
    error = client("run", "--rm", "--network", "container:owner", "busybox", "true", code=125).err
    assert "cannot join network of a non running container" in error


def test_a_network_that_is_not_there_is_refused(client: Client) -> None:
    error = client("run", "--rm", "--network", "nosuchnet", "busybox", "true", code=125).err
    assert "network nosuchnet not found" in error


def test_names_of_the_three_networks_are_listed(client: Client) -> None:
    listed = client.text("network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}")
    assert listed.splitlines() == ["bridge bridge local", "host host local", "none null local"]
    client.start("--name", "member", "busybox", "sleep", "600")
    network = json.loads(client.text("network", "inspect", "bridge"))[0]
    member = next(iter(network["Containers"].values()))
    assert member["Name"] == "member"
    assert (
        member["IPv4Address"]
        == client.inspect("member", "{{.NetworkSettings.Networks.bridge.IPAddress}}") + "/16"
    )


@pytest.mark.not_on_dockerd("the command line asks for API 1.44")
def test_the_mac_address_that_was_asked_for_is_used(client: Client) -> None:
    mac = "02:42:0a:0b:0c:0d"
    out = client.text("run", "--rm", "--mac-address", mac, "busybox", "cat", "/sys/class/net/eth0/address")
    assert out == mac


def test_addresses_are_used_again_when_free(client: Client) -> None:
    addresses = {
        client.text("run", "--rm", "busybox", "sh", "-c", "ip -o -4 addr show eth0 | awk '{print $4}'")
        for _ in range(3)
    }
    containers = [client.start("busybox", "sleep", "600") for _ in range(3)]
    held = [client.inspect(c, "{{.NetworkSettings.Networks.bridge.IPAddress}}") for c in containers]
    assert len(set(held)) == 3
    assert addresses


def test_apt_get_update_works_through_nat(client: Client) -> None:
    load_debian(client)
    resolv = client.daemon.namespace.run("cat", "/etc/resolv.conf").stdout
    if "nameserver 127." in resolv:
        pytest.skip("this machine's name server is on its loopback")
    probe = client.daemon.namespace.run("apt-get", "-qq", "indextargets")
    assert probe.returncode == 0
    command = ("run", "--rm", "debian:bookworm", "apt-get", "-oAcquire::Retries=5", "update")

    def is_updated() -> bool:
        """A server on the net may be away for a moment, which is not what this is about."""
        out = client(*command, timeout_s=200, code=None)
        return "Reading package lists" in out.out and "Err:" not in out.out + out.err

    wait_until(is_updated, "apt-get update has all it wants")

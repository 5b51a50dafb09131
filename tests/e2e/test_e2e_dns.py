"""Names: what containers call each other, and what they learn of the world."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clients import Client
from tests.support.daemons import DaemonOptions
from tests.support.name_questions import AAAA, PTR, ask, ask_often
from tests.support.name_server import BIG, OUTSIDE
from tests.support.namespaces import NetworkNamespace
from tests.support.waiting import wait_until

DAEMON = DaemonOptions(uplink=True)
pytestmark = pytest.mark.reference("present")

_PROJECT = Path(__file__).parents[2]
NO_ERROR, NO_SUCH_NAME = 0, 3


@pytest.fixture
def network(client: Client) -> Iterator[str]:
    client("network", "create", "front")
    yield "front"
    client.daemon.remove_containers()
    client("network", "rm", "front")


@pytest.fixture
def outside(neighbour: NetworkNamespace) -> Iterator[str]:
    """The address of a name server on a machine beside the host."""
    command = neighbour.command(sys.executable, "-m", "tests.support.name_server", neighbour.address)
    with subprocess.Popen(command, cwd=_PROJECT) as server:
        wait_until(lambda: ":53 " in neighbour.run("ss", "-ltn").stdout, "the name server listens")
        yield neighbour.address
        server.terminate()


def sleeper(client: Client, name: str, *options: str) -> str:
    """A container on the network; its address there."""
    client.start("--name", name, "--network", "front", *options, "busybox", "sleep", "600")
    return client.inspect(name, "{{.NetworkSettings.Networks.front.IPAddress}}")


@pytest.mark.usefixtures("network")
def test_a_container_is_found_by_all_its_names(client: Client) -> None:
    address = sleeper(client, "db", "--network-alias", "postgres")
    sleeper(client, "web")
    short = client.inspect("db", "{{.Id}}")[:12]
    for name in ("db", "DB", "postgres", short, "db.front"):
        found = ask(client, "web", name)
        assert (found.code, found.addresses) == (NO_ERROR, [address]), name
    reverse = ".".join(reversed(address.split("."))) + ".in-addr.arpa"
    assert ask(client, "web", reverse, PTR).names == ["db.front"]
    assert ask(client, "web", "db", tcp=True).addresses == [address]
    assert "db" in client.text("exec", "web", "nslookup", "db")
    assert client("exec", "web", "ping", "-c1", "-W2", "postgres").out
    assert ask(client, "web", "db", AAAA) == ask(client, "web", "postgres", AAAA)
    six = ask(client, "web", "db", AAAA)
    assert (six.code, six.addresses) == (NO_ERROR, []), "there is no such address, but there is the name"


@pytest.mark.usefixtures("network")
def test_names_come_and_go_with_containers(client: Client) -> None:
    sleeper(client, "web")
    assert ask(client, "web", "db").addresses == []
    address = sleeper(client, "db")
    assert ask(client, "web", "db").addresses == [address]
    client("rename", "db", "store")
    assert ask(client, "web", "store").addresses == [address]
    assert ask(client, "web", "db").addresses == []
    client("rm", "-f", "store")
    assert ask(client, "web", "store").addresses == []


@pytest.mark.usefixtures("network")
def test_replicas_share_a_name_in_changing_order(client: Client) -> None:
    sleeper(client, "web")
    addresses = {sleeper(client, f"api-{number}", "--network-alias", "api") for number in range(3)}
    answers = [it.addresses for it in ask_often(client, "web", "api", times=16)]
    assert all(set(it) == addresses for it in answers)
    assert len({it[0] for it in answers}) > 1


@pytest.mark.usefixtures("network")
def test_names_of_another_network_are_not_found(client: Client) -> None:
    client("network", "create", "back")
    client.start("--name", "db", "--network", "back", "busybox", "sleep", "600")
    sleeper(client, "web")
    assert ask(client, "web", "db").addresses == []
    client("network", "connect", "--alias", "data", "back", "web")
    found = client.inspect("db", "{{.NetworkSettings.Networks.back.IPAddress}}")
    assert ask(client, "web", "db").addresses == [found]
    assert ask(client, "db", "data").addresses != []
    client("network", "disconnect", "back", "web")
    assert ask(client, "web", "db").addresses == []
    client("rm", "-f", "db")
    client("network", "rm", "back")


@pytest.mark.usefixtures("network")
def test_other_names_are_asked_for_outside(client: Client, outside: str) -> None:
    sleeper(client, "web", "--dns", outside)
    for tcp in (False, True):
        assert ask(client, "web", "outside.example", tcp=tcp).addresses == [OUTSIDE]
        assert ask(client, "web", "missing.example", tcp=tcp).code == NO_SUCH_NAME
    cut_off = ask(client, "web", "big.example")
    assert cut_off.truncated
    assert len(ask(client, "web", "big.example", tcp=True).addresses) == BIG
    assert OUTSIDE in client.text("exec", "web", "nslookup", "-type=a", "outside.example")


@pytest.mark.usefixtures("network")
def test_search_domains_and_options_reach_the_container(client: Client, outside: str) -> None:
    sleeper(client, "web", "--dns", outside, "--dns-search", "example", "--dns-option", "ndots:2")
    lines = client.text("exec", "web", "cat", "/etc/resolv.conf").splitlines()
    assert "nameserver 127.0.0.11" in lines
    assert "search example" in lines
    assert "options ndots:2" in lines
    assert client("exec", "web", "ping", "-c1", "-W1", "outside", code=None).out.startswith(
        f"PING outside ({OUTSIDE})"
    )


def test_an_internal_network_has_no_outside_names(client: Client, outside: str) -> None:
    client("network", "create", "--internal", "shut")
    for name in ("web", "db"):
        client.start("--name", name, "--network", "shut", "--dns", outside, "busybox", "sleep", "600")
    assert ask(client, "web", "db").addresses
    found = ask(client, "web", "outside.example")
    assert found.addresses == []
    assert found.code != NO_ERROR
    client.daemon.remove_containers()
    client("network", "rm", "shut")


@pytest.mark.usefixtures("network")
def test_the_host_has_a_name_when_asked_for(client: Client) -> None:
    sleeper(client, "web", "--add-host", "host.docker.internal:host-gateway")
    line = client.text("exec", "web", "grep", "host.docker.internal", "/etc/hosts")
    address = line.split()[0]
    assert client("exec", "web", "ping", "-c1", "-W2", "host.docker.internal").out.startswith(
        f"PING host.docker.internal ({address})"
    )


@pytest.mark.not_on_dockerd("without live-restore its containers end with it")
@pytest.mark.usefixtures("network")
def test_names_are_back_within_a_second_of_the_next_engine(client: Client) -> None:
    address = sleeper(client, "db")
    sleeper(client, "web")
    client.daemon.kill9()
    client.daemon.start()  # which returns when the API answers
    assert ask(client, "web", "db").addresses == [address]
    assert ask(client, "web", "db", tcp=True).addresses == [address]


@pytest.mark.not_on_dockerd("a flood takes its names away from all others")
@pytest.mark.usefixtures("network")
def test_a_container_that_floods_its_name_server_harms_nobody(client: Client) -> None:
    address = sleeper(client, "db")
    sleeper(client, "web")
    pid = client.inspect("db", "{{.State.Pid}}")
    flood = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('127.0.0.11', 53))\n"
        "q = b'\\0\\7\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\3web\\0\\0\\1\\0\\1'\n"
        "while True:\n    s.send(q)\n"
    )
    command = ["nsenter", f"--net=/proc/{pid}/ns/net", sys.executable, "-c", flood]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as flooder:
        for _ in range(5):
            assert ask(client, "web", "db").addresses == [address]
        assert client("run", "--rm", "busybox", "true").code == 0
        flooder.kill()

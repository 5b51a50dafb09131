"""The bridge driver with real traffic: a host namespace with the bridge, bare namespaces as containers, and a
machine beside the host.
"""

import asyncio
import logging
import os
import subprocess

import pytest

from scow import tasks
from scow.errors import InvalidArgumentError, ScowError
from scow.linux import rtnetlink
from scow.linux.namespaces import create_netns, enter_netns
from scow.linux.netlink import NETLINK_ROUTE, NetlinkSocket
from scow.network.endpoint import ConnectRequest, Endpoint, PortRequest
from scow.network.loopback import loopback_up
from tests.support.bridge_hosts import GATEWAY, Host, close_fd, publish
from tests.support.live_folders import own_descriptors
from tests.support.namespaces import NetworkNamespace
from tests.support.traffic import (
    ANSWER_S,
    SILENCE_S,
    ask,
    call,
    caller,
    is_silent,
    service,
    write_sysctl,
)
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.needs("nft")]


@pytest.fixture(params=["0", "1"], ids=["plain", "br_netfilter"])
def any_host(request: pytest.FixtureRequest, bare_host: Host) -> Host:
    """With and without the firewall seeing what the bridge passes from port to port."""
    filter_bridged(bare_host, request.param)
    bare_host.start()
    return bare_host


def filter_bridged(host: Host, value: str) -> None:
    """Whether the firewall sees what goes from port to port."""
    try:
        write_sysctl(host.fd, "net/bridge/bridge-nf-call-iptables", value)
    except FileNotFoundError:
        if value == "1":
            pytest.skip("this kernel has no br_netfilter")


# what a container gets


def test_a_container_has_an_address_a_gateway_and_loopback(host: Host) -> None:
    container = host.connect()
    endpoint = container.endpoint
    assert (endpoint.address, endpoint.prefix_len, endpoint.gateway) == ("172.17.0.2", 16, GATEWAY)
    assert endpoint.mac == "02:42:ac:11:00:02"
    with enter_netns(container.netns_fd):
        sock = NetlinkSocket(NETLINK_ROUTE)
    with sock:
        found = {str(item.interface) for item in rtnetlink.addresses(sock)}
        eth0 = rtnetlink.find_link(sock, "eth0")
    assert found == {"127.0.0.1/8", "::1/128", "172.17.0.2/16"}
    assert eth0 is not None
    assert (eth0.mac, eth0.mtu, eth0.is_up) == (endpoint.mac, 1500, True)
    with enter_netns(host.fd):
        sock = NetlinkSocket(NETLINK_ROUTE)
    with sock:
        other_end = rtnetlink.find_link(sock, endpoint.host_interface)
    assert other_end is not None
    assert (other_end.index, other_end.peer_index) == (eth0.peer_index, eth0.index)


def test_an_address_and_a_mac_can_be_asked_for(host: Host) -> None:
    container = host.connect(address="172.17.5.6", mac="02:00:00:00:00:07")
    assert (container.address, container.endpoint.mac) == ("172.17.5.6", "02:00:00:00:00:07")
    with service(container.netns_fd, 80, "fixed"):
        assert call(host.fd, "172.17.5.6", 80) == f"fixed {GATEWAY}"
    with pytest.raises(ScowError, match="Address already in use"):
        host.connect(address="172.17.5.6")


def test_a_mac_that_is_none_is_refused(host: Host) -> None:
    with pytest.raises(InvalidArgumentError, match="invalid MAC address: 02:42"):
        host.connect(mac="02:42")


def test_mtu_reaches_both_ends(bare_host: Host) -> None:
    bare_host.start(mtu=1400)
    container = bare_host.connect()
    with enter_netns(container.netns_fd):
        sock = NetlinkSocket(NETLINK_ROUTE)
    with sock:
        eth0 = rtnetlink.find_link(sock, "eth0")
    assert eth0 is not None
    assert eth0.mtu == 1400
    bare_host.disconnect(container)
    wait_until(lambda: not bare_host.devices(), "the bridge has no ports")
    assert "mtu 1400" in bare_host.namespace.run("ip", "link", "show", "scow0").stdout


def test_a_container_without_a_network_has_loopback() -> None:
    fd = create_netns()
    try:
        loopback_up(fd)
        with service(fd, 80, "self"):
            assert call(fd, "127.0.0.1", 80) == "self 127.0.0.1"
    finally:
        os.close(fd)


# traffic


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_published_port_is_reached_from_everywhere(any_host: Host, kind: str) -> None:
    host = any_host
    served = host.connect(publish(8080, protocol=kind))
    neighbour = host.connect()
    with service(served.netns_fd, 80, "served", kind=kind):
        # the real address of who comes from outside, the bridge's for all who would be answered past it
        assert call(host.outside_fd, host.address, 8080, kind=kind) == f"served {host.outside.address}"
        assert call(host.fd, "127.0.0.1", 8080, kind=kind) == f"served {GATEWAY}"
        assert call(host.fd, host.address, 8080, kind=kind) == f"served {host.address}"
        for caller_fd in (neighbour.netns_fd, served.netns_fd):
            assert call(caller_fd, host.address, 8080, kind=kind) == f"served {GATEWAY}"
            assert call(caller_fd, GATEWAY, 8080, kind=kind) == f"served {GATEWAY}"
        assert call(neighbour.netns_fd, served.address, 80, kind=kind) == f"served {neighbour.address}"


def test_a_container_reaches_the_outside_by_the_hosts_address(host: Host) -> None:
    container = host.connect()
    for kind in ("tcp", "udp"):
        with service(host.outside_fd, 7000, "outside", kind=kind):
            assert (
                call(container.netns_fd, host.outside.address, 7000, kind=kind) == f"outside {host.address}"
            )


def test_without_masquerade_a_container_leaves_by_its_own_address(bare_host: Host) -> None:
    bare_host.start(masquerade=False)
    container = bare_host.connect()
    with service(bare_host.outside_fd, 7000, "outside"):
        assert call(container.netns_fd, bare_host.outside.address, 7000) == f"outside {container.address}"


def test_a_port_that_is_not_published_is_closed_to_the_outside(host: Host) -> None:
    container = host.connect(publish(8080))
    with service(container.netns_fd, 80, "open"), service(container.netns_fd, 81, "closed"):
        assert call(host.fd, container.address, 81) == f"closed {GATEWAY}"
        # also past the published port, by a route to the bridge's subnet
        assert is_silent(host.outside_fd, container.address, 81)
        assert is_silent(host.outside_fd, container.address, 80)


def test_a_port_published_on_loopback_is_for_the_host_alone(host: Host) -> None:
    container = host.connect(publish(8080, ip="127.0.0.1"))
    with service(container.netns_fd, 80, "local"):
        assert call(host.fd, "127.0.0.1", 8080) == f"local {GATEWAY}"
        with pytest.raises(ConnectionRefusedError):
            call(host.outside_fd, host.address, 8080)
        # from outside straight to 127.0.0.1 of the host
        _route_loopback(host.outside, host.address)
        assert is_silent(host.outside_fd, "127.0.0.1", 8080)


def test_one_host_address_can_be_published_apart_from_another(host: Host) -> None:
    one, other = host.connect(publish(8080, ip="127.0.0.1")), host.connect(publish(8080, ip=host.address))
    with service(one.netns_fd, 80, "one"), service(other.netns_fd, 80, "other"):
        assert call(host.fd, "127.0.0.1", 8080) == f"one {GATEWAY}"
        assert call(host.outside_fd, host.address, 8080) == f"other {host.outside.address}"


def _route_loopback(namespace: NetworkNamespace, gateway: str) -> None:
    """Make a namespace send what is for 127.0.0.1 to somebody else, as an attacker would."""
    script = (
        "ip addr flush dev lo && ip route flush table local dev lo; "
        "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet && "
        f"ip route add 127.0.0.1 via {gateway}"
    )
    done = namespace.run("sh", "-c", script)
    assert done.returncode == 0, done.stderr


def test_a_container_cannot_reach_the_hosts_loopback(host: Host) -> None:
    container = host.connect()
    attacker = NetworkNamespace(f"../../proc/{os.getpid()}/fd/{container.netns_fd}")
    _route_loopback(attacker, GATEWAY)
    with service(host.fd, 7000, "private", address="127.0.0.1"):
        assert is_silent(container.netns_fd, "127.0.0.1", 7000)
        # what stops it is our rule, not something about this test
        host.nft("flush", "chain", "inet", "scow", "untrusted")
        assert call(container.netns_fd, "127.0.0.1", 7000) == f"private {container.address}"


@pytest.mark.parametrize("filtered", ["0", "1"])
def test_without_icc_containers_meet_only_through_published_ports(bare_host: Host, filtered: str) -> None:
    filter_bridged(bare_host, filtered)
    bare_host.start(icc=False)
    one, other = bare_host.connect(publish(8080)), bare_host.connect()
    with service(one.netns_fd, 80, "one"), service(bare_host.outside_fd, 7000, "outside"):
        assert is_silent(other.netns_fd, one.address, 80) or _unreachable(other.netns_fd, one.address, 80)
        assert call(other.netns_fd, bare_host.address, 8080) == f"one {GATEWAY}"
        assert call(other.netns_fd, bare_host.outside.address, 7000) == f"outside {bare_host.address}"


def _unreachable(netns_fd: int, address: str, port: int) -> bool:
    """A bridge that does not pass ARP either ends in "no route to host"."""
    try:
        call(netns_fd, address, port)
    except OSError:
        return True
    return False


def test_a_udp_client_that_was_there_before_the_port_reaches_it(host: Host) -> None:
    with caller(host.outside_fd, host.address, 5353, kind="udp") as client:
        client.settimeout(SILENCE_S)
        with pytest.raises(OSError, match=r"timed out|refused"):
            ask(client)
        container = host.connect(publish(5353, 53, protocol="udp"))
        client.settimeout(ANSWER_S)
        with service(container.netns_fd, 53, "dns", kind="udp"):
            assert ask(client) == f"dns {host.outside.address}"


def test_a_udp_flow_follows_its_port_to_another_container(host: Host) -> None:
    first = host.connect(publish(5353, 53, protocol="udp"))
    with caller(host.outside_fd, host.address, 5353, kind="udp") as client:
        with service(first.netns_fd, 53, "first", kind="udp"):
            assert ask(client) == f"first {host.outside.address}"
        host.disconnect(first)
        host.connect()  # takes the address
        second = host.connect(publish(5353, 53, protocol="udp"))
        with service(second.netns_fd, 53, "second", kind="udp"):
            assert ask(client) == f"second {host.outside.address}"


def test_a_udp_flow_ends_with_its_port(host: Host) -> None:
    first = host.connect(publish(5353, 53, protocol="udp"))
    with caller(host.outside_fd, host.address, 5353, kind="udp") as client:
        with service(first.netns_fd, 53, "first", kind="udp"):
            assert ask(client) == f"first {host.outside.address}"
        host.disconnect(first)
        heir = host.connect()
        assert heir.address == first.address
        client.settimeout(SILENCE_S)
        with (
            service(heir.netns_fd, 53, "heir", kind="udp"),
            pytest.raises(OSError, match=r"timed out|refused"),
        ):
            ask(client)


def test_all_flows_end_with_an_address(host: Host) -> None:
    """In both directions, of every protocol: its heir meets none of them."""
    first = host.connect(publish(8080, 80))
    other = host.connect(publish(9090, 80))
    with service(host.outside_fd, 7000, "outside"), service(host.outside_fd, 7001, "outside", kind="udp"):
        for container in (first, other):
            with service(container.netns_fd, 80, "inside"):
                call(host.outside_fd, host.address, 8080 if container is first else 9090)
            call(container.netns_fd, host.outside.address, 7000)
            call(container.netns_fd, host.outside.address, 7001, kind="udp")
    assert flows(host, first.address) >= 3
    host.disconnect(first)
    assert flows(host, first.address) == 0
    assert flows(host, other.address) >= 3, "those of others go on"


def flows(host: Host, address: str) -> int:
    table = host.namespace.run("cat", "/proc/net/nf_conntrack").stdout
    return sum(f"src={address} " in line for line in table.splitlines())


# conflicts and undoing


def test_a_port_somebody_listens_on_is_refused_and_nothing_stays(host: Host) -> None:
    with service(host.fd, 8080, "other"):
        with pytest.raises(ScowError) as caught:
            host.connect(publish(8079), publish(8080))
        assert caught.value.message == "failed to bind host port 0.0.0.0:8080/tcp: address already in use"
        assert call(host.outside_fd, host.address, 8080) == f"other {host.outside.address}"
    assert host.devices() == []
    container = host.connect(publish(8079), publish(8080))
    assert container.address == "172.17.0.2"


def test_a_namespace_that_cannot_be_connected_is_left_as_it_was(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    container = host.connect(publish(8080))
    request = ConnectRequest("again", "container", container.netns_fd, ports=(publish(8081),))
    with pytest.raises(ScowError, match=r"RTM_NEWLINK veth .*: File exists"):
        host.run(host.driver.connect(request))
    assert len(host.devices()) == 1
    assert "8081" not in host.elements()
    assert not caplog.records, "nothing in the kernel was other than expected"
    assert host.connect(publish(8081)).address == "172.17.0.3"


def test_a_connect_whose_caller_leaves_is_undone(host: Host) -> None:
    async def leave(request: ConnectRequest) -> None:
        async with tasks.TaskOwner("test") as owner:
            task = owner.start(host.driver.connect(request), name="connect")
            await asyncio.sleep(0)
            task.cancel()

    for _ in range(5):
        fd = create_netns()
        host.run(leave(ConnectRequest("gone", "container", fd, ports=(publish(8080),))))
        os.close(fd)
    wait_until(lambda: not host.devices(), "the veths to go")
    assert "8080" not in host.elements()
    assert host.connect(publish(8080)).address == "172.17.0.2"


def test_disconnecting_twice_is_no_error(host: Host) -> None:
    container = host.connect(publish(8080))
    host.disconnect(container)
    other = host.connect(publish(8080))
    host.run(host.driver.disconnect(container.endpoint))
    with service(other.netns_fd, 80, "other"):
        assert call(host.outside_fd, host.address, 8080) == f"other {host.outside.address}"


def test_a_container_that_takes_over_an_address_is_not_mistaken_for_the_last(host: Host) -> None:
    """The first one's namespace is kept alive: the kernel takes its time to take one apart."""
    first = host.connect()
    host.run(host.driver.disconnect(first.endpoint))
    second = host.connect(publish(8080))
    assert second.address == first.address
    with service(first.netns_fd, 80, "first"), service(second.netns_fd, 80, "second"):
        for _ in range(3):
            assert call(host.outside_fd, host.address, 8080) == f"second {host.outside.address}"


def test_two_hundred_rounds_leave_nothing(host: Host) -> None:
    host.disconnect(host.connect(publish(8080), publish(8081, protocol="udp")))
    before = own_descriptors()
    for _ in range(200):
        host.disconnect(host.connect(publish(8080), publish(8081, protocol="udp"), PortRequest(90)))
    assert own_descriptors() == before
    assert "elements" not in host.elements()
    wait_until(lambda: not host.devices(), "the veths to go")
    assert host.connect().address == "172.17.0.2"


def test_many_connect_at_once(host: Host) -> None:
    async def all_at_once(fds: list[int]) -> list[Endpoint]:
        requests = [ConnectRequest(f"e{i}", "c", fd, ports=(PortRequest(80),)) for i, fd in enumerate(fds)]
        endpoints = await asyncio.gather(*map(host.driver.connect, requests))
        await asyncio.gather(*map(host.driver.disconnect, endpoints[::2]))
        return endpoints

    fds = [create_netns() for _ in range(40)]
    for fd in fds:
        host.stack.callback(close_fd, fd)
    endpoints = host.run(all_at_once(fds))
    assert len({endpoint.address for endpoint in endpoints}) == 40
    assert len({endpoint.ports[0].host_port for endpoint in endpoints}) == 40
    kept = endpoints[1::2]
    assert host.elements().count("172.17.0.") == len(kept)
    for endpoint, fd in list(zip(endpoints, fds, strict=True))[1::8]:
        with service(fd, 80, endpoint.endpoint_id):
            answer = call(host.outside_fd, host.address, endpoint.ports[0].host_port)
            assert answer == f"{endpoint.endpoint_id} {host.outside.address}"


# a daemon that comes and goes


def test_ports_work_while_no_daemon_is_there_and_after_the_next_start(host: Host) -> None:
    alive, dead = host.connect(publish(8080)), host.connect(publish(8081))
    with service(alive.netns_fd, 80, "alive"):
        with caller(host.outside_fd, host.address, 8080) as connection:
            host.side.close()
            assert call(host.outside_fd, host.address, 8080) == f"alive {host.outside.address}"
            host.start(alive.endpoint)
            assert ask(connection) == f"alive {host.outside.address}"
        assert call(host.outside_fd, host.address, 8080) == f"alive {host.outside.address}"
    assert "8081" not in host.elements()
    with pytest.raises(ScowError, match="port is already allocated"):
        host.connect(publish(8080))
    assert host.connect(publish(8081)).address == dead.address


def test_the_bridge_of_the_last_daemon_is_taken_over(host: Host) -> None:
    show = ("ip", "-o", "link", "show", "scow0")
    before = host.namespace.run(*show).stdout
    host.start()
    assert host.namespace.run(*show).stdout == before
    host.start(bip="10.77.0.1/24")
    assert host.connect().address == "10.77.0.2"
    addresses = host.namespace.run("ip", "-4", "-o", "addr", "show", "scow0").stdout
    assert "10.77.0.1/24" in addresses
    assert "172.17" not in addresses


def test_a_port_bound_by_another_while_no_daemon_was_there_is_told(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    container = host.connect(publish(8080))
    host.side.close()
    with service(host.fd, 8080, "intruder"), service(container.netns_fd, 80, "container"):
        host.start(container.endpoint)
        assert "published port 0.0.0.0:8080 is bound by another process" in caplog.text
        assert call(host.outside_fd, host.address, 8080) == f"container {host.outside.address}"


@pytest.mark.parametrize("damage", [["flush", "ruleset"], ["delete", "table", "inet", "scow"]])
@pytest.mark.parametrize("change", ["connect", "disconnect"])
def test_rules_removed_by_others_come_back_with_the_next_change(
    host: Host, damage: list[str], change: str
) -> None:
    kept, ended = host.connect(publish(8080)), host.connect(publish(8081))
    host.nft(*damage)
    if change == "connect":
        host.connect(publish(8082))
    else:
        host.disconnect(ended)
    with service(kept.netns_fd, 80, "kept"):
        assert call(host.outside_fd, host.address, 8080) == f"kept {host.outside.address}"


def test_the_rules_of_others_stay(host: Host) -> None:
    mine = "table inet other {\n\tchain c {\n\t\ttcp dport 9 drop\n\t}\n}\n"
    subprocess.run(host.namespace.command("nft", "-f", "-"), input=mine, text=True, check=True)
    host.connect(publish(8080))
    host.start()
    assert host.nft("list", "table", "inet", "other") == mine


def test_a_firewall_that_drops_forwarded_packets_is_named(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    host.nft(
        "add table ip filter;"
        "add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }"
    )
    with caplog.at_level(logging.WARNING):
        host.start()
    assert "chain ip filter FORWARD drops forwarded packets" in caplog.text


# settings


def test_the_subnet_keeps_clear_of_the_hosts_routes(bare_host: Host) -> None:
    for route in ("172.17.0.0/16", "172.18.9.0/24"):
        bare_host.namespace.run("ip", "route", "add", route, "via", bare_host.outside.address)
    bare_host.start()
    assert str(bare_host.subnet) == "172.19.0.0/16"
    assert bare_host.connect().address == "172.19.0.2"


def test_containers_get_addresses_from_the_fixed_range(bare_host: Host) -> None:
    bare_host.start(bip="10.5.0.1/16", fixed_cidr="10.5.7.0/24")
    assert bare_host.connect().address == "10.5.7.0"


def test_ports_are_bound_where_the_settings_say(bare_host: Host) -> None:
    bare_host.start(ip="127.0.0.1")
    container = bare_host.connect(publish(8080))
    assert [port.host_ip for port in container.endpoint.ports] == ["127.0.0.1"]


def test_without_iptables_no_rule_is_made(bare_host: Host) -> None:
    bare_host.start(iptables=False)
    container = bare_host.connect(publish(8080))
    assert bare_host.nft("list", "ruleset") == ""
    bare_host.disconnect(container)


def test_a_device_that_is_no_bridge_is_refused(bare_host: Host) -> None:
    bare_host.namespace.run("ip", "link", "add", "scow0", "type", "veth", "peer", "name", "other")
    with pytest.raises(ScowError, match="existing interface scow0 is not a bridge"):
        bare_host.start()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bip": "10.5.0.1"}, "leaves no address for containers"),
        ({"bip": "10.5.0.0/16"}, "leaves no address for containers"),
        ({"bip": "nonsense"}, "invalid CIDR address: nonsense"),
        ({"bip": "10.5.0.1/16", "fixed_cidr": "10.6.0.0/24"}, "is not within"),
        ({"fixed_cidr": "nonsense"}, "invalid CIDR address: nonsense"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(
    bare_host: Host, settings: dict[str, str], message: str
) -> None:
    with pytest.raises(ScowError, match=message):
        bare_host.start(**settings)

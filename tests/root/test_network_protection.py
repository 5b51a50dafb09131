"""What a container cannot do to others, what others cannot do to our rules, and who may use a port."""

import asyncio
import ipaddress
import time

import pytest

from scow import tasks
from scow.linux.namespaces import enter_netns
from scow.network.bridge import BridgeDriver, BridgeSettings
from scow.network.ipam import Subnet
from tests.support import frames
from tests.support.bridge_hosts import GATEWAY, Container, Host, publish
from tests.support.traffic import ANSWER_S, SILENCE_S, ask, call, caller, is_silent, service
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.needs("nft")]

V6 = Subnet(ipaddress.ip_network("fd00:77::/64"), ipaddress.ip_address("fd00:77::1"))
_NINE = Subnet(ipaddress.ip_network("10.9.0.0/24"), ipaddress.ip_address("10.9.0.1"))
OTHER_MAC = "02:00:00:00:00:99"


def passes(sender: Container, receiver: Container, frame: bytes) -> bool:
    """Whether a frame gets from one container to another before one that was sent after it, and may."""
    honest = frames.udp(
        sender.endpoint.mac, sender.address, receiver.address, to=receiver.endpoint.mac, payload=b"honest"
    )
    with frames.wire(sender.netns_fd) as out, frames.wire(receiver.netns_fd) as into:
        out.send(frame)
        out.send(honest)
        return frames.first_of(into, frame, honest, ANSWER_S) == frame


@pytest.fixture
def pair(bare_host: Host) -> tuple[Container, Container]:
    bare_host.start(ipv6=V6)
    return bare_host.connect(), bare_host.connect()


def test_a_container_cannot_answer_for_its_neighbour(pair: tuple[Container, Container]) -> None:
    one, other = pair
    own = frames.arp_reply(one.endpoint.mac, one.address)
    assert passes(one, other, own)
    assert not passes(one, other, frames.arp_reply(one.endpoint.mac, GATEWAY))
    assert not passes(one, other, frames.arp_reply(OTHER_MAC, one.address))
    # the frame is its own, what it tells is not
    lie = frames.arp_reply(one.endpoint.mac, "172.17.0.77")
    assert not passes(one, other, lie)
    hidden = own[:22] + bytes.fromhex(OTHER_MAC.replace(":", "")) + own[28:]
    assert not passes(one, other, hidden)


def test_a_container_sends_from_its_own_addresses_only(pair: tuple[Container, Container]) -> None:
    one, other = pair
    mac, target = one.endpoint.mac, other.endpoint.mac
    assert passes(one, other, frames.udp(mac, one.address, other.address, to=target))
    assert not passes(one, other, frames.udp(mac, "172.17.0.77", other.address, to=target))
    assert not passes(one, other, frames.udp(mac, "192.0.2.1", other.address, to=target))
    assert not passes(one, other, frames.udp(OTHER_MAC, one.address, other.address, to=target))
    # not IP at all: the bridge would believe the neighbour is here now
    assert not passes(one, other, frames.ethernet(frames.BROADCAST, target, 0x88B5, bytes(50)))
    assert passes(one, other, frames.ethernet(frames.BROADCAST, mac, 0x88B5, bytes(50)))


def test_a_container_cannot_advertise_its_neighbours_ipv6_address(pair: tuple[Container, Container]) -> None:
    one, other = pair
    mac, own = one.endpoint.mac, one.endpoint.address6
    assert passes(one, other, frames.advertisement(mac, own, own))
    assert not passes(one, other, frames.advertisement(mac, own, other.endpoint.address6))
    assert not passes(one, other, frames.advertisement(mac, "fd00:77::1", own))


def test_a_network_may_allow_foreign_addresses(bare_host: Host) -> None:
    bare_host.start(source_guard=False)
    one, other = bare_host.connect(), bare_host.connect()
    assert passes(one, other, frames.arp_reply(one.endpoint.mac, "172.17.0.77"))


def test_a_flood_of_questions_for_neighbours_does_not_reach_them(host: Host) -> None:
    flooder, victim, third = host.connect(), host.connect(), host.connect()
    question = frames.arp_request(flooder.endpoint.mac, flooder.address, "172.17.9.9")
    with frames.wire(flooder.netns_fd) as out, frames.wire(victim.netns_fd) as into:
        started = time.monotonic()
        for _ in range(5000):
            out.send(question)
        took_s = time.monotonic() - started
        arrived = frames.count(into, question, SILENCE_S)
        assert 100 <= arrived <= 330 + 110 * took_s, f"in {took_s} s"
    with service(victim.netns_fd, 80, "victim"):
        assert call(third.netns_fd, victim.address, 80) == f"victim {third.address}"


def test_what_a_container_may_send_ends_with_it(host: Host) -> None:
    container = host.connect()
    assert container.endpoint.host_interface in host.nft("list", "set", "bridge", "scow", "macs")
    host.disconnect(container)
    assert container.endpoint.host_interface not in host.nft("list", "table", "bridge", "scow")


# rules that others remove


@pytest.mark.parametrize(
    "damage",
    [
        ["flush", "ruleset"],
        ["delete", "table", "inet", "scow"],
        ["delete", "table", "bridge", "scow"],
        ["flush", "chain", "inet", "scow", "forward"],
        ["flush", "map", "inet", "scow", "published"],
    ],
    ids=" ".join,
)
def test_rules_that_somebody_removes_are_put_back_at_once(host: Host, damage: list[str]) -> None:
    container = host.connect(publish(8080))
    before = host.nft("list", "ruleset")

    async def life() -> None:
        async with tasks.TaskOwner("test") as owner:
            await host.side.start(owner)
            await tasks.run_blocking(host.nft, *damage)
            await tasks.run_blocking(
                wait_until, lambda: host.nft("list", "ruleset") == before, "the rules are back"
            )
            host.side.close()

    host.run(life())
    with service(container.netns_fd, 80, "served"):
        assert call(host.outside_fd, host.address, 8080) == f"served {host.outside.address}"


def test_our_own_changes_are_not_taken_for_those_of_others(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    async def life() -> None:
        async with tasks.TaskOwner("test") as owner:
            await host.side.start(owner)
            for _ in range(3):
                container = await asyncio.to_thread(host.connect, publish(8080))
                await asyncio.to_thread(host.disconnect, container)
            await tasks.run_blocking(host.side._rules().write)
            await owner.wait_idle()
            host.side.close()

    host.run(life())
    assert "somebody else" not in caplog.text


def test_the_users_chain_decides_first_and_is_never_written_to(host: Host) -> None:
    container = host.connect(publish(8080))
    with service(container.netns_fd, 80, "served"):
        assert call(host.outside_fd, host.address, 8080) == f"served {host.outside.address}"
        rule = [
            "ip",
            "saddr",
            host.outside.address,
            "meta",
            "l4proto",
            "tcp",
            "ct",
            "original",
            "proto-dst",
            "8080",
            "drop",
        ]
        host.nft("add", "rule", "inet", "scow-user", "SCOW-USER", *rule)
        assert is_silent(host.outside_fd, host.address, 8080)
        host.start(container.endpoint)
        host.connect(publish(8081))
        assert is_silent(host.outside_fd, host.address, 8080)


# a host firewall beside ours


def test_a_firewall_for_the_host_itself_changes_nothing(host: Host) -> None:
    """As ufw and firewalld have it: what comes in to the host is dropped unless it is allowed."""
    container = host.connect(publish(8080))
    host.nft(
        "add table inet other;"
        "add chain inet other input { type filter hook input priority 0; policy drop; };"
        "add rule inet other input ct state established,related accept;"
        "add rule inet other input iif lo accept"
    )
    with service(container.netns_fd, 80, "served"):
        assert call(host.outside_fd, host.address, 8080) == f"served {host.outside.address}"
        assert call(host.fd, "127.0.0.1", 8080) == f"served {GATEWAY}"


# who may use a port


def test_a_port_may_be_for_some_clients_only(bare_host: Host) -> None:
    bare_host.start()
    allowed = publish(8080, allow=(f"{bare_host.outside.address}/32", "10.0.0.0/8"))
    container = bare_host.connect(allowed, publish(8081, 81, allow=("192.0.2.0/24",)), publish(8082, 82))
    with (
        service(container.netns_fd, 80, "some"),
        service(container.netns_fd, 81, "nobody"),
        service(container.netns_fd, 82, "all"),
    ):
        answer = bare_host.outside.address
        assert call(bare_host.outside_fd, bare_host.address, 8080) == f"some {answer}"
        assert is_silent(bare_host.outside_fd, bare_host.address, 8081)
        assert call(bare_host.outside_fd, bare_host.address, 8082) == f"all {answer}"
        assert call(bare_host.fd, "127.0.0.1", 8081) == f"nobody {GATEWAY}", "the host itself may"
    bare_host.disconnect(container)
    listing = bare_host.nft("list", "table", "inet", "scow")
    assert container.address not in listing


# gateway modes


def _outer_device(host: Host) -> str:
    return host.namespace.run("ip", "-o", "-4", "addr", "show", "to", host.address).stdout.split()[1]


def _route_to_containers(host: Host) -> None:
    with enter_netns(host.outside_fd):
        pass
    done = host.outside.run("ip", "route", "replace", "172.17.0.0/16", "via", host.address)
    assert done.returncode == 0, done.stderr


def test_a_routed_network_is_reached_by_its_own_addresses(bare_host: Host) -> None:
    bare_host.start(gateway_mode_ipv4="routed", masquerade=False)
    container = bare_host.connect(publish(8080))
    assert [port.host_port for port in container.endpoint.ports if port.host_ip == "0.0.0.0"] == [0]
    _route_to_containers(bare_host)
    with service(container.netns_fd, 80, "open"), service(container.netns_fd, 81, "closed"):
        assert call(bare_host.outside_fd, container.address, 80) == f"open {bare_host.outside.address}"
        assert is_silent(bare_host.outside_fd, container.address, 81)
        with pytest.raises(ConnectionRefusedError):
            call(bare_host.outside_fd, bare_host.address, 8080)
    with service(bare_host.outside_fd, 7000, "outside"):
        assert call(container.netns_fd, bare_host.outside.address, 7000) == f"outside {container.address}"


def test_an_unprotected_network_is_reached_on_all_ports(bare_host: Host) -> None:
    bare_host.start(gateway_mode_ipv4="nat-unprotected")
    container = bare_host.connect(publish(8080))
    _route_to_containers(bare_host)
    with service(container.netns_fd, 80, "open"), service(container.netns_fd, 81, "too"):
        assert call(bare_host.outside_fd, bare_host.address, 8080) == f"open {bare_host.outside.address}"
        assert call(bare_host.outside_fd, container.address, 81) == f"too {bare_host.outside.address}"


def test_through_a_trusted_interface_published_ports_are_reached_by_the_containers_address(
    bare_host: Host,
) -> None:
    bare_host.start(trusted_interfaces=(_outer_device(bare_host),))
    container = bare_host.connect(publish(8080, ip="127.0.0.1"))
    _route_to_containers(bare_host)
    with service(container.netns_fd, 80, "open"), service(container.netns_fd, 81, "closed"):
        assert call(bare_host.outside_fd, container.address, 80) == f"open {bare_host.outside.address}"
        assert is_silent(bare_host.outside_fd, container.address, 81)
        bare_host.run(bare_host.driver.withdraw(container.endpoint, container.endpoint.ports))
        assert is_silent(bare_host.outside_fd, container.address, 80)
    bare_host.start(container.endpoint, trusted_interfaces=("eth-other",))
    bare_host.run(bare_host.driver.publish(container.endpoint, [publish(8081)]))
    with service(container.netns_fd, 80, "open"):
        assert is_silent(bare_host.outside_fd, container.address, 80)


def test_direct_routing_opens_published_ports_to_who_has_a_route(bare_host: Host) -> None:
    bare_host.start(direct_routing=True)
    container = bare_host.connect(publish(8080))
    _route_to_containers(bare_host)
    with service(container.netns_fd, 80, "open"), service(container.netns_fd, 81, "closed"):
        assert call(bare_host.outside_fd, container.address, 80) == f"open {bare_host.outside.address}"
        assert call(bare_host.outside_fd, bare_host.address, 8080) == f"open {bare_host.outside.address}"
        assert is_silent(bare_host.outside_fd, container.address, 81)


def test_the_list_of_who_may_use_a_port_holds_for_direct_routing_too(bare_host: Host) -> None:
    bare_host.start(direct_routing=True)
    container = bare_host.connect(publish(8080, allow=("192.0.2.0/24",)))
    _route_to_containers(bare_host)
    with service(container.netns_fd, 80, "open"):
        assert is_silent(bare_host.outside_fd, container.address, 80)


def test_packets_with_the_accepted_mark_enter_any_bridge(bare_host: Host) -> None:
    bare_host.start(accepted_mark=(2, 3))
    container = bare_host.connect()
    _route_to_containers(bare_host)
    bare_host.nft(
        "add table inet marks; add chain inet marks early { type filter hook prerouting priority -150; }"
    )
    with service(container.netns_fd, 80, "marked"):
        bare_host.nft("add rule inet marks early tcp dport 80 meta mark set 5")
        assert is_silent(bare_host.outside_fd, container.address, 80)
        bare_host.nft("flush chain inet marks early; add rule inet marks early tcp dport 80 meta mark set 6")
        assert call(bare_host.outside_fd, container.address, 80) == f"marked {bare_host.outside.address}"
    bare_host.start(container.endpoint, accepted_mark=(2, 3), internal=True)
    with service(container.netns_fd, 81, "inside"):
        bare_host.nft("add rule inet marks early tcp dport 81 meta mark set 6")
        assert is_silent(bare_host.outside_fd, container.address, 81)


def test_a_bridge_more_or_less_leaves_the_rules_alone(host: Host) -> None:
    """What is there keeps its place and its counters; a table written anew would have new handles."""
    rules = host.nft("-a", "list", "chain", "inet", "scow", "enter")
    other = BridgeDriver(BridgeSettings("scow9", ipv4=_NINE, icc=False), host.side)
    host.run(other.start([]))
    assert '"scow9"' in host.nft("list", "set", "inet", "scow", "bridges")
    host.run(other.remove())
    assert "scow9" not in host.nft("list", "ruleset")
    assert host.nft("-a", "list", "chain", "inet", "scow", "enter") == rules


def test_what_the_host_sends_from_a_bridges_address_leaves_by_its_own(bare_host: Host) -> None:
    """As with Docker: a program of the host may be bound to the bridge's address."""
    bare_host.start()
    with (
        service(bare_host.outside_fd, 80, "outside"),
        caller(bare_host.fd, bare_host.outside.address, 80, source="172.17.0.1") as client,
    ):
        assert ask(client) == f"outside {bare_host.address}"


def test_ports_are_published_and_withdrawn_while_a_container_runs(host: Host) -> None:
    container = host.connect(publish(8080))
    endpoint = container.endpoint
    with service(container.netns_fd, 80, "served"):
        (added, *_) = host.run(host.driver.publish(endpoint, [publish(8090)]))
        for port in (8080, 8090):
            assert call(host.outside_fd, host.address, port) == f"served {host.outside.address}"
        host.run(host.driver.withdraw(endpoint, [it for it in endpoint.ports if it.host_port == 8090]))
        assert added not in endpoint.ports
        wait_until(lambda: "8090" not in host.elements(), "it is gone")
        with pytest.raises(ConnectionRefusedError):
            call(host.outside_fd, host.address, 8090)
        assert call(host.outside_fd, host.address, 8080) == f"served {host.outside.address}"


def test_connections_end_when_their_port_is_withdrawn(host: Host) -> None:
    container = host.connect(publish(8080), publish(8090))
    gone = [it for it in container.endpoint.ports if it.host_port == 8090]
    with (
        service(container.netns_fd, 80, "web"),
        service(host.outside_fd, 8090, "elsewhere"),
        caller(host.outside_fd, host.address, 8090) as withdrawn,
        caller(host.fd, "127.0.0.1", 8090) as of_the_host,
        caller(host.outside_fd, host.address, 8080) as kept,
        caller(container.netns_fd, host.outside.address, 8090) as outwards,
    ):
        host.run(host.driver.withdraw(container.endpoint, gone))
        for each in (withdrawn, of_the_host):
            with pytest.raises(ConnectionError):
                ask(each)
        assert ask(kept) == f"web {host.outside.address}", "the same server by another port"
        assert ask(outwards) == f"elsewhere {host.address}", "the same port of somebody else"


def test_a_udp_flow_ends_when_its_port_is_withdrawn(host: Host) -> None:
    container = host.connect(publish(5353, 53, protocol="udp"), publish(8080))
    endpoint = container.endpoint
    with (
        service(container.netns_fd, 53, "dns", kind="udp"),
        service(container.netns_fd, 80, "web"),
        caller(host.outside_fd, host.address, 5353, kind="udp") as client,
        caller(host.outside_fd, host.address, 8080) as connection,
    ):
        assert ask(client) == f"dns {host.outside.address}"
        host.run(host.driver.withdraw(endpoint, [it for it in endpoint.ports if it.protocol == "udp"]))
        client.settimeout(SILENCE_S)
        with pytest.raises(OSError, match=r"timed out|refused"):
            ask(client)
        assert ask(connection) == f"web {host.outside.address}", "others go on"

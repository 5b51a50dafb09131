"""The macvlan driver: containers on the segment of a host's interface; and limits of an endpoint's rate."""

import asyncio
import ipaddress
import os
import socket
import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from scow.errors import InvalidArgumentError, ScowError
from scow.linux import rtnetlink
from scow.linux.namespaces import create_netns, enter_netns
from scow.linux.netlink import NETLINK_ROUTE, NetlinkSocket
from scow.network.endpoint import ConnectRequest
from scow.network.ipam import Subnet
from scow.network.macvlan import MacvlanDriver, MacvlanSettings, parent_and_mode
from scow.network.macvlan_parent import MadeParents, own_segment
from tests.support.bridge_hosts import Container, Host, close_fd, publish
from tests.support.traffic import call, is_silent, service

pytestmark = pytest.mark.root

SUBNET = Subnet(ipaddress.ip_network("10.88.0.0/24"), ipaddress.ip_address("10.88.0.1"))
OUTSIDE = "10.88.0.1"


class Segment:
    """A host whose parent interface leads to the machine beside it, which is the router of the network."""

    def __init__(self, host: Host, driver: MacvlanDriver | None = None) -> None:
        """Without ``driver`` it is that of a network on the parent."""
        self.host = host
        show = host.namespace.run("ip", "-o", "-4", "addr", "show", "to", host.address).stdout
        self.parent = show.split()[1]
        done = host.outside.run("ip", "addr", "add", f"{OUTSIDE}/24", "dev", "eth0")
        assert done.returncode == 0, done.stderr
        self.driver = driver or MacvlanDriver(
            MacvlanSettings("net", self.parent, subnets=(SUBNET,)), MadeParents()
        )
        asyncio.run(self.driver.start(()))

    def connect(self, **more: Any) -> Container:
        fd = create_netns()
        self.host.stack.callback(close_fd, fd)
        request = ConnectRequest(os.urandom(8).hex(), "container", fd, **more)
        return Container(fd, asyncio.run(self.driver.connect(request)))


@pytest.fixture
def segment(bare_host: Host) -> Segment:
    return Segment(bare_host)


def devices(netns_fd: int) -> list[str]:
    with enter_netns(netns_fd):
        sock = NetlinkSocket(NETLINK_ROUTE)
    with sock:
        return [link.name for link in rtnetlink.links(sock) if link.kind == "macvlan"]


def test_a_container_answers_on_the_segment_from_its_own_mac(segment: Segment) -> None:
    one, other = segment.connect(), segment.connect(address="10.88.0.77")
    assert (one.address, other.address) == ("10.88.0.2", "10.88.0.77")
    with service(one.netns_fd, 80, "one"), service(segment.host.outside_fd, 81, "outside"):
        assert call(segment.host.outside_fd, one.address, 80) == f"one {OUTSIDE}"
        assert call(other.netns_fd, one.address, 80) == f"one {other.address}"
        assert call(one.netns_fd, OUTSIDE, 81) == f"outside {one.address}"
        neighbours = segment.host.outside.run("ip", "neigh", "show", one.address).stdout
        assert one.endpoint.mac in neighbours
        # the host is not on the segment, whatever its routes say
        segment.host.namespace.run("ip", "route", "add", "10.88.0.0/24", "dev", segment.parent)
        assert is_silent(segment.host.fd, one.address, 80) or _no_route(segment, one.address)


def _no_route(segment: Segment, address: str) -> bool:
    try:
        call(segment.host.fd, address, 80)
    except OSError:
        return True
    return False


def test_nothing_is_published(segment: Segment) -> None:
    container = segment.connect(ports=(publish(8080),))
    assert container.endpoint.ports == []
    assert asyncio.run(segment.driver.publish(container.endpoint, [publish(8080)])) == []


def test_a_device_goes_when_a_running_container_is_disconnected(segment: Segment) -> None:
    container = segment.connect()
    assert devices(container.netns_fd) == ["eth0"]
    asyncio.run(segment.driver.disconnect(container.endpoint, running=True))
    assert devices(container.netns_fd) == []
    assert segment.connect().address == container.address


def test_the_next_daemon_knows_the_addresses_in_use(segment: Segment) -> None:
    container = segment.connect()
    segment.driver = MacvlanDriver(segment.driver.settings, MadeParents())
    asyncio.run(segment.driver.start([container.endpoint]))
    assert segment.connect().address != container.address
    asyncio.run(segment.driver.disconnect(container.endpoint, running=True))
    assert devices(container.netns_fd) == []


def test_a_connect_that_fails_leaves_nothing(segment: Segment) -> None:
    container = segment.connect()
    again = ConnectRequest("again", "container", container.netns_fd)
    with pytest.raises(ScowError, match="RTM_NEWLINK macvlan eth0: File exists"):
        asyncio.run(segment.driver.connect(again))
    assert segment.connect().address == "10.88.0.3"


def test_a_parent_that_is_not_there_is_refused(bare_host: Host) -> None:
    driver = MacvlanDriver(MacvlanSettings("net", "nosuch0", subnets=(SUBNET,)), MadeParents())
    with pytest.raises(ScowError, match="parent interface was not found on the host: nosuch0"):
        asyncio.run(driver.start(()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parent": "eth0", "macvlan_mode": "odd"}, "macvlan mode 'odd'"),
        ({"parent": "lo"}, "loopback interface is not a valid"),
    ],
)
def test_options_that_cannot_be_right_are_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        parent_and_mode(options)


@pytest.mark.parametrize(
    ("parent", "message"),
    [
        ("nosuch0", "invalid subinterface vlan name nosuch0, example formatting is eth0.10"),
        ("nosuch0.10", "-o parent interface was not found on the host: nosuch0"),
        ("lo.4095", "vlan id must be between 1-4094, received: 4095"),
        ("lo.x", r"unable to parse a valid vlan id from: x (ex. eth0.10 for vlan 10)"),
    ],
)
def test_a_parent_that_cannot_be_made_is_refused_in_dockers_words(
    bare_host: Host, parent: str, message: str
) -> None:
    driver = MacvlanDriver(MacvlanSettings("net", parent, made_parent=True), MadeParents())
    with pytest.raises(ScowError) as caught:
        asyncio.run(driver.start(()))
    assert caught.value.message == message


def test_a_vlan_of_the_parent_is_made_where_the_kernel_has_vlans(segment: Segment) -> None:
    driver = MacvlanDriver(MacvlanSettings("net", f"{segment.parent}.10", made_parent=True), MadeParents())
    reason = ""
    try:
        asyncio.run(driver.start(()))
    except ScowError as exc:
        reason = exc.message
    unsupported = f"failed to create {segment.parent}.10 vlan link: operation not supported"
    there = segment.host.namespace.run("ip", "-d", "link").stdout
    assert "vlan protocol 802.1Q id 10" in there or reason == unsupported
    asyncio.run(driver.remove())
    assert f"{segment.parent}.10" not in segment.host.namespace.run("ip", "link").stdout


def test_a_parent_that_was_made_goes_with_the_last_network_on_it(bare_host: Host) -> None:
    parents = MadeParents()
    network_id = os.urandom(32).hex()
    parent = own_segment(network_id)
    settings = MacvlanSettings(network_id, parent, made_parent=True)
    drivers = [MacvlanDriver(replace(settings, network_id=it), parents) for it in (network_id, "other")]
    for driver in drivers:
        asyncio.run(driver.start(()))
    for driver in drivers:
        assert parent in bare_host.namespace.run("ip", "link").stdout
        asyncio.run(driver.remove())
    assert parent not in bare_host.namespace.run("ip", "link").stdout


def test_a_network_without_a_parent_is_a_segment_of_its_own(bare_host: Host) -> None:
    network_id = os.urandom(32).hex()
    settings = MacvlanSettings(
        network_id, own_segment(network_id), subnets=(SUBNET,), internal=True, made_parent=True
    )
    alone = Segment(bare_host, MacvlanDriver(settings, MadeParents()))
    one, other = alone.connect(), alone.connect()
    with service(one.netns_fd, 80, "one"):
        assert call(other.netns_fd, one.address, 80) == f"one {other.address}"
        bare_host.namespace.run("ip", "route", "add", "10.88.0.0/24", "dev", own_segment(network_id))
        assert is_silent(bare_host.fd, one.address, 80) or _no_route(alone, one.address)
        alone.driver = MacvlanDriver(settings, MadeParents())
        asyncio.run(alone.driver.start([one.endpoint, other.endpoint]))
        assert call(other.netns_fd, one.address, 80) == f"one {other.address}"
    assert "inet6" not in bare_host.namespace.run("ip", "-6", "addr", "show", own_segment(network_id)).stdout
    for container in (one, other):
        asyncio.run(alone.driver.disconnect(container.endpoint, running=True))
    asyncio.run(alone.driver.remove())
    assert network_id[:12] not in bare_host.namespace.run("ip", "link").stdout


# rates


def _transfer(sender_fd: int, receiver_fd: int, address: str, size: int) -> float:
    """Seconds that ``size`` bytes take."""
    with enter_netns(receiver_fd):
        listener = socket.create_server(("0.0.0.0", 7000))

    def receive() -> None:
        connection, _ = listener.accept()
        with connection:
            while connection.recv(1 << 16):
                pass
            connection.send(b"!")

    with listener:
        thread = threading.Thread(target=receive)
        thread.start()
        with enter_netns(sender_fd):
            sock = socket.create_connection((address, 7000), 10)
        with sock:
            started = time.monotonic()
            sock.sendall(bytes(size))
            sock.shutdown(socket.SHUT_WR)
            sock.recv(1)
            took_s = time.monotonic() - started
        thread.join()
    return took_s


def test_an_endpoint_receives_and_sends_no_faster_than_asked(host: Host) -> None:
    limited = host.connect(
        driver_options={"com.scow.bandwidth.ingress": "8mbit", "com.scow.bandwidth.egress": "16mbit"}
    )
    other, third = host.connect(), host.connect()
    size = 500_000  # 0.5 s at 8 Mbit/s, less what the bucket has at first
    assert _transfer(other.netns_fd, limited.netns_fd, limited.address, size) > 0.35
    assert _transfer(limited.netns_fd, other.netns_fd, other.address, size) > 0.15
    # At the lower rate it would be 10 s; a busy machine may take its time.
    assert _transfer(other.netns_fd, third.netns_fd, third.address, 20 * size) < 8


@pytest.mark.parametrize("text", ["fast", "-1mbit", "1kbit", "10mb"])
def test_a_rate_that_is_none_is_refused(host: Host, text: str) -> None:
    with pytest.raises(InvalidArgumentError, match=r"invalid com\.scow\.bandwidth\.egress"):
        host.connect(driver_options={"com.scow.bandwidth.egress": text})

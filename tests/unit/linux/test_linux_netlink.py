"""Our messages, read by another implementation; its and the kernel's answers, read by ours."""

import errno
import os
import socket
import struct
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.linux import netlink, rtnetlink
from scow.linux.netlink import NETLINK_ROUTE, NetlinkSocket, Request, encode_message, parse_attributes

pytest.importorskip("pyroute2", reason="what the messages are compared with is not installed")

from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

MAC = "02:42:ac:11:00:02"


def _decoded(kind: Any, request: Request) -> Any:
    message = kind(encode_message(request, 7, netlink.NLM_F_ACK))
    message.decode()
    assert message["header"]["sequence_number"] == 7
    assert message["header"]["flags"] & (netlink.NLM_F_REQUEST | netlink.NLM_F_ACK) == 5
    return message


def test_a_bridge() -> None:
    message = _decoded(ifinfmsg, rtnetlink.bridge("scow0", mac=MAC))
    assert (message["header"]["type"], message["flags"], message["change"]) == (16, 1, 1)
    assert message.get_attr("IFLA_IFNAME") == "scow0"
    assert message.get_attr("IFLA_ADDRESS") == MAC
    assert message.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND") == "bridge"


def test_a_veth_pair_is_one_message() -> None:
    pair = rtnetlink.VethPair("veth1", 5, "eth0", 42, MAC, 1450)
    message = _decoded(ifinfmsg, rtnetlink.veth(pair))
    assert message.get_attr("IFLA_MASTER") == 5
    assert message["flags"] == 1
    assert message.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND") == "veth"
    peer = message.get_nested("IFLA_LINKINFO", "IFLA_INFO_DATA", "VETH_INFO_PEER")
    assert peer.get_attr("IFLA_IFNAME") == "eth0"
    assert peer.get_attr("IFLA_ADDRESS") == MAC
    assert peer.get_attr("IFLA_NET_NS_FD") == 42
    assert peer.get_attr("IFLA_MTU") == message.get_attr("IFLA_MTU") == 1450
    assert peer["flags"] == 0


def test_a_vlan_device() -> None:
    message = _decoded(ifinfmsg, rtnetlink.vlan("eth0.10", 7, 10))
    assert message.get_attr("IFLA_IFNAME") == "eth0.10"
    assert message.get_attr("IFLA_LINK") == 7
    assert message["flags"] == 1
    assert message.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND") == "vlan"
    assert message.get_nested("IFLA_LINKINFO", "IFLA_INFO_DATA", "IFLA_VLAN_ID") == 10


def test_a_pair_of_which_both_ends_stay_here() -> None:
    message = _decoded(ifinfmsg, rtnetlink.loose_pair("dm-1", "dp-1"))
    assert message["flags"] == 0
    peer = message.get_nested("IFLA_LINKINFO", "IFLA_INFO_DATA", "VETH_INFO_PEER")
    assert (message.get_attr("IFLA_IFNAME"), peer.get_attr("IFLA_IFNAME")) == ("dm-1", "dp-1")


def test_setting_a_link_up_touches_no_other_flag() -> None:
    message = _decoded(ifinfmsg, rtnetlink.link_up(3))
    assert (message["index"], message["flags"], message["change"]) == (3, 1, 1)


def test_a_bridge_port() -> None:
    message = _decoded(ifinfmsg, rtnetlink.bridge_port(3, hairpin=True, isolated=False))
    assert message["family"] == socket.AF_BRIDGE
    assert message.get_nested("IFLA_PROTINFO", "IFLA_BRPORT_MODE") == 1
    assert message.get_nested("IFLA_PROTINFO", "IFLA_BRPORT_ISOLATED") == 0


@pytest.mark.parametrize(
    ("text", "broadcast"), [("172.17.0.2/16", "172.17.255.255"), ("10.0.0.1/31", None), ("10.0.0.1/32", None)]
)
def test_an_address(text: str, broadcast: str | None) -> None:
    message = _decoded(ifaddrmsg, rtnetlink.address(9, IPv4Interface(text)))
    address, _, length = text.partition("/")
    assert (message["index"], message["prefixlen"], message["family"]) == (9, int(length), socket.AF_INET)
    assert message.get_attr("IFA_LOCAL") == message.get_attr("IFA_ADDRESS") == address
    assert message.get_attr("IFA_BROADCAST") == broadcast


def test_an_ipv6_address() -> None:
    message = _decoded(ifaddrmsg, rtnetlink.address(9, IPv6Interface("fd00::2/64")))
    assert (message["family"], message["prefixlen"]) == (socket.AF_INET6, 64)
    assert message.get_attr("IFA_LOCAL") == "fd00::2"


def test_a_default_route() -> None:
    message = _decoded(rtmsg, rtnetlink.default_route(IPv4Address("172.17.0.1")))
    assert (message["dst_len"], message["table"], message["type"]) == (0, 254, 1)
    assert message.get_attr("RTA_GATEWAY") == "172.17.0.1"
    assert message.get_attr("RTA_DST") is None


def test_a_neighbour() -> None:
    message = _decoded(ndmsg, rtnetlink.neighbour(4, IPv4Address("172.17.0.2"), MAC))
    assert (message["ifindex"], message["state"]) == (4, 2)
    assert message.get_attr("NDA_DST") == "172.17.0.2"
    assert message.get_attr("NDA_LLADDR") == MAC


@given(st.dictionaries(st.integers(1, 0x3FFF), st.binary(max_size=40), max_size=8))
def test_attributes_come_back_as_they_went(attributes: dict[int, bytes]) -> None:
    data = b"".join(netlink.attribute(kind, value) for kind, value in attributes.items())
    assert len(data) % 4 == 0
    assert parse_attributes(data) == attributes


@given(st.binary(max_size=60))
def test_no_bytes_break_the_attribute_parser(data: bytes) -> None:
    parse_attributes(data)


def test_the_loopback_device_and_its_address_can_be_read() -> None:
    with NetlinkSocket(NETLINK_ROUTE) as sock:
        link = rtnetlink.find_link(sock, "lo")
        assert link is not None
        assert (link.index, link.mtu, link.mac) == (1, 65536, "00:00:00:00:00:00")
        assert link in rtnetlink.links(sock)
        found = [item.interface for item in rtnetlink.addresses(sock) if item.index == 1]
    assert IPv4Interface("127.0.0.1/8") in found


def test_a_device_that_is_not_there_is_none() -> None:
    with NetlinkSocket(NETLINK_ROUTE) as sock:
        assert rtnetlink.find_link(sock, "nosuch0") is None


def test_routes_agree_with_proc() -> None:
    with open("/proc/net/route") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    expected = {
        ip_network((socket.inet_ntoa(struct.pack("=I", int(row[1], 16))), bin(int(row[7], 16)).count("1")))
        for row in rows
    }
    with NetlinkSocket(NETLINK_ROUTE) as sock:
        routes = rtnetlink.routes(sock, socket.AF_INET)
    assert {route.destination for route in routes if route.table == 254} == expected


def test_a_refusal_names_the_call_and_its_object() -> None:
    with (
        NetlinkSocket(NETLINK_ROUTE) as sock,
        pytest.raises(OSError, match="RTM_NEWLINK up 999999: ") as caught,
    ):
        sock.execute(rtnetlink.link_up(999_999))
    # without privileges the kernel does not even look for the device
    assert caught.value.errno == (errno.ENODEV if os.geteuid() == 0 else errno.EPERM)


def test_after_a_refusal_the_socket_still_works() -> None:
    with NetlinkSocket(NETLINK_ROUTE) as sock:
        for _ in range(2):
            with pytest.raises(OSError, match="RTM_NEWLINK"):
                sock.execute(rtnetlink.link_up(999_999), rtnetlink.link_up(999_998))
        assert rtnetlink.find_link(sock, "lo") is not None

"""Rules that keep a container to its own addresses, as nft text and elements. Pure.

A container may send raw frames, and so answer for its neighbour's address, or claim its MAC. Every frame that
comes into a bridge by a container's port is looked at before the bridge learns from it:

    sources     port . MAC . IPv4 address     what it may send from, and tell in ARP
    sources6    port . MAC . IPv6 address     what it may send from
    targets     port . MAC . IPv6 address     what it may tell in neighbour advertisements
    macs        port . MAC                    for everything that is not IP
    asking      how often a port has asked for a neighbour of late: an answer to each is sent to all

Nobody but the host is a router on a bridge, so advertisements and redirects of routers are dropped too.
"""

import ipaddress

from scow.linux.nf_tables import Device, Element, Mac, RawAddress6
from scow.network.endpoint import Endpoint
from scow.network.firewall import chain, collection

_FAMILY = "bridge"
# An address scan of a /24, and then three times what a busy service needs.
_ASKING = "limit rate over 100/second burst 300 packets"
# What a neighbour advertisement is about: 8 bytes into the message (RFC 4861, 4.4).
_TARGET = "@th,64,128"
# Before an address is known it is asked whether it is free (RFC 5227, RFC 4862).
_NO_ADDRESS, _NO_ADDRESS6 = ipaddress.IPv4Address(0), ipaddress.IPv6Address(0)


def render_guard(table: str) -> str:
    """The whole table, replacing the one of that name in the same transaction."""
    lines = [
        f"add table bridge {table}",
        f"delete table bridge {table}",
        f"table bridge {table} {{",
        *collection("set", "ports", "ifname"),
        *collection("set", "sources", "ifname . ether_addr . ipv4_addr"),
        *collection("set", "sources6", "ifname . ether_addr . ipv6_addr"),
        f"\tset targets {{ typeof iifname . ether saddr . {_TARGET}; }}",
        *collection("set", "macs", "ifname . ether_addr"),
        *collection("set", "asking", "ifname", "size 65535", "flags dynamic,timeout", "timeout 2s"),
        *chain("sources_arp", "", _ARP),
        *chain("sources_ip6", "", _IP6),
        *chain("sources_all", "", _ALL),
        *chain("guard", "type filter hook prerouting priority -300", _GUARD),
        "}",
    ]
    return "\n".join(lines) + "\n"


def source_elements(endpoint: Endpoint) -> list[Element]:
    """What an endpoint may send from; to be known before its port is up."""
    port, mac = Device(endpoint.host_interface), Mac(endpoint.mac)
    found = [Element(_FAMILY, "ports", (port,)), Element(_FAMILY, "macs", (port, mac))]
    own = [ipaddress.ip_address(text) for text in (endpoint.address, endpoint.address6) if text]
    own += [ipaddress.ip_address(text) for text in endpoint.link_local]
    for address in (*own, _NO_ADDRESS, _NO_ADDRESS6, link_local_address(endpoint.mac)):
        if address.version == 4:
            found.append(Element(_FAMILY, "sources", (port, mac, address)))
        else:
            found.append(Element(_FAMILY, "sources6", (port, mac, address)))
            found.append(Element(_FAMILY, "targets", (port, mac, RawAddress6(address))))
    return list(dict.fromkeys(found))


def link_local_address(mac: str) -> ipaddress.IPv6Address:
    """What the kernel gives a device with this MAC (RFC 4291, appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    identifier = bytes((octets[0] ^ 2,)) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + identifier)


_ARP = [
    f"update @asking {{ iifname {_ASKING} }} drop",
    "iifname . arp saddr ether . arp saddr ip != @sources drop",
    "iifname . ether saddr . arp saddr ip != @sources drop",
]
_IP6 = [
    "iifname . ether saddr . ip6 saddr != @sources6 drop",
    "icmpv6 type { nd-router-advert, nd-redirect } drop",
    f"icmpv6 type nd-neighbor-solicit update @asking {{ iifname {_ASKING} }} drop",
    f"icmpv6 type nd-neighbor-advert iifname . ether saddr . {_TARGET} != @targets drop",
]
_ALL = [
    "ether type arp goto sources_arp",
    "ether type ip6 goto sources_ip6",
    "ether type ip drop",
    "iifname . ether saddr != @macs drop",
]
_GUARD = [
    # Nearly all there is: one look-up for a packet.
    "ether type ip iifname . ether saddr . ip saddr @sources accept",
    "iifname @ports goto sources_all",
]

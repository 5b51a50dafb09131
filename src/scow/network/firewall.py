"""The rules behind the bridges as nft text. Pure: text out, nothing is run.

One table for both families, ours alone; no rule of anybody else is read or changed. The rules are always the
same: networks and containers come and go as elements of sets and maps (``network.bridge_elements``,
``network.port_elements``), so that one more of either costs no more than itself. The chains:

    untrusted    a bridge with route_localnet, which 127.0.0.1 needs, must not let containers reach what
                 listens on the host's loopback
    prerouting   published ports, for packets that come in
    output       and for those of the host's own processes; [::1] is left out, because the kernel does not
                 route what comes from there: the relay serves it
    forward      answers pass before all else, which is nearly every packet; with an internal bridge nothing
                 passes to or from any other device; into any other bridge only by the next chain
    enter        published ports, with icc its own containers, and what gateway modes and the engine's
                 settings let in
    permit       a published port with a list of who may use it
    postrouting  a container that meets itself or a neighbour through a published port, and the host coming
                 from its loopback, get the bridge's address, so that the answer comes back the same way;
                 everything that leaves gets the host's

Base chains of different tables all have their say: an accept here does not undo a drop of theirs. Where
another firewall drops forwarded packets by default, it has to let the bridges through itself. The same way
``SCOW-USER``, in a table that scow makes and never writes to again, is the place for rules of the user's.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from scow.linux.nf_tables import Element
from scow.network.ipam import IPAddress

USER_TABLE = "scow-user"
USER_CHAIN = "SCOW-USER"

NAT = "nat"
NAT_UNPROTECTED = "nat-unprotected"
ROUTED = "routed"
ISOLATED = "isolated"
BOTH_VERSIONS = frozenset((4, 6))
GATEWAY_MODES = (NAT, NAT_UNPROTECTED, ROUTED, ISOLATED)


@dataclass(frozen=True, slots=True)
class RulePolicy:
    """What the engine's settings say of the rules of all bridges.

    ``versions`` are the IP versions that have rules at all; packets of another one pass. ``direct_routing``:
    whoever has a route to a container reaches what it has published by the container's own address.
    ``accepted_mark``: packets with this firewall mark, in the bits of the mask behind it, may enter any
    bridge that is not internal.
    """

    versions: frozenset[int] = BOTH_VERSIONS
    direct_routing: bool = False
    accepted_mark: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class BridgeRules:
    """What lets packets into one bridge, and out of it; ``subnet6`` is for a network with IPv6.

    ``addresses`` are the host's own on the bridge. ``mode4`` and ``mode6`` are gateway modes. Through
    ``trusted_interfaces`` published ports are reached by the container's own address. ``source_guard``:
    containers send from addresses of their own only.
    """

    interface: str
    subnet: ipaddress.IPv4Network | None = None
    subnet6: ipaddress.IPv6Network | None = None
    addresses: tuple[IPAddress, ...] = ()
    icc: bool = True
    masquerade: bool = True
    masquerade6: bool = True
    internal: bool = False
    mode4: str = NAT
    mode6: str = NAT
    trusted_interfaces: tuple[str, ...] = ()
    source_guard: bool = True
    policy: RulePolicy = RulePolicy()


def render_user_table() -> str:
    """The hook for rules of the user's; what is in it stays."""
    hook = "{ type filter hook forward priority -1; policy accept; }"
    return f"add table inet {USER_TABLE}\nadd chain inet {USER_TABLE} {USER_CHAIN} {hook}\n"


def is_untouched(listing: str) -> bool:
    """Whether the user's table, as nft lists it, is as ``render_user_table`` made it."""
    words = [line.split()[0] for line in listing.splitlines() if line.strip()]
    return words == ["table", "chain", "type", "}", "}"]


# Priorities are numbers because nft knows the name "dstnat" for prerouting only, and not for output.
def render_table(table: str, policy: RulePolicy, elements: Iterable[Element]) -> str:
    """The whole table, replacing the one of that name in the same transaction."""
    lines = [
        f"add table inet {table}",
        f"delete table inet {table}",
        f"table inet {table} {{",
        *_SETS,
        *chain("untrusted", "type filter hook prerouting priority -300", _untrusted(policy)),
        *_TRANSLATION,
        *chain("permit", "", _PERMIT),
        *chain("enter", "", _enter(policy)),
        *chain("forward", "type filter hook forward priority 0", _forward(policy)),
        *chain("postrouting", "type nat hook postrouting priority 100", _postrouting(policy)),
        "}",
    ]
    return "\n".join(lines) + "\n" + element_commands(table, elements)


def element_commands(table: str, elements: Iterable[Element]) -> str:
    """nft commands that add elements."""
    return "".join(f"add element {it.family} {table} {it.set_name} {{ {it} }}\n" for it in elements)


def chain(name: str, hook: str, rules: Iterable[str]) -> list[str]:
    """The lines of a chain; without ``hook`` one that is jumped to."""
    head = [f"\t\t{hook}; policy accept;"] if hook else []
    return [f"\tchain {name} {{", *head, *(f"\t\t{rule}" for rule in rules), "\t}"]


def collection(kind: str, name: str, types: str, *more: str) -> list[str]:
    """The lines of an empty set or map."""
    return [f"\t{kind} {name} {{", f"\t\ttype {types}", *(f"\t\t{line}" for line in more), "\t}"]


def foreign_drop_policies(listing: str, table: str) -> list[str]:
    """Chains of others that drop forwarded packets by default, out of what ``nft list chains`` prints."""
    found = []
    family = owner = name = ""
    for line in map(str.strip, listing.splitlines()):
        if match := re.match(r"table (\S+) (\S+) \{", line):
            family, owner = match.groups()
        elif match := re.match(r"chain (\S+) \{", line):
            name = match[1]
        elif "hook forward" in line and "policy drop" in line and owner != table and family in ("ip", "inet"):
            found.append(f"{family} {owner} {name}")
    return found


_SETS = [
    *collection("set", "bridges", "ifname"),
    *collection("set", "same", "ifname . ifname"),
    *collection("set", "apart", "ifname"),
    *collection("set", "internal", "ifname"),
    *collection("set", "trusted", "ifname . ifname"),
    *collection("set", "unprotected", "ifname"),
    *collection("set", "unprotected6", "ifname"),
    *collection("set", "routed", "ifname"),
    *collection("set", "routed6", "ifname"),
    *collection("set", "subnets", "ifname . ipv4_addr", "flags interval"),
    *collection("set", "subnets6", "ifname . ipv6_addr", "flags interval"),
    *collection("set", "masked", "ifname . ipv4_addr", "flags interval"),
    *collection("set", "masked6", "ifname . ipv6_addr", "flags interval"),
    *collection("set", "gateways", "ipv4_addr"),
    *collection("set", "gateways6", "ipv6_addr"),
    *collection("map", "published", "inet_proto . inet_service : ipv4_addr . inet_service"),
    *collection("map", "published_at", "ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service"),
    *collection("map", "published6", "inet_proto . inet_service : ipv6_addr . inet_service"),
    *collection("map", "published6_at", "ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service"),
    *collection("set", "opened", "ipv4_addr . inet_proto . inet_service"),
    *collection("set", "opened6", "ipv6_addr . inet_proto . inet_service"),
    *collection("set", "entrusted", "ipv4_addr . inet_proto . inet_service"),
    *collection("set", "entrusted6", "ipv6_addr . inet_proto . inet_service"),
    *collection("set", "limited", "ipv4_addr . inet_proto . inet_service"),
    *collection("set", "limited6", "ipv6_addr . inet_proto . inet_service"),
    *collection("set", "allowed", "ipv4_addr . inet_proto . inet_service . ipv4_addr", "flags interval"),
    *collection("set", "allowed6", "ipv6_addr . inet_proto . inet_service . ipv6_addr", "flags interval"),
]

_TRANSLATION = [
    *chain(
        "prerouting",
        "type nat hook prerouting priority -100",
        [
            "ip daddr != 127.0.0.0/8 fib daddr type local jump translate",
            "ip6 daddr != ::1 fib daddr type local jump translate6",
        ],
    ),
    *chain(
        "output",
        "type nat hook output priority -100",
        [
            "meta nfproto ipv4 fib daddr type local jump translate",
            "ip6 daddr != ::1 fib daddr type local jump translate6",
        ],
    ),
    *chain(
        "translate",
        "",
        [
            "dnat ip to ip daddr . meta l4proto . th dport map @published_at",
            "dnat ip to meta l4proto . th dport map @published",
        ],
    ),
    *chain(
        "translate6",
        "",
        [
            "dnat ip6 to ip6 daddr . meta l4proto . th dport map @published6_at",
            "dnat ip6 to meta l4proto . th dport map @published6",
        ],
    ),
]

_PERMIT = [
    "ip daddr . meta l4proto . th dport . ip saddr @allowed accept",
    "ip6 daddr . meta l4proto . th dport . ip6 saddr @allowed6 accept",
    "ip daddr . meta l4proto . th dport @limited drop",
    "ip6 daddr . meta l4proto . th dport @limited6 drop",
    "accept",
]


def _untrusted(policy: RulePolicy) -> list[str]:
    return ["ip daddr 127.0.0.0/8 iifname @bridges drop"] if 4 in policy.versions else []


def _forward(policy: RulePolicy) -> list[str]:
    return [
        "ct state established,related accept",
        *(f"meta nfproto ipv{version} accept" for version in sorted(BOTH_VERSIONS - policy.versions)),
        "iifname @internal iifname . oifname != @same drop",
        "oifname @internal iifname . oifname != @same drop",
        "oifname @bridges goto enter",
    ]


def _enter(policy: RulePolicy) -> list[str]:
    return [
        *([_marked(*policy.accepted_mark)] if policy.accepted_mark else []),
        "ct status dnat goto permit",
        "iifname . oifname @same oifname != @apart accept",
        "iifname . oifname @trusted ip daddr . meta l4proto . th dport @entrusted goto permit",
        "iifname . oifname @trusted ip6 daddr . meta l4proto . th dport @entrusted6 goto permit",
        "meta nfproto ipv4 oifname @unprotected accept",
        "meta nfproto ipv6 oifname @unprotected6 accept",
        "ip protocol 1 oifname @routed accept",  # ICMP; its name would need /etc/protocols
        "meta l4proto 58 oifname @routed6 accept",
        "ip daddr . meta l4proto . th dport @opened goto permit",
        "ip6 daddr . meta l4proto . th dport @opened6 goto permit",
        "drop",
    ]


def _marked(value: int, mask: int) -> str:
    return f"meta mark and {mask:#x} == {value:#x} accept"


def _postrouting(policy: RulePolicy) -> list[str]:
    rules = []
    if 4 in policy.versions:
        rules += _masquerades("ip", "127.0.0.0/8", "")
    if 6 in policy.versions:
        rules += _masquerades("ip6", "::1", "6")
    return rules


def _masquerades(family: str, loopback: str, suffix: str) -> list[str]:
    return [
        f"oifname @bridges {family} saddr {loopback} masquerade",
        # By address, not by iifname: a packet that the bridge itself hands to this hook has no input device.
        f"ct status dnat oifname . {family} saddr @subnets{suffix} masquerade",
        f"iifname . {family} saddr @masked{suffix} iifname . oifname != @same masquerade",
        # Nor have the host's own, where a program is bound to a bridge's address.
        f"{family} saddr @gateways{suffix} oifname . {family} saddr != @subnets{suffix} masquerade",
    ]

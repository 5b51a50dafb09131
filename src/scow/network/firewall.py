"""The rules behind the bridges as nft text. Pure: text out, nothing is run.

One table for both families, ours alone; no rule of anybody else is read or changed. What changes with
containers is in sets and maps (``network.port_elements``); rules change with networks only. The chains:

    untrusted    a bridge with route_localnet, which 127.0.0.1 needs, must not let containers reach what
                 listens on the host's loopback
    prerouting   published ports, for packets that come in
    output       and for those of the host's own processes; [::1] is left out, because the kernel does not
                 route what comes from there: the relay serves it
    forward      into a bridge only, by the bridge's chain ``to-…``: answers, published ports and, with icc,
                 its own containers; with an internal bridge nothing passes to or from any other device
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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from scow.linux.nf_tables import Element

USER_TABLE = "scow-user"
USER_CHAIN = "SCOW-USER"

NAT = "nat"
NAT_UNPROTECTED = "nat-unprotected"
ROUTED = "routed"
ISOLATED = "isolated"
BOTH_VERSIONS = frozenset((4, 6))
GATEWAY_MODES = (NAT, NAT_UNPROTECTED, ROUTED, ISOLATED)


@dataclass(frozen=True, slots=True)
class BridgeRules:
    """What the rules of one bridge depend on; ``subnet6`` is for a network with IPv6.

    ``mode4`` and ``mode6`` are gateway modes. Through ``trusted_interfaces`` all of its addresses and ports
    can be reached from outside. ``source_guard``: containers send from addresses of their own only.
    ``versions`` are the IP versions that have rules at all; packets of another one pass.
    """

    interface: str
    subnet: ipaddress.IPv4Network | None = None
    subnet6: ipaddress.IPv6Network | None = None
    icc: bool = True
    masquerade: bool = True
    masquerade6: bool = True
    internal: bool = False
    mode4: str = NAT
    mode6: str = NAT
    trusted_interfaces: tuple[str, ...] = ()
    source_guard: bool = True
    versions: frozenset[int] = BOTH_VERSIONS


def render_user_table() -> str:
    """The hook for rules of the user's; what is in it stays."""
    hook = "{ type filter hook forward priority -1; policy accept; }"
    return f"add table inet {USER_TABLE}\nadd chain inet {USER_TABLE} {USER_CHAIN} {hook}\n"


# Priorities are numbers because nft knows the name "dstnat" for prerouting only, and not for output.
def render_table(table: str, bridges: Sequence[BridgeRules], elements: Iterable[Element]) -> str:
    """The whole table, replacing the one of that name in the same transaction."""
    lines = [
        f"add table inet {table}",
        f"delete table inet {table}",
        f"table inet {table} {{",
        *_SETS,
        *chain("untrusted", "type filter hook prerouting priority -300", _untrusted(bridges)),
        *_TRANSLATION,
        *chain("permit", "", _PERMIT),
        *[line for bridge in bridges for line in chain(chain_name(bridge), "", _into(bridge))],
        *chain(
            "forward", "type filter hook forward priority 0", [*_each(_keep_inside, bridges), *_sort(bridges)]
        ),
        *chain("postrouting", "type nat hook postrouting priority 100", _each(_postrouting, bridges)),
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


def chain_name(bridge: BridgeRules) -> str:
    """The chain that decides what may come into a bridge."""
    return "to-" + re.sub(r"[^A-Za-z0-9_.-]", "_", bridge.interface)


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
    *collection("map", "published", "inet_proto . inet_service : ipv4_addr . inet_service"),
    *collection("map", "published_at", "ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service"),
    *collection("map", "published6", "inet_proto . inet_service : ipv6_addr . inet_service"),
    *collection("map", "published6_at", "ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service"),
    *collection("set", "opened", "ipv4_addr . inet_proto . inet_service"),
    *collection("set", "opened6", "ipv6_addr . inet_proto . inet_service"),
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


def _untrusted(bridges: Sequence[BridgeRules]) -> list[str]:
    return [
        f'iifname "{bridge.interface}" ip daddr 127.0.0.0/8 drop'
        for bridge in bridges
        if 4 in bridge.versions
    ]


def _sort(bridges: Sequence[BridgeRules]) -> list[str]:
    """To the chain of the bridge that a packet goes to: one look-up, however many bridges there are."""
    if not bridges:
        return []
    jumps = ", ".join(f'"{bridge.interface}" : jump {chain_name(bridge)}' for bridge in bridges)
    return [f"oifname vmap {{ {jumps} }}"]


def _into(bridge: BridgeRules) -> list[str]:
    trusted = ", ".join(f'"{name}"' for name in bridge.trusted_interfaces)
    return [
        *(f"meta nfproto ipv{version} accept" for version in sorted(BOTH_VERSIONS - bridge.versions)),
        "ct state established,related accept",
        "ct status dnat goto permit",
        *([f'iifname "{bridge.interface}" accept'] if bridge.icc else []),
        *([f"iifname {{ {trusted} }} accept"] if trusted else []),
        *_reached_by_routing(bridge),
        "drop",
    ]


def _reached_by_routing(bridge: BridgeRules) -> list[str]:
    rules = []
    if bridge.mode4 == NAT_UNPROTECTED:
        rules.append("meta nfproto ipv4 accept")
    if bridge.mode6 == NAT_UNPROTECTED:
        rules.append("meta nfproto ipv6 accept")
    if bridge.mode4 == ROUTED:
        rules += ["ip protocol icmp accept", "ip daddr . meta l4proto . th dport @opened goto permit"]
    if bridge.mode6 == ROUTED:
        rules += ["meta l4proto ipv6-icmp accept", "ip6 daddr . meta l4proto . th dport @opened6 goto permit"]
    return rules


def _keep_inside(bridge: BridgeRules) -> list[str]:
    """Before all else: what another bridge would accept may come from, or go to, an internal one."""
    name = bridge.interface
    if not bridge.internal:
        return []
    only = "".join(f"meta nfproto ipv{version} " for version in bridge.versions if len(bridge.versions) == 1)
    return [
        f'{only}iifname "{name}" oifname != "{name}" drop',
        f'{only}oifname "{name}" iifname != "{name}" drop',
    ]


def _postrouting(bridge: BridgeRules) -> list[str]:
    rules = []
    if bridge.subnet is not None and 4 in bridge.versions:
        outwards = bridge.masquerade and bridge.mode4 != ROUTED
        rules += _masquerades("ip", "127.0.0.0/8", bridge.interface, bridge.subnet, outwards)
    if bridge.subnet6 is not None and 6 in bridge.versions:
        outwards = bridge.masquerade6 and bridge.mode6 != ROUTED
        rules += _masquerades("ip6", "::1", bridge.interface, bridge.subnet6, outwards)
    return rules


def _masquerades(
    family: str,
    loopback: str,
    name: str,
    subnet: ipaddress.IPv4Network | ipaddress.IPv6Network,
    outwards: bool,
) -> list[str]:
    # By address, not by iifname: a packet that the bridge itself hands to this hook has no input device.
    return [
        f'oifname "{name}" {family} saddr {loopback} masquerade',
        f'oifname "{name}" {family} saddr {subnet} ct status dnat masquerade',
        *([f'oifname != "{name}" {family} saddr {subnet} masquerade'] if outwards else []),
    ]


def _each(rules_of: Callable[[BridgeRules], list[str]], bridges: Sequence[BridgeRules]) -> list[str]:
    return [rule for bridge in bridges for rule in rules_of(bridge)]

"""The rules behind the bridges as nft text. Pure: text out, nothing is run.

One table for both families, ours alone; no rule of anybody else is read or changed. A published port is
one element of a map:

    published       protocol . port            → container's address . port     on every address of the host
    published_at    address . protocol . port  → container's address . port     on one address

and the same for IPv6 (``published6``, ``published6_at``). They are looked up for packets that come in
(``prerouting``) and for those of the host's own processes (``output``). The other chains, and why they are
there:

    untrusted    a bridge with route_localnet, which 127.0.0.1 needs, must not let containers reach what
                 listens on the host's loopback
    forward      into a bridge only: answers, published ports and, with icc, its own containers; with an
                 internal bridge nothing passes to or from any other device
    postrouting  a container that meets itself or a neighbour through a published port, and the host coming
                 from its loopback, get the bridge's address, so that the answer comes back the same way;
                 everything that leaves gets the host's

Base chains of different tables all have their say: an accept here does not undo a drop of theirs. Where
another firewall drops forwarded packets by default, it has to let the bridges through itself.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from scow.network.endpoint import Endpoint

PUBLISHED = "published"
PUBLISHED_AT = "published_at"
PUBLISHED6 = "published6"
PUBLISHED6_AT = "published6_at"
_ANY = "0.0.0.0"
_ANY6 = "::"


@dataclass(frozen=True, slots=True)
class BridgeRules:
    """What the rules of one bridge depend on; ``subnet6`` is for a network with IPv6."""

    interface: str
    subnet: ipaddress.IPv4Network | None = None
    subnet6: ipaddress.IPv6Network | None = None
    icc: bool = True
    masquerade: bool = True
    masquerade6: bool = True
    internal: bool = False


@dataclass(frozen=True, slots=True)
class PortMapping:
    """One map element; ``host_ip`` is "0.0.0.0" or "::" for every address."""

    host_ip: str
    protocol: str
    host_port: int
    address: str
    container_port: int


def port_mappings(endpoint: Endpoint) -> list[PortMapping]:
    """The elements of an endpoint: a host address leads to the container's address of the same family."""
    found = []
    for port in endpoint.ports:
        address = endpoint.address6 if ":" in port.host_ip else endpoint.address
        if address:
            found.append(
                PortMapping(port.host_ip, port.protocol, port.host_port, address, port.container_port)
            )
    return found


# Priorities are numbers because nft knows the name "dstnat" for prerouting only, and not for output.
def render_table(table: str, bridges: Sequence[BridgeRules], mappings: Sequence[PortMapping]) -> str:
    """The whole table, replacing the one of that name in the same transaction."""
    lines = [
        f"add table inet {table}",
        f"delete table inet {table}",
        f"table inet {table} {{",
        *_map(PUBLISHED, "inet_proto . inet_service", "ipv4_addr"),
        *_map(PUBLISHED_AT, "ipv4_addr . inet_proto . inet_service", "ipv4_addr"),
        *_map(PUBLISHED6, "inet_proto . inet_service", "ipv6_addr"),
        *_map(PUBLISHED6_AT, "ipv6_addr . inet_proto . inet_service", "ipv6_addr"),
        *_chain("untrusted", "type filter hook prerouting priority -300", map(_untrusted, bridges)),
        *_chain(
            "prerouting",
            "type nat hook prerouting priority -100",
            [
                "ip daddr != 127.0.0.0/8 fib daddr type local jump translate",
                "ip6 daddr != ::1 fib daddr type local jump translate6",
            ],
        ),
        *_chain(
            "output",
            "type nat hook output priority -100",
            [
                "meta nfproto ipv4 fib daddr type local jump translate",
                "meta nfproto ipv6 fib daddr type local jump translate6",
            ],
        ),
        *_chain(
            "translate",
            "",
            [
                f"dnat ip to ip daddr . meta l4proto . th dport map @{PUBLISHED_AT}",
                f"dnat ip to meta l4proto . th dport map @{PUBLISHED}",
            ],
        ),
        *_chain(
            "translate6",
            "",
            [
                f"dnat ip6 to ip6 daddr . meta l4proto . th dport map @{PUBLISHED6_AT}",
                f"dnat ip6 to meta l4proto . th dport map @{PUBLISHED6}",
            ],
        ),
        *_chain(
            "forward",
            "type filter hook forward priority 0",
            [*_each(_keep_inside, bridges), *_each(_forward, bridges)],
        ),
        *_chain("postrouting", "type nat hook postrouting priority 100", _each(_postrouting, bridges)),
        "}",
    ]
    return "\n".join(lines) + "\n" + add_elements(table, mappings)


def add_elements(table: str, mappings: Iterable[PortMapping]) -> str:
    """Publish ``mappings``; an element that is there already is no error, one that leads elsewhere is."""
    commands = []
    for mapping in mappings:
        name, key = _key(mapping)
        target = f"{mapping.address} . {mapping.container_port}"
        commands.append(f"add element inet {table} {name} {{ {key} : {target} }}\n")
    return "".join(commands)


def delete_elements(table: str, mappings: Iterable[PortMapping]) -> str:
    """Withdraw ``mappings``, which must all be there."""
    keys = map(_key, mappings)
    return "".join(f"delete element inet {table} {name} {{ {key} }}\n" for name, key in keys)


def foreign_drop_policies(listing: str, table: str) -> list[str]:
    """Chains of others that drop forwarded packets by default, out of what ``nft list chains`` prints."""
    found = []
    family = owner = chain = ""
    for line in map(str.strip, listing.splitlines()):
        if match := re.match(r"table (\S+) (\S+) \{", line):
            family, owner = match.groups()
        elif match := re.match(r"chain (\S+) \{", line):
            chain = match[1]
        elif "hook forward" in line and "policy drop" in line and owner != table and family in ("ip", "inet"):
            found.append(f"{family} {owner} {chain}")
    return found


def _key(mapping: PortMapping) -> tuple[str, str]:
    key = f"{mapping.protocol} . {mapping.host_port}"
    if mapping.host_ip == _ANY:
        return PUBLISHED, key
    if mapping.host_ip == _ANY6:
        return PUBLISHED6, key
    name = PUBLISHED6_AT if ":" in mapping.host_ip else PUBLISHED_AT
    return name, f"{mapping.host_ip} . {key}"


def _untrusted(bridge: BridgeRules) -> str:
    return f'iifname "{bridge.interface}" ip daddr 127.0.0.0/8 drop'


def _forward(bridge: BridgeRules) -> list[str]:
    name = bridge.interface
    return [
        f'oifname "{name}" ct state established,related accept',
        f'oifname "{name}" ct status dnat accept',
        *([f'iifname "{name}" oifname "{name}" accept'] if bridge.icc else []),
        f'oifname "{name}" drop',
    ]


def _keep_inside(bridge: BridgeRules) -> list[str]:
    """Before all else: what another bridge would accept may come from, or go to, an internal one."""
    name = bridge.interface
    if not bridge.internal:
        return []
    return [f'iifname "{name}" oifname != "{name}" drop', f'oifname "{name}" iifname != "{name}" drop']


def _postrouting(bridge: BridgeRules) -> list[str]:
    rules = []
    if bridge.subnet is not None:
        rules += _masquerades("ip", "127.0.0.0/8", bridge.interface, bridge.subnet, bridge.masquerade)
    if bridge.subnet6 is not None:
        rules += _masquerades("ip6", "::1", bridge.interface, bridge.subnet6, bridge.masquerade6)
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


def _map(name: str, key: str, address: str) -> list[str]:
    return [f"\tmap {name} {{", f"\t\ttype {key} : {address} . inet_service", "\t}"]


def _chain(name: str, hook: str, rules: Iterable[str]) -> list[str]:
    head = [f"\t\t{hook}; policy accept;"] if hook else []
    return [f"\tchain {name} {{", *head, *(f"\t\t{rule}" for rule in rules), "\t}"]

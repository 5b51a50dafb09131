"""The way of a packet to and from an endpoint, and which rule decides, as lines of text. Pure.

What the tables of the kernel hold at the moment (``listing``, of nft) is compared with what should be there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scow.linux.nf_tables import Element
from scow.network.endpoint import Endpoint, PublishedPort
from scow.network.firewall import NAT_UNPROTECTED, ROUTED, USER_CHAIN, USER_TABLE, BridgeRules
from scow.network.port_elements import leads_nowhere, port_elements

_ENTER = "table inet scow, chain enter"


@dataclass(frozen=True, slots=True)
class KernelTables:
    """``listing``: scow's own tables. ``dropping``: chains of others that drop what they do not know."""

    listing: str
    user_rules: int
    dropping: tuple[str, ...] = ()


def user_rules(listing: str) -> int:
    """How many rules the user's chain has, out of nft's listing of it."""
    lines = [line.strip() for line in listing.splitlines()]
    return sum(bool(line) and not line.startswith(("table", "chain", "type", "}")) for line in lines)


def explain_endpoint(
    endpoint: Endpoint, rules: BridgeRules, tables: KernelTables, *, relayed: bool
) -> list[str]:
    """All ways of one endpoint on a bridge."""
    addresses = ", ".join(filter(None, (endpoint.address, endpoint.address6)))
    lines = [
        f"{endpoint.interface} is {addresses}, by {endpoint.host_interface} on bridge {rules.interface}",
        *_outwards(endpoint, rules, tables),
    ]
    for port in endpoint.ports:
        lines += explain_port(endpoint, port, rules, tables, relayed=relayed)
    lines += _other_ports(rules)
    return lines


def explain_port(
    endpoint: Endpoint, port: PublishedPort, rules: BridgeRules, tables: KernelTables, *, relayed: bool
) -> list[str]:
    """The way to one published port."""
    where = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip
    target = f"{port.container_port}/{port.protocol} of {endpoint.interface}"
    if leads_nowhere(endpoint, port, rules):
        how = "the relay (scow-relay) carries it, the kernel cannot" if relayed else "nothing leads there"
        return [f"to {where}:{port.host_port}/{port.protocol} for {target}", f"  1. {how}"]
    elements = port_elements(endpoint, rules, [port])
    if not port.host_port:
        lines = [f"to {target}, by routing to the container's own address"]
        steps = [*_hook(tables), *_decision(rules, elements, tables, "@opened", limited=bool(port.allow))]
    else:
        lines = [f"to {where}:{port.host_port}/{port.protocol} for {target}"]
        steps = [
            f"table inet scow, map {elements[0].set_name}: {_state(elements[0], tables)}",
            *_hook(tables),
            *_decision(rules, elements, tables, "ct status dnat", limited=bool(port.allow)),
        ]
        if relayed and port.host_ip in ("::", "::1"):
            lines.append("  from the host to [::1]: the relay (scow-relay) carries it")
    return lines + _numbered([*steps, *_others(tables)])


def _outwards(endpoint: Endpoint, rules: BridgeRules, tables: KernelTables) -> list[str]:
    steps = []
    if rules.source_guard:
        known = f'"{endpoint.host_interface}"' in tables.listing
        state = "its own addresses only" if known else "MISSING: its device is not in set ports"
        steps.append(f"table bridge scow, chain guard: what comes from {endpoint.host_interface}: {state}")
    if rules.internal:
        steps.append(f'table inet scow, chain forward: "{rules.interface}" is in set internal: drop')
        return ["from the container to the outside", *_numbered(steps)]
    steps += [*_hook(tables), "table inet scow, chain forward: accepted, as it goes to no bridge of ours"]
    masked = rules.masquerade and rules.mode4 != ROUTED and 4 in rules.policy.versions
    way = "masquerade: it leaves by the host's address" if masked else "it leaves by its own address"
    steps.append(f"table inet scow, chain postrouting: {way}")
    return ["from the container to the outside", *_numbered([*steps, *_others(tables)])]


def _other_ports(rules: BridgeRules) -> list[str]:
    steps = []
    if rules.policy.accepted_mark and not rules.internal:
        value, mask = rules.policy.accepted_mark
        steps.append(f"{_ENTER}: meta mark and {mask:#x} == {value:#x} accept (bridge-accept-fwmark)")
    if rules.icc:
        steps.append(f'{_ENTER}: "{rules.interface}" is in set same: accept from its neighbours')
    else:
        steps.append(f"{_ENTER}: drop, also from its neighbours (icc is off)")
    if NAT_UNPROTECTED in (rules.mode4, rules.mode6):
        steps.append(f"{_ENTER}: accept: the network is nat-unprotected")
    if rules.policy.direct_routing:
        steps.append(
            f"{_ENTER}: accept to published ports by the container's own address (allow-direct-routing)"
        )
    elif rules.trusted_interfaces:
        names = ", ".join(rules.trusted_interfaces)
        steps.append(f"{_ENTER}: accept to published ports by the container's own address from {names}")
    steps.append(f"{_ENTER}: drop: from everywhere else but the host itself")
    return ["to all other ports", *_numbered(steps)]


def _hook(tables: KernelTables) -> list[str]:
    count = tables.user_rules
    rules = "no rules" if not count else f"{count} rule{'s' * (count != 1)} of yours, which may drop it"
    return [f"table inet {USER_TABLE}, chain {USER_CHAIN}: {rules}"]


def _decision(
    rules: BridgeRules, elements: Sequence[Element], tables: KernelTables, why: str, *, limited: bool
) -> list[str]:
    if f'"{rules.interface}"' not in tables.listing or "chain enter " not in tables.listing:
        return [f"{_ENTER}: MISSING, or the bridge is not in set bridges"]
    if not limited:
        return [f"{_ENTER}: {why}: accept"]
    allowed = [str(it.key[-1]) for it in elements if it.set_name.startswith("allowed")]
    return [f"table inet scow, chain permit: accept from {', '.join(allowed) or 'nobody'}, else drop"]


def _state(element: Element, tables: KernelTables) -> str:
    return str(element) if str(element) in tables.listing else f"{element} is MISSING in the kernel"


def _others(tables: KernelTables) -> list[str]:
    return [f"chain {chain} of another firewall drops what it has no rule for" for chain in tables.dropping]


def _numbered(steps: Iterable[str]) -> list[str]:
    return [f"  {number}. {step}" for number, step in enumerate(steps, 1)]

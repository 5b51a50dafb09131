"""What a bridge is in the firewall's sets. Pure.

bridges       bridge               every one of ours
same          bridge . bridge      twice itself: what is sent from it to it
apart         bridge               its containers do not reach each other (icc is off)
internal      bridge               nothing passes to or from any other device
trusted       device . bridge      from this device published ports are reached by the container's address
unprotected   bridge               everything is reached, by who has a route (and for IPv6: unprotected6)
routed        bridge               nothing is translated; ICMP passes (routed6)
subnets       bridge . network     its own (subnets6)
masked        bridge . network     what it sends from there leaves by the host's address (masked6)
gateways      address              what the host sends from there as well (gateways6)
"""

import ipaddress
from collections.abc import Iterator

from scow.linux.nf_tables import Device, Element, Field
from scow.network.firewall import NAT_UNPROTECTED, ROUTED, BridgeRules

_FAMILY = "inet"


def bridge_elements(rules: BridgeRules) -> list[Element]:
    """All elements that one bridge has, whatever its containers are."""
    bridge = Device(rules.interface)
    found = [_element("bridges", bridge), _element("same", bridge, bridge)]
    if not rules.icc:
        found.append(_element("apart", bridge))
    if rules.internal:
        found.append(_element("internal", bridge))
    found += [_element("trusted", Device(name), bridge) for name in dict.fromkeys(rules.trusted_interfaces)]
    if 4 in rules.policy.versions:
        found += _of_version("", bridge, rules.subnet, rules.mode4, masked=rules.masquerade)
    if 6 in rules.policy.versions:
        found += _of_version("6", bridge, rules.subnet6, rules.mode6, masked=rules.masquerade6)
    return [*found, *_gateways(rules)]


def _of_version(
    suffix: str,
    bridge: Device,
    subnet: ipaddress.IPv4Network | ipaddress.IPv6Network | None,
    mode: str,
    *,
    masked: bool,
) -> Iterator[Element]:
    if mode == NAT_UNPROTECTED:
        yield _element(f"unprotected{suffix}", bridge)
    if mode == ROUTED:
        yield _element(f"routed{suffix}", bridge)
    if subnet is None:
        return
    yield _element(f"subnets{suffix}", bridge, subnet)
    if masked and mode != ROUTED:
        yield _element(f"masked{suffix}", bridge, subnet)


def _gateways(rules: BridgeRules) -> Iterator[Element]:
    for address in rules.addresses:
        masked, mode = (
            (rules.masquerade, rules.mode4) if address.version == 4 else (rules.masquerade6, rules.mode6)
        )
        if masked and mode != ROUTED and address.version in rules.policy.versions:
            yield _element("gateways" if address.version == 4 else "gateways6", address)


def _element(set_name: str, *key: Field) -> Element:
    return Element(_FAMILY, set_name, key)

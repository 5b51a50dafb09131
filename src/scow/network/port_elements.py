"""What an endpoint's published ports are in the firewall's sets. Pure.

    published       protocol . port            → container's address . port     on every address of the host
    published_at    address . protocol . port  → container's address . port     on one address
    opened          container's address . protocol . port    reached by routing
    entrusted       container's address . protocol . port    the same, from the network's trusted devices
    limited         container's address . protocol . port    for those only that are in
    allowed         container's address . protocol . port . who

and the same for IPv6, with a 6 behind the name.
"""

import ipaddress
from collections.abc import Iterable

from scow.linux.nf_tables import Element, Protocol
from scow.network.endpoint import Endpoint, PublishedPort
from scow.network.firewall import ROUTED, BridgeRules
from scow.network.ipam import IPAddress

_FAMILY = "inet"


def port_elements(
    endpoint: Endpoint, rules: BridgeRules, ports: Iterable[PublishedPort] | None = None
) -> list[Element]:
    """The elements of all its ports, or of ``ports`` alone.

    A host address leads to the container's address of the same family; where it has none, or that family has
    no rules, there is nothing for the firewall to do.
    """
    found: dict[Element, None] = {}
    for port in endpoint.ports if ports is None else ports:
        text = endpoint.address6 if ":" in port.host_ip else endpoint.address
        if not leads_nowhere(endpoint, port, rules):
            found |= dict.fromkeys(_elements(port, ipaddress.ip_address(text), rules))
    return list(found)


def leads_nowhere(endpoint: Endpoint, port: PublishedPort, rules: BridgeRules) -> bool:
    """Whether a host port is of a family that the container does not have, or that has no rules."""
    version, address = (6, endpoint.address6) if ":" in port.host_ip else (4, endpoint.address)
    return not address or version not in rules.policy.versions


def _elements(port: PublishedPort, address: IPAddress, rules: BridgeRules) -> list[Element]:
    six = "6" if address.version == 6 else ""
    protocol = Protocol(port.protocol)
    inside = (address, protocol, port.container_port)
    found = []
    is_routed = (rules.mode6 if six else rules.mode4) == ROUTED
    if not is_routed:
        found.append(_translation(port, address, protocol, six))
    if is_routed or rules.policy.direct_routing:
        found.append(Element(_FAMILY, f"opened{six}", inside))
    elif rules.trusted_interfaces:
        found.append(Element(_FAMILY, f"entrusted{six}", inside))
    if port.allow:
        found.append(Element(_FAMILY, f"limited{six}", inside))
        found += [
            Element(_FAMILY, f"allowed{six}", (*inside, who))
            for who in map(ipaddress.ip_network, port.allow)
            if who.version == address.version
        ]
    return found


def _translation(port: PublishedPort, address: IPAddress, protocol: Protocol, six: str) -> Element:
    outside = ipaddress.ip_address(port.host_ip)
    target = (address, port.container_port)
    if outside.is_unspecified:
        return Element(_FAMILY, f"published{six}", (protocol, port.host_port), target)
    return Element(_FAMILY, f"published{six}_at", (outside, protocol, port.host_port), target)

"""What becomes of ports on networks of different kinds."""

import ipaddress
from dataclasses import dataclass, field

import pytest

from scow.errors import InvalidArgumentError
from scow.network.endpoint import PortRequest, PublishedPort
from scow.network.ipam import Subnet
from scow.network.port_choice import PortChoice

V4 = Subnet(ipaddress.ip_network("10.0.0.0/24"), ipaddress.ip_address("10.0.0.1"))
V6 = Subnet(ipaddress.ip_network("fd00::/64"), ipaddress.ip_address("fd00::1"))


@dataclass
class Settings:
    ipv4: Subnet | None = field(default_factory=lambda: V4)
    ipv6: Subnet | None = None
    host_ip: str = ""
    internal: bool = False
    gateway_mode_ipv4: str = "nat"
    gateway_mode_ipv6: str = "nat"


def choose(
    settings: Settings, host_ip: str = "", *, relayed: bool = True, default: str = "0.0.0.0"
) -> tuple[list[str], list[PublishedPort]]:
    choice = PortChoice(settings, relayed=relayed, default_host_ip=default)
    held, routed = choice.choose([PortRequest(80, host_ip=host_ip, host_port_first=8080)])
    return [port.host_ip for port in held], routed


def test_with_a_relay_every_family_is_held() -> None:
    assert choose(Settings()) == ([""], [])
    assert choose(Settings(), "::1") == (["::1"], [])


def test_without_a_relay_only_the_networks_own_families() -> None:
    assert choose(Settings(), relayed=False) == (["0.0.0.0"], [])
    assert choose(Settings(ipv6=V6), relayed=False) == ([""], [])
    assert choose(Settings(ipv4=None, ipv6=V6), relayed=False) == (["::"], [])
    with pytest.raises(InvalidArgumentError, match="cannot map from IPv6 to an IPv4-only container"):
        choose(Settings(), "::1", relayed=False)


def test_the_networks_address_and_then_the_engines_are_the_default() -> None:
    assert choose(Settings(host_ip="192.0.2.1"), default="127.0.0.1") == (["192.0.2.1"], [])
    assert choose(Settings(), default="127.0.0.1") == (["127.0.0.1"], [])
    assert choose(Settings(), "192.0.2.9", default="127.0.0.1") == (["192.0.2.9"], [])


def test_nothing_is_published_on_an_internal_network() -> None:
    assert choose(Settings(internal=True)) == ([], [])


def test_a_routed_family_is_opened_and_the_other_held() -> None:
    held, routed = choose(Settings(ipv6=V6, gateway_mode_ipv6="routed"))
    assert held == ["0.0.0.0"]
    assert routed == [PublishedPort(80, "tcp", "::", 0)]
    held, routed = choose(Settings(ipv6=V6, gateway_mode_ipv4="routed", gateway_mode_ipv6="routed"))
    assert held == []
    assert [port.host_ip for port in routed] == ["0.0.0.0", "::"]


def test_nothing_is_relayed_to_a_routed_network() -> None:
    held, routed = choose(Settings(gateway_mode_ipv4="routed"))
    assert held == []
    assert routed == [PublishedPort(80, "tcp", "0.0.0.0", 0)]


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="invalid IP address: nonsense"):
        choose(Settings(), "nonsense")

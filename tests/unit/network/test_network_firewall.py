"""Rules as text."""

import ipaddress
from pathlib import Path

from scow.network.endpoint import Endpoint, PublishedPort
from scow.network.firewall import (
    BridgeRules,
    PortMapping,
    add_elements,
    delete_elements,
    foreign_drop_policies,
    port_mappings,
    render_table,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "firewall"
BRIDGE = BridgeRules("scow0", ipaddress.IPv4Network("172.17.0.0/16"))
ANYWHERE = PortMapping("0.0.0.0", "tcp", 8080, "172.17.0.2", 80)
LOCALLY = PortMapping("127.0.0.1", "udp", 53, "172.17.0.3", 5353)


def test_the_table_of_one_bridge_with_two_ports() -> None:
    assert render_table("scow", [BRIDGE], [ANYWHERE, LOCALLY]) == (GOLDEN / "one_bridge.nft").read_text()


def test_the_tables_rules_are_repeated_for_every_bridge() -> None:
    closed = BridgeRules("scow1", ipaddress.IPv4Network("10.0.0.0/24"), icc=False, masquerade=False)
    assert render_table("scow", [BRIDGE, closed], []) == (GOLDEN / "two_bridges.nft").read_text()


def test_a_bridge_of_both_families_and_an_internal_one() -> None:
    both = BridgeRules(
        "br-1", ipaddress.IPv4Network("10.0.0.0/24"), ipaddress.IPv6Network("fd00::/64"), masquerade6=False
    )
    internal = BridgeRules("br-2", ipaddress.IPv4Network("10.0.1.0/24"), masquerade=False, internal=True)
    assert render_table("scow", [both, internal], []) == (GOLDEN / "families_and_internal.nft").read_text()


def test_an_element_goes_to_the_map_of_its_host_address() -> None:
    assert add_elements("scow", [ANYWHERE, LOCALLY]) == (
        "add element inet scow published { tcp . 8080 : 172.17.0.2 . 80 }\n"
        "add element inet scow published_at { 127.0.0.1 . udp . 53 : 172.17.0.3 . 5353 }\n"
    )


def test_an_element_is_deleted_by_its_key() -> None:
    assert delete_elements("scow", [ANYWHERE, LOCALLY]) == (
        "delete element inet scow published { tcp . 8080 }\n"
        "delete element inet scow published_at { 127.0.0.1 . udp . 53 }\n"
    )


def test_a_port_leads_to_the_address_of_its_family() -> None:
    endpoint = Endpoint(
        endpoint_id="e",
        network_id="n",
        interface="eth0",
        host_interface="veth0",
        mac="02:42:ac:11:00:02",
        address="172.17.0.2",
        prefix_len=16,
        gateway="172.17.0.1",
        ports=[PublishedPort(80, "tcp", "0.0.0.0", 8080), PublishedPort(80, "tcp", "::", 8080)],
    )
    assert port_mappings(endpoint) == [ANYWHERE]
    endpoint.address6 = "fd00::2"
    assert port_mappings(endpoint) == [ANYWHERE, PortMapping("::", "tcp", 8080, "fd00::2", 80)]


def test_ipv6_elements_have_maps_of_their_own() -> None:
    everywhere = PortMapping("::", "tcp", 8080, "fd00::2", 80)
    at_one = PortMapping("fd00::9", "udp", 53, "fd00::3", 5353)
    assert add_elements("scow", [everywhere, at_one]) == (
        "add element inet scow published6 { tcp . 8080 : fd00::2 . 80 }\n"
        "add element inet scow published6_at { fd00::9 . udp . 53 : fd00::3 . 5353 }\n"
    )


def test_other_firewalls_that_drop_forwarded_packets_are_found() -> None:
    listing = """\
table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy drop;
	}
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
	chain DOCKER {
	}
}
table inet scow {
	chain forward {
		type filter hook forward priority filter; policy drop;
	}
}
table inet firewalld {
	chain filter_FORWARD {
		type filter hook forward priority filter + 10; policy accept;
	}
}
table bridge filter {
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
}
"""
    assert foreign_drop_policies(listing, "scow") == ["ip filter FORWARD"]

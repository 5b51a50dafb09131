"""Rules as text, and published ports as elements of their sets."""

import ipaddress
from dataclasses import replace
from pathlib import Path

import pytest

from scow.linux.nf_tables import Element, concatenated
from scow.network.bridge_elements import bridge_elements
from scow.network.endpoint import Endpoint, PublishedPort
from scow.network.firewall import (
    ROUTED,
    BridgeRules,
    RulePolicy,
    element_commands,
    foreign_drop_policies,
    is_untouched,
    render_table,
    render_user_table,
)
from scow.network.port_elements import leads_nowhere, port_elements
from scow.network.source_guard import link_local_address, render_guard, source_elements

GOLDEN = Path(__file__).parents[2] / "golden" / "firewall"
USUAL = RulePolicy()
NETWORK6 = ipaddress.IPv6Network("fd00::/64")
BRIDGE = BridgeRules("scow0", ipaddress.IPv4Network("172.17.0.0/16"))


def endpoint(*ports: PublishedPort, address6: str = "", link_local: tuple[str, ...] = ()) -> Endpoint:
    return Endpoint(
        endpoint_id="e",
        network_id="n",
        interface="eth0",
        host_interface="veth0",
        mac="02:42:ac:11:00:02",
        address="172.17.0.2",
        prefix_len=16,
        gateway="172.17.0.1",
        address6=address6,
        link_local=list(link_local),
        ports=list(ports),
    )


def texts(elements: list[Element]) -> list[str]:
    return [f"{it.set_name} {it}" for it in elements]


def golden(name: str, text: str) -> None:
    assert text == (GOLDEN / name).read_text()


def table(*bridges: BridgeRules, policy: RulePolicy = USUAL) -> str:
    return render_table("scow", policy, [it for bridge in bridges for it in bridge_elements(bridge)])


def test_the_table_of_one_bridge_with_two_ports() -> None:
    ports = (PublishedPort(80, "tcp", "0.0.0.0", 8080), PublishedPort(5353, "udp", "127.0.0.1", 53))
    elements = [*bridge_elements(BRIDGE), *port_elements(endpoint(*ports), BRIDGE)]
    golden("one_bridge.nft", render_table("scow", RulePolicy(), elements))


def test_rules_are_the_same_whatever_bridges_there_are() -> None:
    alone, both = table(BRIDGE), table(BRIDGE, replace(BRIDGE, interface="scow1", icc=False, internal=True))
    assert both.startswith(alone)


@pytest.mark.parametrize(
    ("bridge", "expected"),
    [
        (
            replace(BRIDGE, icc=False, masquerade=False),
            ['apart "scow0"', 'subnets "scow0" . 172.17.0.0/16'],
        ),
        (
            replace(BRIDGE, subnet6=NETWORK6, masquerade6=False),
            [
                'subnets "scow0" . 172.17.0.0/16',
                'masked "scow0" . 172.17.0.0/16',
                'subnets6 "scow0" . fd00::/64',
            ],
        ),
        (
            replace(BRIDGE, masquerade=False, internal=True),
            ['internal "scow0"', 'subnets "scow0" . 172.17.0.0/16'],
        ),
        (
            replace(
                BRIDGE, subnet6=NETWORK6, mode4="routed", mode6="routed", trusted_interfaces=("e0", "e1")
            ),
            [
                'trusted "e0" . "scow0"',
                'trusted "e1" . "scow0"',
                'routed "scow0"',
                'subnets "scow0" . 172.17.0.0/16',
                'routed6 "scow0"',
                'subnets6 "scow0" . fd00::/64',
            ],
        ),
        (
            replace(BRIDGE, subnet=None, subnet6=NETWORK6, mode6="nat-unprotected"),
            ['unprotected6 "scow0"', 'subnets6 "scow0" . fd00::/64', 'masked6 "scow0" . fd00::/64'],
        ),
        (
            replace(BRIDGE, addresses=(ipaddress.ip_address("172.17.0.1"), ipaddress.ip_address("fd00::1"))),
            [
                'subnets "scow0" . 172.17.0.0/16',
                'masked "scow0" . 172.17.0.0/16',
                "gateways 172.17.0.1",
                "gateways6 fd00::1",
            ],
        ),
    ],
)
def test_what_a_bridge_is_in_the_sets(bridge: BridgeRules, expected: list[str]) -> None:
    always = ['bridges "scow0"', 'same "scow0" . "scow0"']
    assert texts(bridge_elements(bridge)) == [*always, *expected]


def test_the_rules_of_an_engine_with_settings_of_its_own() -> None:
    policy = RulePolicy(frozenset((4,)), accepted_mark=(2, 3))
    rules = table(policy=policy)
    assert "meta mark and 0x3 == 0x2 accept" in rules
    assert "meta nfproto ipv6 accept" in rules
    assert "untrusted {\n\t\ttype filter hook prerouting priority -300; policy accept;\n\t}" in table(
        policy=RulePolicy(frozenset((6,)))
    ), "no loopback to protect where route_localnet is not set"


def test_the_table_of_the_source_guard_and_the_users_chain() -> None:
    golden("source_guard.nft", render_user_table() + render_guard("scow"))


@pytest.mark.parametrize(
    ("port", "address6", "expected"),
    [
        (PublishedPort(80, "tcp", "0.0.0.0", 8080), "", "published tcp . 8080 : 172.17.0.2 . 80"),
        (
            PublishedPort(53, "udp", "127.0.0.1", 5353),
            "",
            "published_at 127.0.0.1 . udp . 5353 : 172.17.0.2 . 53",
        ),
        (PublishedPort(80, "tcp", "::", 8080), "fd00::2", "published6 tcp . 8080 : fd00::2 . 80"),
        (
            PublishedPort(9, "sctp", "fd00::9", 9),
            "fd00::2",
            "published6_at fd00::9 . sctp . 9 : fd00::2 . 9",
        ),
    ],
)
def test_a_port_is_an_element_of_the_map_of_its_host_address(
    port: PublishedPort, address6: str, expected: str
) -> None:
    assert texts(port_elements(endpoint(port, address6=address6), BRIDGE)) == [expected]


def test_a_port_of_the_other_family_is_nothing_to_the_firewall() -> None:
    port = PublishedPort(80, "tcp", "::", 8080)
    assert port_elements(endpoint(port), BRIDGE) == []
    assert leads_nowhere(endpoint(), port, BRIDGE)
    assert not leads_nowhere(endpoint(address6="fd00::2"), port, BRIDGE)


def test_an_ip_version_without_rules_has_no_elements_and_passes() -> None:
    rules = replace(BRIDGE, subnet6=NETWORK6, policy=RulePolicy(frozenset((4,))))
    both = endpoint(
        PublishedPort(80, "tcp", "::", 8080), PublishedPort(80, "tcp", "0.0.0.0", 8080), address6="fd00::2"
    )
    assert [it.set_name for it in port_elements(both, rules)] == ["published"]
    assert leads_nowhere(both, both.ports[0], rules)
    assert not [it for it in bridge_elements(rules) if it.set_name.endswith("6")]


def test_a_routed_port_is_opened_and_not_translated() -> None:
    rules = BridgeRules("br-1", ipaddress.IPv4Network("10.0.0.0/24"), mode4=ROUTED)
    port = PublishedPort(80, "tcp", "0.0.0.0", 0)
    assert texts(port_elements(endpoint(port), rules)) == ["opened 172.17.0.2 . tcp . 80"]


def test_a_translated_port_is_reached_directly_where_settings_let_it() -> None:
    port = PublishedPort(80, "tcp", "0.0.0.0", 8080)
    translated = "published tcp . 8080 : 172.17.0.2 . 80"
    trusting = replace(BRIDGE, trusted_interfaces=("eth1",))
    assert texts(port_elements(endpoint(port), trusting)) == [translated, "entrusted 172.17.0.2 . tcp . 80"]
    direct = replace(trusting, policy=RulePolicy(direct_routing=True))
    assert texts(port_elements(endpoint(port), direct)) == [translated, "opened 172.17.0.2 . tcp . 80"]


def test_a_list_of_who_may_use_a_port_is_split_by_family() -> None:
    allow = ("10.0.0.0/8", "192.0.2.1/32", "fd00::/8")
    ports = [PublishedPort(80, "tcp", ip, 8080, allow) for ip in ("0.0.0.0", "::")]
    assert texts(port_elements(endpoint(*ports, address6="fd00::2"), BRIDGE)) == [
        "published tcp . 8080 : 172.17.0.2 . 80",
        "limited 172.17.0.2 . tcp . 80",
        "allowed 172.17.0.2 . tcp . 80 . 10.0.0.0/8",
        "allowed 172.17.0.2 . tcp . 80 . 192.0.2.1/32",
        "published6 tcp . 8080 : fd00::2 . 80",
        "limited6 fd00::2 . tcp . 80",
        "allowed6 fd00::2 . tcp . 80 . fd00::/8",
    ]


def test_commands_name_family_table_and_set() -> None:
    port = PublishedPort(80, "tcp", "0.0.0.0", 8080)
    assert element_commands("scow", port_elements(endpoint(port), BRIDGE)) == (
        "add element inet scow published { tcp . 8080 : 172.17.0.2 . 80 }\n"
    )


def test_what_an_endpoint_may_send_from() -> None:
    found = texts(source_elements(endpoint(address6="fd00::2", link_local=("169.254.7.7",))))
    own = '"veth0" . 02:42:ac:11:00:02'
    assert found[:2] == ['ports "veth0"', f"macs {own}"]
    assert {line for line in found if line.startswith("sources ")} == {
        f"sources {own} . {address}" for address in ("172.17.0.2", "169.254.7.7", "0.0.0.0")
    }
    assert {line for line in found if line.startswith("sources6 ")} == {
        f"sources6 {own} . {address}" for address in ("fd00::2", "::", "fe80::42:acff:fe11:2")
    }
    assert f"targets {own} . 0xfd000000000000000000000000000002" in found


def test_the_link_local_address_of_a_mac() -> None:
    assert str(link_local_address("02:42:ac:11:00:02")) == "fe80::42:acff:fe11:2"


def test_keys_stand_in_registers_of_four_bytes() -> None:
    (element,) = port_elements(endpoint(PublishedPort(80, "tcp", "0.0.0.0", 8080)), BRIDGE)
    assert concatenated(element.key) == bytes.fromhex("06000000 1f900000")
    assert concatenated(element.value) == bytes.fromhex("ac110002 00500000")
    network = ipaddress.ip_network("10.0.0.0/8")
    assert concatenated((80, network)) == bytes.fromhex("00500000 0a000000")
    assert concatenated((80, network), last=True) == bytes.fromhex("00500000 0affffff")


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


_USERS = """table inet scow-user {
\tchain SCOW-USER {
\t\ttype filter hook forward priority filter - 1; policy accept;
%s\t}
%s}
"""


@pytest.mark.parametrize(
    ("rule", "more", "untouched"),
    [
        ("", "", True),
        ("\t\tip saddr 10.0.0.1 drop\n", "", False),
        ("", "\n\tset mine {\n\t\ttype ipv4_addr\n\t}\n", False),
        ("", "\n\tchain other {\n\t}\n", False),
    ],
)
def test_a_table_of_the_users_is_left_when_something_is_in_it(rule: str, more: str, untouched: bool) -> None:
    assert is_untouched(_USERS % (rule, more)) is untouched

"""The way of a packet in words: what is there, what is missing, and who decides."""

import ipaddress
from dataclasses import replace

import pytest

from scow.network.bridge_elements import bridge_elements
from scow.network.endpoint import Endpoint, PublishedPort
from scow.network.explain import KernelTables, explain_endpoint, explain_port, user_rules
from scow.network.firewall import (
    NAT_UNPROTECTED,
    ROUTED,
    BridgeRules,
    RulePolicy,
    render_table,
    render_user_table,
)
from scow.network.port_elements import port_elements

WEB = PublishedPort(80, "tcp", "0.0.0.0", 8080)
BRIDGE = BridgeRules("scow0", ipaddress.IPv4Network("172.17.0.0/16"))


def endpoint(*ports: PublishedPort) -> Endpoint:
    return Endpoint(
        endpoint_id="e",
        network_id="n",
        interface="eth0",
        host_interface="veth0",
        mac="02:42:ac:11:00:02",
        address="172.17.0.2",
        prefix_len=16,
        ports=list(ports),
    )


def tables(
    rules: BridgeRules, *ports: PublishedPort, user: int = 0, dropping: tuple[str, ...] = ()
) -> KernelTables:
    """As they are when everything is in the kernel."""
    elements = [*bridge_elements(rules), *port_elements(endpoint(*ports), rules)]
    guard = 'set ports { elements = { "veth0" } }'
    return KernelTables(render_table("scow", rules.policy, elements) + guard, user, dropping)


def way_to(
    port: PublishedPort,
    rules: BridgeRules = BRIDGE,
    found: KernelTables | None = None,
    *,
    relayed: bool = False,
) -> list[str]:
    lines = explain_port(endpoint(port), port, rules, found or tables(rules, port), relayed=relayed)
    return [line.strip() for line in lines]


def test_a_published_port() -> None:
    assert way_to(WEB) == [
        "to 0.0.0.0:8080/tcp for 80/tcp of eth0",
        "1. table inet scow, map published: tcp . 8080 : 172.17.0.2 . 80",
        "2. table inet scow-user, chain SCOW-USER: no rules",
        "3. table inet scow, chain enter: ct status dnat: accept",
    ]


def test_what_is_missing_in_the_kernel_is_said() -> None:
    lines = way_to(WEB, found=KernelTables("", 0))
    assert lines[1].endswith("tcp . 8080 : 172.17.0.2 . 80 is MISSING in the kernel")
    assert lines[-1].endswith("chain enter: MISSING, or the bridge is not in set bridges")


@pytest.mark.parametrize(("count", "words"), [(1, "1 rule of yours"), (3, "3 rules of yours")])
def test_rules_of_the_users_and_of_others_may_drop_it(count: int, words: str) -> None:
    lines = way_to(WEB, found=tables(BRIDGE, WEB, user=count, dropping=("filter FORWARD",)))
    assert f"{words}, which may drop it" in lines[2]
    assert lines[-1] == "4. chain filter FORWARD of another firewall drops what it has no rule for"


def test_a_port_for_some_only() -> None:
    port = PublishedPort(80, "tcp", "0.0.0.0", 8080, ("10.0.0.0/8", "fd00::/8"))
    assert way_to(port)[-1] == "3. table inet scow, chain permit: accept from 10.0.0.0/8, else drop"


def test_a_port_that_is_reached_by_routing() -> None:
    rules = replace(BRIDGE, mode4=ROUTED)
    port = PublishedPort(80, "tcp", "0.0.0.0", 0)
    lines = way_to(port, rules)
    assert lines[0] == "to 80/tcp of eth0, by routing to the container's own address"
    assert lines[-1].endswith("@opened: accept")


@pytest.mark.parametrize(
    ("relayed", "words"), [(True, "the relay (scow-relay) carries it"), (False, "nothing leads")]
)
def test_a_port_of_the_other_family(relayed: bool, words: str) -> None:
    (first, second) = way_to(PublishedPort(80, "tcp", "::", 8080), relayed=relayed)
    assert first == "to [::]:8080/tcp for 80/tcp of eth0"
    assert words in second


def everything(rules: BridgeRules) -> str:
    return "\n".join(explain_endpoint(endpoint(WEB), rules, tables(rules, WEB), relayed=False))


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (BRIDGE, "eth0 is 172.17.0.2, by veth0 on bridge scow0"),
        (BRIDGE, "what comes from veth0: its own addresses only"),
        (BRIDGE, "masquerade: it leaves by the host's address"),
        (BRIDGE, "accept from its neighbours"),
        (replace(BRIDGE, masquerade=False), "it leaves by its own address"),
        (replace(BRIDGE, mode4=ROUTED), "it leaves by its own address"),
        (replace(BRIDGE, internal=True), '"scow0" is in set internal: drop'),
        (replace(BRIDGE, icc=False), "drop, also from its neighbours (icc is off)"),
        (replace(BRIDGE, mode4=NAT_UNPROTECTED), "accept: the network is nat-unprotected"),
        (
            replace(BRIDGE, trusted_interfaces=("lan0", "lan1")),
            "by the container's own address from lan0, lan1",
        ),
        (replace(BRIDGE, policy=RulePolicy(direct_routing=True)), "(allow-direct-routing)"),
        (replace(BRIDGE, policy=RulePolicy(accepted_mark=(1, 3))), "meta mark and 0x3 == 0x1 accept"),
    ],
)
def test_what_a_network_is_set_to_shows(rules: BridgeRules, words: str) -> None:
    assert words in everything(rules)


def test_without_a_guard_nobody_speaks_of_one() -> None:
    assert "guard" not in everything(replace(BRIDGE, source_guard=False))


def test_rules_of_the_users_are_counted() -> None:
    listing = (
        "table inet scow-user {\n\tchain SCOW-USER {\n\t\ttype filter hook forward priority -1;\n%s\t}\n}\n"
    )
    assert user_rules(listing % "") == 0
    assert user_rules(listing % "\t\tip saddr 10.0.0.1 drop\n\t\tcounter\n") == 2
    assert "SCOW-USER" in render_user_table()

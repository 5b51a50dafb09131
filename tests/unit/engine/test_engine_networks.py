"""What users ask of networks and their endpoints: understood, refused in Docker's words, settled."""

import ipaddress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.engine.containers.connector import interface_names
from scow.engine.networks.bridge_options import bridge_settings
from scow.engine.networks.endpoint_checks import check_endpoint
from scow.engine.networks.filtering import check_list_filters, passes
from scow.engine.networks.gateways import WaysOut, ways_out
from scow.engine.networks.ipam_config import check_pools
from scow.engine.networks.ipam_drivers import check_families, check_ipam_driver
from scow.engine.networks.record import NetworkRecord, PoolRecord
from scow.engine.networks.registry import LiveNetwork
from scow.engine.networks.subnets import asked_pool, chosen_pool, default_pools
from scow.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError, ScowError
from scow.network.ipam import IPNetwork
from scow.spec.engine_api.network import EndpointIPAMConfig, EndpointSettings, IPAMPool
from scow.spec.filters import Filters

NETWORK = ipaddress.ip_network
V4 = PoolRecord(subnet="10.1.0.0/16", gateway="10.1.0.1", given=True)
V6 = PoolRecord(subnet="fd00:1::/64", gateway="fd00:1::1", given=True)


def network(name: str = "front", *pools: PoolRecord, **fields: Any) -> NetworkRecord:
    return NetworkRecord(id="a" * 64, name=name, driver="bridge", created="", pools=list(pools), **fields)


@pytest.mark.parametrize(
    ("pool", "problem"),
    [
        ({"subnet": "10.9.0.0/33"}, "invalid subnet 10.9.0.0/33: invalid CIDR block notation"),
        ({"subnet": "10.9.0.0"}, "invalid subnet 10.9.0.0: invalid CIDR block notation"),
        ({"subnet": "10.9.0.0/255.0.0.0"}, "invalid subnet 10.9.0.0/255.0.0.0: invalid CIDR block notation"),
        ({"subnet": ""}, "invalid subnet : invalid CIDR block notation"),
        ({"subnet": "10.9.0.1/24"}, "invalid subnet 10.9.0.1/24: it should be 10.9.0.0/24"),
        (
            {"gateway": "10.8.0.1"},
            "invalid gateway 10.8.0.1: parent subnet 10.9.0.0/24 doesn't contain this address",
        ),
        ({"gateway": "fd00::1"}, "invalid gateway fd00::1: parent subnet is an IPv4 block"),
        ({"gateway": "x"}, "invalid gateway x: invalid address"),
        ({"ip_range": "x"}, "invalid ip-range x: invalid CIDR block notation"),
        ({"ip_range": "fd00::/64"}, "invalid ip-range fd00::/64: parent subnet is an IPv4 block"),
        (
            {"ip_range": "10.9.0.0/16"},
            "invalid ip-range 10.9.0.0/16: CIDR block is bigger than its parent subnet 10.9.0.0/24",
        ),
        ({"ip_range": "10.9.0.3/30"}, "invalid ip-range 10.9.0.3/30: it should be 10.9.0.0/30"),
        (
            {"ip_range": "10.8.0.0/30"},
            "invalid ip-range 10.8.0.0/30: parent subnet 10.9.0.0/24 doesn't contain ip-range",
        ),
        (
            {"auxiliary_addresses": {"router": "1.2.3.4"}},
            "invalid auxiliary address router: parent subnet 10.9.0.0/24 doesn't contain this address",
        ),
    ],
)
def test_subnets_that_cannot_be(pool: dict[str, Any], problem: str) -> None:
    asked = IPAMPool(**({"subnet": "10.9.0.0/24"} | pool))
    with pytest.raises(InvalidArgumentError) as caught:
        check_pools([asked], ipv6=True)
    assert caught.value.message == f"invalid network config:\n{problem}"


def test_all_that_is_wrong_with_subnets_is_said_at_once() -> None:
    pools = [IPAMPool(subnet="10.9.0.1/24", gateway="x"), IPAMPool(subnet="y")]
    with pytest.raises(InvalidArgumentError) as caught:
        check_pools(pools, ipv6=False)
    assert caught.value.message.splitlines() == [
        "invalid network config:",
        "* invalid subnet 10.9.0.1/24: it should be 10.9.0.0/24",
        "* invalid gateway x: invalid address",
        "* invalid subnet y: invalid CIDR block notation",
    ]


def test_subnets_of_ipv6_count_where_it_is_on() -> None:
    pools = [IPAMPool(subnet="fd00::/64"), IPAMPool(subnet="10.0.0.0/8", ip_range="10.1.0.0/16")]
    assert check_pools(pools, ipv6=False) == pools[1:]
    assert check_pools(pools, ipv6=True) == pools


@pytest.mark.parametrize(
    ("driver", "fields", "problem"),
    [
        ("bridge", {}, "ipv4 pool is empty"),
        ("macvlan", {}, "ipv4 pool is empty"),
        ("macvlan", {"enable_ipv4": False, "enable_ipv6": True}, "ipv6 pool is empty"),
        ("bridge", {"enable_ipv4": False}, "IPv4 or IPv6 must be enabled"),
        ("bridge", {"enable_ipv4": False, "ipam_driver": "default"}, "IPv4 or IPv6 must be enabled"),
    ],
)
def test_families_that_are_on_have_addresses(driver: str, fields: dict[str, Any], problem: str) -> None:
    record = msgspec.structs.replace(network(), driver=driver, **{"ipam_driver": "null"} | fields)
    with pytest.raises(InvalidArgumentError) as caught:
        check_families(record)
    assert caught.value.message == problem


def test_a_network_may_do_without_addresses_of_the_engines() -> None:
    record = network(ipam_driver="null", enable_ipv4=False)
    check_ipam_driver(record, [IPAMPool(subnet="10.9.0.0/24")])
    check_families(msgspec.structs.replace(record, driver="macvlan"))
    with pytest.raises(InvalidArgumentError, match="does not handle specific address pool requests"):
        check_ipam_driver(network(ipam_driver="null"), [IPAMPool(subnet="10.9.0.0/24")])
    with pytest.raises(NotFoundError, match='plugin "nope" not found'):
        check_ipam_driver(network(ipam_driver="nope"), [])


def test_a_subnet_of_ones_own_has_its_first_address_as_gateway() -> None:
    assert asked_pool(IPAMPool(subnet="10.9.0.0/24"), []).gateway == "10.9.0.1"
    assert asked_pool(IPAMPool(subnet="10.9.0.0/24", gateway="10.9.0.9"), []).gateway == "10.9.0.9"
    ranged = IPAMPool(subnet="10.9.0.0/24", ip_range="10.9.0.128/25", auxiliary_addresses={"a": "10.9.0.129"})
    assert asked_pool(ranged, []).gateway == "10.9.0.128"
    assert asked_pool(IPAMPool(subnet="10.9.0.0/24"), [], gateway=False).gateway == ""
    with pytest.raises(PermissionDeniedError, match="Pool overlaps with other one on this address space"):
        asked_pool(IPAMPool(subnet="10.9.0.0/24"), [NETWORK("10.9.0.128/25")])


@pytest.mark.parametrize(
    ("gateway", "auxiliary"),
    [("", {"a": "10.9.0.1"}), ("10.9.0.7", {"a": "10.9.0.7"}), ("", {"b": "10.9.0.2", "a": "10.9.0.2"})],
)
def test_an_auxiliary_address_is_nobody_elses(gateway: str, auxiliary: dict[str, str]) -> None:
    pool = IPAMPool(subnet="10.9.0.0/24", gateway=gateway, auxiliary_addresses=auxiliary)
    address = auxiliary["a"]
    with pytest.raises(PermissionDeniedError) as caught:
        asked_pool(pool, [])
    assert (
        str(caught.value) == f"failed to allocate secondary ip address (a:{address}): Address already in use"
    )
    outside = msgspec.structs.replace(pool, gateway="10.9.0.9", ip_range="10.9.0.128/25")
    assert asked_pool(outside, []).gateway == "10.9.0.9", "nothing of a range that it is not in"


_TAKEN = st.lists(
    st.builds(
        lambda number, length: NETWORK((number >> 32 - length << 32 - length, length)),
        st.one_of(
            st.integers(0xAC100000, 0xAC1FFFFF),
            st.integers(0xC0A80000, 0xC0A8FFFF),
            st.integers(0, 2**32 - 1),
        ),
        st.integers(9, 32),
    ),
    max_size=40,
)


@given(_TAKEN)
def test_a_chosen_subnet_shares_no_address_with_what_is_in_use(taken: list[IPNetwork]) -> None:
    pools = default_pools("engine")
    chosen: list[IPNetwork] = []
    for _ in range(3):
        try:
            record = chosen_pool(pools, [*taken, *chosen], 4)
        except InvalidArgumentError:
            return  # there is none left
        assert not any(record.network.overlaps(other) for other in [*taken, *chosen])
        assert ipaddress.ip_address(record.gateway) in record.network
        chosen.append(record.network)


def test_there_may_be_no_subnet_left() -> None:
    with pytest.raises(InvalidArgumentError, match="all predefined address pools have been fully subnetted"):
        chosen_pool(default_pools("engine"), [NETWORK("172.16.0.0/12"), NETWORK("192.168.0.0/16")], 4)


def test_subnets_of_ipv6_are_cut_from_an_engines_own_prefix() -> None:
    pools = default_pools("engine")
    first = chosen_pool(pools, [], 6)
    second = chosen_pool(pools, [first.network], 6)
    assert first.network.prefixlen == second.network.prefixlen == 64
    assert first.subnet.startswith("fd")
    assert first.network.supernet(new_prefix=48) == second.network.supernet(new_prefix=48)
    assert chosen_pool(default_pools("engine"), [], 6) == first
    assert chosen_pool(default_pools("another"), [], 6) != first


def settings(priority: int = 0) -> EndpointSettings:
    return EndpointSettings(gw_priority=priority)


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ([], WaysOut()),
        ([(network("b", V4), 0), (network("a", V4), 0)], WaysOut("a", "", "a")),
        ([(network("b", V4), 1), (network("a", V4), 0)], WaysOut("b", "", "b")),
        ([(network("b", V4), 0), (network("a", V4), -1)], WaysOut("b", "", "b")),
        ([(network("a", V4, internal=True), 9), (network("b", V4), 0)], WaysOut("b", "", "b")),
        ([(network("a", V4, internal=True), 0)], WaysOut("", "", "a")),
        ([(network("b", V4, V6), 0), (network("a", V4), 0)], WaysOut("b", "b", "b")),
        ([(network("b", V6), 0), (network("a", V4), 0)], WaysOut("a", "b", "a")),
        ([(network("b", V6), 0)], WaysOut("", "b", "b")),
        ([(network("b", PoolRecord(subnet="10.1.0.0/16")), 0)], WaysOut("", "", "b")),
    ],
)
def test_the_way_out(networks: list[tuple[NetworkRecord, int]], expected: WaysOut) -> None:
    assert ways_out((record, settings(priority)) for record, priority in networks) == expected


def test_interfaces_are_numbered_above_those_in_use_unless_they_are_named() -> None:
    lives = [LiveNetwork(network(name)) for name in ("a", "b", "c")]
    lives[2].record.options["com.docker.network.container_iface_prefix"] = "wan"
    asked = {name: EndpointSettings() for name in ("a", "b", "c")}
    assert interface_names(lives, asked) == {"a": "eth0", "b": "eth1", "c": "wan0"}
    assert interface_names(lives, asked, ["eth4", "wan1"]) == {"a": "eth5", "b": "eth6", "c": "wan2"}
    asked["b"].driver_opts = {"com.docker.network.endpoint.ifname": "eth0"}
    assert interface_names(lives, asked) == {"a": "eth1", "b": "eth0", "c": "wan0"}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"ipam_config": EndpointIPAMConfig(ipv4_address="10.1.0.300")}, "invalid IPv4 address: 10.1.0.300"),
        ({"ipam_config": EndpointIPAMConfig(ipv4_address="fd00::1")}, "invalid IPv4 address: fd00::1"),
        ({"ipam_config": EndpointIPAMConfig(ipv6_address="10.1.0.3")}, "invalid IPv6 address: 10.1.0.3"),
        ({"ipam_config": EndpointIPAMConfig(link_local_ips=["::"])}, "invalid link-local IP address: ::"),
        (
            {"ipam_config": EndpointIPAMConfig(ipv4_address="10.2.0.3")},
            "no configured subnet or ip-range contain the IP address 10.2.0.3",
        ),
        (
            {"ipam_config": EndpointIPAMConfig(ipv6_address="fd00::3")},
            "user specified IP address is supported only when connecting to networks "
            "with user configured subnets",
        ),
        (
            {"driver_opts": {"com.docker.network.endpoint.sysctls": "net.ipv4.conf.eth0.log_martians=1"}},
            "unrecognised network interface sysctl 'net.ipv4.conf.eth0.log_martians=1'; represent "
            "'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'",
        ),
        ({"driver_opts": {"com.docker.network.endpoint.ifname": "a/b"}}, "invalid interface name: a/b"),
    ],
)
def test_endpoints_that_cannot_be(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        check_endpoint(EndpointSettings(**fields), "front", network("front", V4))
    assert caught.value.message.startswith("invalid endpoint settings:\n")
    assert problem in caught.value.message


def test_endpoints_on_the_default_bridge_have_neither_addresses_nor_aliases() -> None:
    asked = EndpointSettings(ipam_config=EndpointIPAMConfig(ipv4_address="172.17.0.9"), aliases=["db"])
    with pytest.raises(InvalidArgumentError) as caught:
        check_endpoint(asked, "bridge", None)
    assert caught.value.message.splitlines() == [
        "invalid endpoint settings:",
        "* user specified IP address is supported on user defined networks only",
        "* network-scoped aliases are only supported for user-defined networks",
    ]
    with pytest.raises(InvalidArgumentError, match="invalid MAC address 02:42"):
        check_endpoint(EndpointSettings(mac_address="02:42"), "bridge", None)


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("bridge.enable_icc", "maybe", '(strconv.ParseBool: parsing "maybe": invalid syntax)'),
        ("driver.mtu", "big", '(strconv.Atoi: parsing "big": invalid syntax)'),
        ("bridge.host_binding_ipv4", "x", "(nil ip)"),
        ("bridge.gateway_mode_ipv4", "x", "(unknown gateway mode x)"),
    ],
)
def test_options_of_a_bridge_that_cannot_be_read(option: str, value: str, problem: str) -> None:
    name = f"com.docker.network.{option}"
    with pytest.raises(InvalidArgumentError) as caught:
        bridge_settings(network(options={name: value}), ip_forward=True)
    assert caught.value.message == f"failed to parse {name} value: {value} {problem}"


def test_options_of_a_bridge() -> None:
    options = {
        "com.docker.network.bridge.name": "mybr0",
        "com.docker.network.bridge.enable_icc": "false",
        "com.docker.network.bridge.enable_ip_masquerade": "0",
        "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1",
        "com.docker.network.driver.mtu": "1400",
        "of.others": "kept",
    }
    found = bridge_settings(network("front", V4, options=options), ip_forward=False)
    assert (found.name, found.icc, found.masquerade, found.host_ip, found.mtu) == (
        "mybr0",
        False,
        False,
        "127.0.0.1",
        1400,
    )
    assert bridge_settings(network(), ip_forward=True).name == "br-" + "a" * 12
    isolated = {"com.docker.network.bridge.gateway_mode_ipv4": "isolated"}
    with pytest.raises(ScowError, match="can only be used for an internal network"):
        bridge_settings(network(options=isolated), ip_forward=True)


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["bridge", "front", "back"]),
        ({"name": ["ront"]}, ["front"]),
        ({"name": ["^b"]}, ["bridge", "back"]),
        ({"name": ["["]}, []),
        ({"id": ["aaa"]}, ["bridge", "front", "back"]),
        ({"driver": ["bridg"]}, []),
        ({"type": ["builtin"]}, ["bridge"]),
        ({"type": ["custom"]}, ["front", "back"]),
        ({"dangling": ["true"]}, ["back"]),
        ({"dangling": ["0"]}, ["bridge", "front"]),
        ({"scope": ["swarm"]}, []),
        ({"label": ["tier=web"]}, ["front"]),
        ({"label": ["tier"], "name": ["back"]}, []),
    ],
)
def test_which_networks_a_list_has(filters: dict[str, list[str]], names: list[str]) -> None:
    records = [network("bridge"), network("front", labels={"tier": "web"}), network("back")]
    found = [it.name for it in records if passes(it, Filters(filters), lambda record: record.name == "front")]
    assert found == names


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"colour": ["red"]}, "invalid filter 'colour'"),
        ({"type": ["x"]}, "invalid filter: 'type'='x'"),
        ({"dangling": ["1", "0"]}, 'got more than one value for filter key "dangling"'),
        (
            {"dangling": ["x"]},
            'invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")',
        ),
    ],
)
def test_filters_that_cannot_be(filters: dict[str, list[str]], message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        check_list_filters(Filters(filters))
    assert caught.value.message == message

"""Addresses of both families, given and taken back."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.errors import InvalidArgumentError, PermissionDeniedError, ScowError
from scow.network.address_pools import AddressPools
from scow.network.endpoint import ConnectRequest, Endpoint
from scow.network.ipam import Subnet


def subnet(network: str, gateway: str | None, ip_range: str | None = None) -> Subnet:
    return Subnet(
        ipaddress.ip_network(network),
        ipaddress.ip_address(gateway) if gateway else None,
        ipaddress.ip_network(ip_range) if ip_range else None,
    )


V4, V6 = subnet("10.1.0.0/29", "10.1.0.1"), subnet("fd00::/64", "fd00::1")


def endpoint() -> Endpoint:
    return Endpoint(endpoint_id="e", network_id="n", interface="eth0", host_interface="veth0", mac="")


def assigned(pools: AddressPools, **asked: Any) -> Endpoint:
    found = endpoint()
    pools.assign(found, ConnectRequest("e", "c", -1, **asked))
    return found


def test_an_endpoint_has_an_address_of_each_family() -> None:
    found = assigned(AddressPools(V4, V6))
    assert (found.address, found.prefix_len) == ("10.1.0.2", 29)
    assert (found.address6, found.prefix_len6) == ("fd00::2", 64)
    assert found.mac == "02:42:0a:01:00:02"


def test_the_mac_comes_from_the_address_unless_it_was_asked_for() -> None:
    assert assigned(AddressPools(V6)).mac == "02:42:00:00:00:02"
    assert assigned(AddressPools(V4), mac="02:00:00:00:00:01").mac == "02:00:00:00:00:01"
    first, second = assigned(AddressPools()), assigned(AddressPools())
    assert first.mac.startswith("02:42:")
    assert first.mac != second.mac


def test_the_second_subnet_of_a_family_is_for_when_the_first_is_full() -> None:
    pools = AddressPools(subnet("10.1.0.0/30", "10.1.0.1"), subnet("10.2.0.0/29", None))
    assert [assigned(pools).address for _ in range(2)] == ["10.1.0.2", "10.2.0.1"]
    assert assigned(pools, address="10.2.0.5").address == "10.2.0.5"


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"address": "fd00::5"}, InvalidArgumentError),
        ({"address": "10.1.0"}, InvalidArgumentError),
        ({"address6": "10.1.0.5"}, InvalidArgumentError),
        ({"address": "10.1.0.1"}, PermissionDeniedError),
        ({"address": "10.9.0.1"}, ScowError),
    ],
)
def test_addresses_that_cannot_be_had(asked: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        assigned(AddressPools(V4, V6), **asked)


def test_nothing_is_kept_of_an_endpoint_that_cannot_have_both() -> None:
    pools = AddressPools(subnet("10.1.0.0/30", "10.1.0.1"), V6)
    with pytest.raises(ScowError):
        assigned(pools, address6="fd00::1")
    assert assigned(pools).address == "10.1.0.2", "the only one there is"


def test_a_running_container_keeps_what_it_has() -> None:
    pools = AddressPools(V4)
    running = endpoint()
    running.address, running.address6 = "10.1.0.2", "fd00::2"  # the network has no IPv6 any more
    pools.claim_again(running)
    pools.claim_again(running)
    assert assigned(pools).address == "10.1.0.3"


@given(st.lists(st.integers(0, 7), max_size=40))
def test_no_address_is_two_endpoints_at_once(steps: list[int]) -> None:
    """Even numbers connect, odd ones disconnect whoever has been there longest."""
    pools, connected = AddressPools(V4, V6), list[Endpoint]()
    for step in steps:
        if step % 2 and connected:
            pools.release(connected.pop(0))
            continue
        try:
            connected.append(assigned(pools))
        except ScowError:
            assert len(connected) == 5, "of eight: the network, the bridge and the broadcast are none"
        addresses = [it.address for it in connected]
        assert len(set(addresses)) == len(addresses)
        assert "10.1.0.1" not in addresses

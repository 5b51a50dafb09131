"""Addresses are never given out twice, whatever the order of taking and giving back."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from scow.errors import InvalidArgumentError, PermissionDeniedError, ScowError
from scow.network.ipam import DEFAULT_POOLS, AddressPool, IPAddress, choose_subnet

NETWORK = ipaddress.IPv4Network
ADDRESS = ipaddress.IPv4Address
SMALL = NETWORK("10.1.2.0/28")
GATEWAY = ADDRESS("10.1.2.1")


class Allocation(RuleBasedStateMachine):
    """A pool beside the plainest model of one: the set of what is out."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = AddressPool(SMALL, reserved=[GATEWAY])
        self.out: set[IPAddress] = set()
        self.usable = set(SMALL.hosts()) - {GATEWAY}

    @precondition(lambda self: self.out != self.usable)
    @rule()
    def allocate(self) -> None:
        address = self.pool.allocate()
        assert address == min(self.usable - self.out)
        self.out.add(address)

    @precondition(lambda self: self.out != self.usable)
    @rule(avoid=st.sets(st.sampled_from(list(SMALL))))
    def allocate_beside_what_others_want(self, avoid: set[ADDRESS]) -> None:
        free = self.usable - self.out
        address = self.pool.allocate(avoid)
        assert address == min(free - avoid or free)
        self.out.add(address)

    @precondition(lambda self: self.out == self.usable)
    @rule()
    def allocate_from_an_exhausted_pool(self) -> None:
        with pytest.raises(ScowError, match="no available IPv4 addresses"):
            self.pool.allocate()

    @rule(address=st.sampled_from(list(SMALL)))
    def claim(self, address: ADDRESS) -> None:
        if address in self.usable - self.out:
            self.pool.claim(address)
            self.out.add(address)
        else:
            with pytest.raises(PermissionDeniedError, match="Address already in use"):
                self.pool.claim(address)

    @rule(address=st.sampled_from(list(SMALL)))
    def release(self, address: ADDRESS) -> None:
        self.pool.release(address)
        self.out.discard(address)

    @invariant()
    def nothing_unusable_is_out(self) -> None:
        assert self.out <= self.usable


TestAllocation = Allocation.TestCase


@given(st.integers(16, 30), st.data())
def test_a_range_limits_what_is_chosen_but_not_what_is_asked_for(length: int, data: st.DataObject) -> None:
    ip_range = NETWORK((int(ADDRESS("10.9.0.0")) + data.draw(st.integers(0, 65535)), length), strict=False)
    pool = AddressPool(NETWORK("10.9.0.0/16"), ip_range=ip_range)
    assert pool.allocate() in ip_range
    asked = ADDRESS("10.9.255.254") if ip_range[0] == ADDRESS("10.9.0.0") else ADDRESS("10.9.0.1")
    pool.claim(asked)


@pytest.mark.parametrize("text", ["10.2.0.0/24", "10.1.0.0/16", "10.1.2.0/27"])
def test_a_range_outside_the_subnet_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="is not within"):
        AddressPool(SMALL, ip_range=NETWORK(text))


def test_an_address_of_another_subnet_cannot_be_claimed() -> None:
    with pytest.raises(InvalidArgumentError, match=r"no configured subnet contains IP address 10\.1\.3\.1"):
        AddressPool(SMALL).claim(ADDRESS("10.1.3.1"))


def test_a_pool_of_two_addresses_has_both() -> None:
    pool = AddressPool(NETWORK("10.0.0.2/31"))
    assert [str(pool.allocate()) for _ in range(2)] == ["10.0.0.2", "10.0.0.3"]


def test_an_ipv6_pool_has_no_broadcast_address() -> None:
    pool = AddressPool(ipaddress.IPv6Network("fd00::/126"))
    assert [str(pool.allocate()) for _ in range(3)] == ["fd00::1", "fd00::2", "fd00::3"]


def test_the_first_subnet_is_dockers() -> None:
    assert str(choose_subnet(DEFAULT_POOLS, [])) == "172.17.0.0/16"


@pytest.mark.parametrize(
    ("in_use", "chosen"),
    [
        (["172.17.0.0/16"], "172.18.0.0/16"),
        (["172.17.200.0/24", "172.18.0.1/32"], "172.19.0.0/16"),
        (["172.16.0.0/12"], "192.168.0.0/20"),
        (["172.16.0.0/12", "192.168.1.0/24"], "192.168.16.0/20"),
        (["0.0.0.0/0", "fd00::/8"], "172.17.0.0/16"),
    ],
)
def test_a_subnet_keeps_clear_of_what_the_host_uses(in_use: list[str], chosen: str) -> None:
    assert str(choose_subnet(DEFAULT_POOLS, map(ipaddress.ip_network, in_use))) == chosen


def test_a_host_that_uses_everything_leaves_no_subnet() -> None:
    used = [NETWORK("172.16.0.0/12"), NETWORK("192.168.0.0/16")]
    with pytest.raises(ScowError, match="non-overlapping IPv4 address pool"):
        choose_subnet(DEFAULT_POOLS, used)


_subnets = st.builds(
    lambda number, length: NETWORK((number, length), strict=False),
    st.integers(int(ADDRESS("172.16.0.0")), int(ADDRESS("172.31.255.255"))),
    st.integers(14, 32),
)


@given(st.lists(_subnets, max_size=12))
def test_a_chosen_subnet_overlaps_nothing(in_use: list[NETWORK]) -> None:
    chosen = choose_subnet(DEFAULT_POOLS, in_use)
    assert not any(chosen.overlaps(net) for net in in_use)

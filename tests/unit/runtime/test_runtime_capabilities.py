from collections.abc import Iterable

import pytest

from scow.errors import InvalidArgumentError
from scow.linux.capabilities import CAPABILITIES
from scow.runtime.capabilities import DEFAULT, granted

EVERYTHING = frozenset(CAPABILITIES)
WITHOUT_RESOURCE = EVERYTHING - {"CAP_SYS_RESOURCE"}


def grant(
    add: Iterable[str] = (),
    drop: Iterable[str] = (),
    *,
    privileged: bool = False,
    available: frozenset[str] = EVERYTHING,
) -> list[str]:
    return granted(add, drop, privileged=privileged, available=available)


def test_the_default_set_is_dockers_fourteen() -> None:
    assert sum(1 << CAPABILITIES.index(name) for name in grant()) == 0xA80425FB
    assert tuple(grant()) == DEFAULT


@pytest.mark.parametrize("name", ["NET_ADMIN", "CAP_NET_ADMIN", "net_admin", "cap_Net_Admin"])
def test_names_may_lack_the_prefix_and_be_of_any_case(name: str) -> None:
    assert set(grant([name])) - set(DEFAULT) == {"CAP_NET_ADMIN"}
    assert "CAP_NET_ADMIN" not in grant(["ALL"], [name])


def test_dropping_all_leaves_what_is_added() -> None:
    assert grant(drop=["ALL"]) == []
    assert grant(["NET_BIND_SERVICE"], ["all"]) == ["CAP_NET_BIND_SERVICE"]


def test_adding_all_takes_away_what_is_dropped() -> None:
    assert set(grant(["ALL"], ["SYS_ADMIN"])) == EVERYTHING - {"CAP_SYS_ADMIN"}


def test_a_capability_is_granted_once() -> None:
    assert grant(["CHOWN", "KILL"]) == list(DEFAULT)


def test_privileged_and_all_mean_what_the_engine_has() -> None:
    assert set(grant(privileged=True, available=WITHOUT_RESOURCE)) == WITHOUT_RESOURCE
    assert set(grant(["ALL"], available=WITHOUT_RESOURCE)) == WITHOUT_RESOURCE
    assert grant(available=frozenset({"CAP_KILL"})) == ["CAP_KILL"]


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(InvalidArgumentError, match=r'^unknown capability: "CAP_FLY"$'):
        grant(["fly"])


def test_a_name_the_engine_lacks_is_an_error() -> None:
    with pytest.raises(InvalidArgumentError, match='not available in the current environment: "CAP_SYS_RES'):
        grant(["SYS_RESOURCE"], available=WITHOUT_RESOURCE)

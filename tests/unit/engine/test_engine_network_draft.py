"""Networks as clients ask for them: settled, or refused as Docker refuses them."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scow.engine.networks.draft import Draft, draft_network
from scow.engine.networks.record import NetworkRecord, PoolRecord
from scow.engine.networks.registry import LiveNetwork, Networks
from scow.errors import ConflictError, InvalidArgumentError, NotFoundError, PermissionDeniedError
from scow.spec.engine_api.network import NetworkCreate
from scow.store import Store

TEMPLATE = NetworkRecord(
    id="a" * 64,
    name="template",
    driver="null",
    created="",
    options={"com.docker.network.driver.mtu": "1400"},
    labels={"of": "template"},
    pools=[PoolRecord(subnet="10.7.0.0/24", given=True)],
    config_only=True,
)
PLAIN = NetworkRecord(id="b" * 64, name="plain", driver="bridge", created="")
DEFAULTS = {"bridge": {"com.docker.network.driver.mtu": "1300", "a": "b"}}


def draft(folder: Path, **body: Any) -> Draft:
    """Of a network ``new``, where there are ``template`` and ``plain``."""

    async def drafted() -> Draft:
        store = Store(folder / "scow.db")
        try:
            networks = Networks(store)
            for record in (TEMPLATE, PLAIN):
                await networks.add(LiveNetwork(record))
            asked = msgspec.convert({"Name": "new"} | body, NetworkCreate)
            return draft_network(asked, DEFAULTS, networks)
        finally:
            await store.aclose()

    return asyncio.run(drafted())


def test_a_network_that_asks_for_nothing(tmp_path: Path) -> None:
    made = draft(tmp_path)
    record = made.record
    assert (record.name, record.driver, record.options, made.asked) == (
        "new",
        "bridge",
        DEFAULTS["bridge"],
        [],
    )
    assert (record.enable_ipv4, record.enable_ipv6, record.config_only, record.pools) == (
        True,
        False,
        False,
        [],
    )


def test_options_of_ones_own_come_before_the_daemons(tmp_path: Path) -> None:
    record = draft(tmp_path, Options={"com.docker.network.driver.mtu": "1200"}).record
    assert record.options == {"com.docker.network.driver.mtu": "1200", "a": "b"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"Options": {"com.docker.network.enable_ipv6": "true"}}, True),
        ({"Options": {"com.docker.network.enable_ipv6": "true"}, "EnableIPv6": False}, False),
        ({"EnableIPv6": True}, True),
    ],
)
def test_the_field_decides_before_the_option(tmp_path: Path, body: dict[str, Any], expected: bool) -> None:
    assert draft(tmp_path, **body).record.enable_ipv6 is expected


def test_a_template_gives_all_that_it_has(tmp_path: Path) -> None:
    made = draft(tmp_path, ConfigFrom={"Network": "template"})
    assert (made.record.options, made.record.labels) == (TEMPLATE.options, TEMPLATE.labels)
    assert [pool.subnet for pool in made.asked] == ["10.7.0.0/24"]


def test_a_template_has_no_driver_whatever_it_names(tmp_path: Path) -> None:
    assert draft(tmp_path, ConfigOnly=True, Driver="overlay").record.driver == "null"


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        (
            {"Name": "host"},
            PermissionDeniedError,
            "operation is not permitted on predefined host network ",
        ),
        ({"Name": " "}, InvalidArgumentError, "invalid name: name is empty"),
        ({"Name": "plain"}, ConflictError, "network with name plain already exists"),
        (
            {"Options": {"com.docker.network.enable_ipv4": "perhaps"}},
            InvalidArgumentError,
            'driver-opt "com.docker.network.enable_ipv4" is not a valid bool',
        ),
        ({"EnableIPv4": False}, InvalidArgumentError, "IPv4 or IPv6 must be enabled"),
        (
            {"Scope": "swarm"},
            PermissionDeniedError,
            "cannot create a swarm scoped network when swarm is not active",
        ),
        ({"Ingress": True}, PermissionDeniedError, "Ingress network can only be global scope network"),
        (
            {"ConfigOnly": True, "Internal": True},
            PermissionDeniedError,
            "configuration network can only contain network specific fields. "
            "Network operator fields like [ ingress | internal | attachable | scope ] are not supported.",
        ),
        (
            {"ConfigOnly": True, "ConfigFrom": {"Network": "template"}},
            PermissionDeniedError,
            "a configuration network cannot depend on another configuration network",
        ),
        (
            {"ConfigFrom": {"Network": "plain"}},
            NotFoundError,
            'configuration network "plain" does not exist',
        ),
        (
            {"ConfigFrom": {"Network": "template"}, "Labels": {"a": "b"}},
            PermissionDeniedError,
            "user-specified configurations are not supported "
            "if the network depends on a configuration network",
        ),
        (
            {"ConfigFrom": {"Network": "template"}, "Options": {"a": "b"}},
            PermissionDeniedError,
            "network driver options are not supported if the network depends on a configuration network",
        ),
        ({"Driver": "weave"}, NotFoundError, 'plugin "weave" not found'),
        ({"IPAM": {"Driver": "weave"}}, NotFoundError, 'plugin "weave" not found'),
        ({"Driver": "host"}, PermissionDeniedError, 'only one instance of "host" network is allowed'),
    ],
)
def test_networks_that_cannot_be(
    tmp_path: Path, body: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as raised:
        draft(tmp_path, **body)
    assert str(raised.value) == message


def test_what_docker_finds_first_is_said_first(tmp_path: Path) -> None:
    """Subnets before the name, the name before the driver."""
    wrong = {"Name": "plain", "Driver": "weave", "IPAM": {"Config": [{"Subnet": "10.0.0.1/24"}]}}
    with pytest.raises(InvalidArgumentError, match="invalid subnet"):
        draft(tmp_path, **wrong)
    with pytest.raises(ConflictError):
        draft(tmp_path, **wrong | {"IPAM": {}})


@pytest.mark.parametrize("name", ["a" * 16, "a" * 300, "a/b", "a\0b", "ä" * 12])
def test_a_bridge_whose_name_no_device_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidArgumentError):
        draft(tmp_path, Options={"com.docker.network.bridge.name": name})

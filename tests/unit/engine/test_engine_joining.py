"""The networks that a new container asks for: by name, the main one first, or refused in Docker's words."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from scow.engine.containers.joining import (
    NOT_WITH_NONE,
    NOT_WITH_OTHERS,
    ONLY_A_TEMPLATE,
    bound_network,
    settle_networks,
)
from scow.engine.networks.record import NetworkRecord
from scow.engine.networks.registry import LiveNetwork, Networks
from scow.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError
from scow.network.bridge import BridgeDriver, BridgeSettings
from scow.network.host import HostNetwork
from scow.spec.engine_api.container import HostConfig
from scow.spec.engine_api.network import EndpointIPAMConfig, EndpointSettings, NetworkingConfig
from scow.store import Store

T = TypeVar("T")
BACK, FRONT = "b" * 64, "f" * 64


@pytest.fixture
def among(tmp_path: Path) -> Callable[[Callable[[Networks], T]], T]:
    """``among(work)``: of ``work(networks)``, where there are those of every engine, and three more."""

    async def run(work: Callable[[Networks], T]) -> T:
        store = Store(tmp_path / "scow.db")
        try:
            networks = Networks(store)
            await networks.load()
            for network_id, name in ((BACK, "back"), (FRONT, "front")):
                await networks.add(
                    LiveNetwork(NetworkRecord(id=network_id, name=name, driver="bridge", created=""))
                )
            template = NetworkRecord(id="e" * 64, name="only", driver="null", created="", config_only=True)
            await networks.add(LiveNetwork(template))
            return work(networks)
        finally:
            await store.aclose()

    return lambda work: asyncio.run(run(work))


def settled(networks: Networks, mode: str, **endpoints: EndpointSettings) -> list[str]:
    asked = NetworkingConfig(endpoints_config=endpoints)
    return list(settle_networks(HostConfig(network_mode=mode), asked, networks))


@pytest.mark.parametrize(
    ("mode", "others", "names"),
    [
        ("", [], ["bridge"]),
        ("default", [], ["bridge"]),
        ("default", ["default"], ["bridge"]),
        ("front", [], ["front"]),
        (FRONT[:12], [], ["front"]),
        ("front", ["back", "front"], ["front", "back"]),
        ("front", ["back", FRONT], ["front", "back"]),
        ("front", ["back"], ["back"]),
        ("container:web", ["front"], []),
        ("nowhere", [], ["nowhere"]),  # found missing at the start, as in Docker
        ("host", [], ["host"]),
    ],
)
def test_what_is_joined(among: Any, mode: str, others: list[str], names: list[str]) -> None:
    found = among(lambda networks: settled(networks, mode, **{key: EndpointSettings() for key in others}))
    assert found == names


@pytest.mark.parametrize(("mode", "message"), [("host", NOT_WITH_OTHERS), ("none", NOT_WITH_NONE)])
def test_what_cannot_be_joined_together(among: Any, mode: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        among(
            lambda networks: settled(
                networks, mode, **{mode: EndpointSettings(), "front": EndpointSettings()}
            )
        )
    assert raised.value.message == message


def test_all_that_is_wrong_is_said_at_once(among: Any) -> None:
    wrong = EndpointSettings(ipam_config=EndpointIPAMConfig(ipv4_address="x"))
    with pytest.raises(InvalidArgumentError) as raised:
        among(lambda networks: settled(networks, "front", front=wrong, back=wrong))
    assert raised.value.message.count("invalid config for network ") == 2


def test_what_another_container_had_is_not_taken_over(among: Any) -> None:
    given = EndpointSettings(aliases=["a"], endpoint_id="e", network_id=BACK, gateway="10.0.0.1")
    host, asked = HostConfig(network_mode="front"), NetworkingConfig(endpoints_config={"front": given})
    found = among(lambda networks: settle_networks(host, asked, networks))
    assert found == {"front": EndpointSettings(aliases=["a"])}


def test_a_network_of_the_same_name_is_another_one(among: Any) -> None:
    def ask(networks: Networks) -> None:
        for live in networks:
            live.driver = BridgeDriver(BridgeSettings("b0"), HostNetwork(userland_proxy=False))
        assert bound_network("front", EndpointSettings(), networks).record.id == FRONT
        assert bound_network("front", EndpointSettings(network_id=BACK), networks).record.id == BACK
        with pytest.raises(NotFoundError, match="gone not found"):
            bound_network("front", EndpointSettings(network_id="gone"), networks)

    among(ask)


def test_templates_and_networks_that_are_going_are_joined_by_nobody(among: Any) -> None:
    def ask(networks: Networks) -> None:
        with pytest.raises(PermissionDeniedError, match=ONLY_A_TEMPLATE):
            bound_network("only", EndpointSettings(), networks)
        with pytest.raises(NotFoundError):
            bound_network("front", EndpointSettings(), networks)  # its driver has not started
        assert bound_network("host", EndpointSettings(), networks).record.name == "host"

    among(ask)

"""Nodes of a builder, and which of them builds what."""

from typing import Any

import pytest

from scow.cli.builder_nodes import fixed_platforms, leave, platforms_of, put_node
from scow.cli.builders import Builder
from scow.cli.building.node_shares import place_of
from scow.cli.exits import CommandError


def builder(*nodes: dict[str, Any]) -> Builder:
    found = Builder("farm", "docker-container", [], stored=True)
    for node in nodes:
        put_node(found, node, append=True)
    return found


def test_nodes_are_called_by_free_numbers() -> None:
    found = builder({"Endpoint": "a"}, {"Name": "Own", "Endpoint": "b"}, {"Endpoint": "c"})
    assert [it["Name"] for it in found.nodes] == ["farm0", "own", "farm1"]
    leave(found, "farm0")
    put_node(found, {"Endpoint": "d"}, append=True)
    assert [it["Name"] for it in found.nodes] == ["own", "farm1", "farm0"]


def test_what_is_not_said_stays() -> None:
    found = builder({"Name": "one", "Endpoint": "a", "DriverOpts": {"network": "host"}})
    put_node(found, {"Name": "one", "Platforms": platforms_of(["linux/arm64"])}, append=False)
    assert found.nodes[0]["Endpoint"] == "a"
    assert found.nodes[0]["DriverOpts"] == {"network": "host"}
    assert fixed_platforms(found.nodes[0]) == ["linux/arm64"]


def test_no_two_nodes_have_a_platform() -> None:
    both = platforms_of(["linux/arm64,linux/arm/v7", "linux/arm64"])
    found = builder(
        {"Endpoint": "a", "Platforms": both}, {"Endpoint": "b", "Platforms": platforms_of(["arm64"])}
    )
    assert [fixed_platforms(it) for it in found.nodes] == [["linux/arm/v7"], ["linux/arm64"]]


def test_no_two_nodes_have_an_engine() -> None:
    with pytest.raises(CommandError, match="invalid duplicate endpoint a"):
        builder({"Endpoint": "a"}, {"Endpoint": "a"})


def test_platforms_that_cannot_be() -> None:
    with pytest.raises(CommandError, match=r"^ERROR: .*l/i/n/u"):
        platforms_of(["l/i/n/u"])


@pytest.mark.parametrize(
    ("wanted", "place"),
    [("linux/amd64", 0), ("linux/aarch64", 1), ("linux/arm64/v8", 1), ("linux/arm/v7", -1), ("local", -1)],
)
def test_a_platform_is_where_its_name_is(wanted: str, place: int) -> None:
    assert place_of(wanted, [["linux/amd64", "linux/386"], ["linux/arm64"], ["linux/arm64"]]) == place

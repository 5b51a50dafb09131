"""``builder`` of daemon.json: sizes, policies and rights."""

from typing import Any

import pytest

from scow.config.builder import BuilderSettings, parse_builder
from scow.errors import InvalidArgumentError
from scow.spec.frontend_build import CachePrune

_HOUR_NS = 3600 * 1_000_000_000


def test_nothing_said_is_the_stock_upkeep() -> None:
    assert parse_builder({}) == BuilderSettings()
    assert parse_builder({"gc": {"enabled": False}}).gc is False


def test_sizes_under_their_old_and_new_names() -> None:
    assert parse_builder({"gc": {"defaultKeepStorage": "10GB"}}).reserved_bytes == 10 << 30
    found = parse_builder(
        {"GC": {"defaultReservedSpace": "1kb", "defaultMaxUsedSpace": "2kb", "defaultMinFreeSpace": 4096}}
    )
    assert (found.reserved_bytes, found.max_used_bytes, found.min_free_bytes) == (1024, 2048, 4096)


def test_policies_in_order() -> None:
    found = parse_builder(
        {
            "gc": {
                "policy": [
                    {"keepStorage": "512MB", "filter": ["unused-for=48h", "type=exec.cachemount"]},
                    {"maxUsedSpace": "50GB", "filter": {"until": ["1h"]}, "keepDuration": "2h"},
                    {"minFreeSpace": "1GB", "all": True},
                ]
            }
        }
    )
    assert found.policies == (
        CachePrune(filters=("type==exec.cachemount",), keep_ns=48 * _HOUR_NS, reserved_bytes=512 << 20),
        CachePrune(keep_ns=2 * _HOUR_NS, max_used_bytes=50 << 30),
        CachePrune(all=True, min_free_bytes=1 << 30),
    )


def test_rights() -> None:
    usual = {"network.host", "device"}
    assert (
        parse_builder({}).granted == parse_builder({"entitlements": {"network-host": True}}).granted == usual
    )
    assert parse_builder({"Entitlements": {"security-insecure": True}}).granted == {
        *usual,
        "security.insecure",
    }
    assert parse_builder({"entitlements": {"network-host": False, "device": False}}).granted == frozenset()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"gc": {"defaultKeepStorage": "lots"}}, "builder.gc: invalid size: 'lots'"),
        ({"gc": {"enabled": "yes"}}, "builder.gc.enabled is not a boolean"),
        ({"gc": {"policy": {}}}, "builder.gc.policy is not a list"),
        ({"gc": {"polycy": []}}, "builder.gc has no setting polycy"),
        ({"gc": {"policy": [{"filter": ["until=soon"]}]}}, "builder.gc.policy: time: invalid duration"),
        ({"gc": []}, "builder.gc is not an object"),
        ({"x": 1}, "builder has no setting x"),
    ],
)
def test_what_cannot_be(document: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message.replace("(", "\\(")):
        parse_builder(document)

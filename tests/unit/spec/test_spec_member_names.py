"""Names of members in any case."""

from typing import Any

import msgspec
import pytest

from scow.errors import InvalidArgumentError
from scow.spec.engine_api.body import decode_body
from scow.spec.engine_api.container import ContainerCreate
from scow.spec.engine_api.exec import ExecCreate


def decoded(value: Any) -> ContainerCreate:
    return decode_body(msgspec.json.encode(value), ContainerCreate)


def test_a_member_is_known_by_its_name_in_any_case() -> None:
    assert decode_body(b'{"detachKeys":"ctrl-x","CMD":["a"]}', ExecCreate) == ExecCreate(
        detach_keys="ctrl-x", cmd=["a"]
    )


def test_members_of_members_are_too_and_keys_of_maps_are_left_alone() -> None:
    body = decoded(
        {
            "image": "a",
            "LABELS": {"Image": "1", "image": "2"},
            "hostconfig": {
                "ulimits": [{"NAME": "nofile", "soft": 1, "Hard": 2}],
                "portBindings": {"80/TCP": [{"hostPort": "81"}]},
                "dnsoptions": ["a"],
            },
            "networkingConfig": {"endpointsConfig": {"Net": {"ipamconfig": {"ipv4address": "10.0.0.1"}}}},
        }
    )
    assert (body.image, body.labels) == ("a", {"Image": "1", "image": "2"})
    host = body.host_config
    assert host.ulimits is not None
    assert (host.ulimits[0].name, host.ulimits[0].soft, host.dns_options) == ("nofile", 1, ["a"])
    assert host.port_bindings is not None
    assert host.port_bindings["80/TCP"][0].host_port == "81"
    ipam = body.networking_config.endpoints_config["Net"].ipam_config
    assert ipam is not None
    assert ipam.ipv4_address == "10.0.0.1"


def test_of_two_spellings_the_last_counts() -> None:
    assert decoded({"Image": "a", "image": "b"}).image == "b"
    assert decoded({"image": "a", "Image": "b"}).image == "b"


@pytest.mark.parametrize("value", [{"hostconfig": 1}, {"HostConfig": {"ulimits": {"a": 1}}}, [], "x"])
def test_a_wrong_type_is_still_an_error(value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="invalid request body"):
        decoded(value)

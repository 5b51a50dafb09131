"""The filters of ``ps``."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scow.engine.containers.model import Container, Live, MountRecord, State
from scow.engine.containers.states import Status
from scow.engine.containers.views.filters import Lookups, predicates
from scow.errors import InvalidArgumentError, NotFoundError
from scow.network.endpoint import Endpoint, PublishedPort
from scow.spec.engine_api.container import ContainerConfig, HostConfig
from scow.spec.engine_api.container_views import HealthState
from scow.spec.engine_api.network import EndpointSettings
from scow.spec.filters import Filters

_ENDPOINT = Endpoint(
    endpoint_id="e",
    network_id="feed01",
    interface="eth0",
    host_interface="veth1",
    mac="02:42:ac:11:00:02",
    address="172.17.0.2",
    prefix_len=16,
    gateway="172.17.0.1",
    ports=[PublishedPort(80, "tcp", "0.0.0.0", 8080)],
)


def container(name: str, **fields: Any) -> Container:
    return Container(
        name=name,
        config=ContainerConfig(labels={"tier": "front"}, exposed_ports={"443/tcp": {}}),
        host=HostConfig(network_mode="bridge"),
        path="",
        args=[],
        mounts=[MountRecord(type="volume", destination="/data", source="/v/data/_data", name="data")],
        networks={"front": EndpointSettings()},
        endpoints={"front": _ENDPOINT},
        **{"id": "c" * 64, "created": "2026-01-01T00:00:00Z", "image_id": "sha256:1", **fields},
    )


OTHER = Live(container("other", id="d" * 64, created="2026-06-01T00:00:00Z"))


def other(ref: str) -> Live:
    if ref != "other":
        raise NotFoundError(f"No such container: {ref}")
    return OTHER


def passes(doc: Container, **values: list[str]) -> bool:
    filters = Filters({key.replace("_", "-"): items for key, items in values.items()})
    lookups = Lookups(other, {"front": "feed01"}.__getitem__, lambda ref: frozenset({f"sha256:{ref}"}))
    return all(test(Live(doc)) for test in predicates(filters, lookups))


@pytest.mark.parametrize(
    ("key", "values", "passed"),
    [
        ("id", ["ccc"], True),
        ("id", ["ab", "c"], True),
        ("id", ["cd"], False),
        ("name", ["we"], True),
        ("name", ["^/web$"], True),
        ("name", ["^eb"], False),
        ("name", ["[web"], False),
        ("label", ["tier=front"], True),
        ("label", ["tier", "other"], False),
        ("status", ["created", "exited"], True),
        ("status", ["running"], False),
        ("exited", ["3"], True),
        ("exited", ["0", "137"], False),
        ("health", ["unhealthy"], True),
        ("health", ["none"], False),
        ("before", ["other"], True),
        ("since", ["other"], False),
        ("ancestor", ["2", "1"], True),
        ("ancestor", ["2"], False),
        ("volume", ["data"], True),
        ("volume", ["/data"], True),
        ("volume", ["dat"], False),
        ("network", ["front"], True),
        ("network", ["feed"], True),
        ("network", ["back"], False),
        ("publish", ["8080"], True),
        ("publish", ["8080/udp"], False),
        ("publish", ["8000-8090/tcp"], True),
        ("publish", ["80"], False),
        ("is-task", ["false"], True),
        ("is-task", ["true"], False),
        ("isolation", ["hyperv"], True),
    ],
)
def test_a_filter_passes_what_it_names(key: str, values: list[str], passed: bool) -> None:
    state = State(status=Status.EXITED, exit_code=3, health=HealthState(status="unhealthy"))
    assert passes(container("web", state=state), **{key: values}) is passed


def test_exposed_ports_are_those_that_lists_show() -> None:
    doc = container("web", state=State(status=Status.RUNNING))
    assert passes(doc, expose=["443"])
    assert passes(doc, expose=["80-90"]), "a published port is exposed, too"
    assert not passes(doc, expose=["443/udp"])


def test_without_a_health_check_health_is_none() -> None:
    assert passes(container("web"), health=["none"])


def test_all_filters_must_agree() -> None:
    assert passes(container("web"), name=["web"], label=["tier"])
    assert not passes(container("web"), name=["web"], label=["no"])


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("nope", "1", "invalid filter 'nope'"),
        ("status", "gone", "invalid filter 'status=gone': invalid value for state (gone): must be one of"),
        ("health", "ill", "invalid filter 'health=ill': invalid value for health (ill): must be one of"),
        ("exited", "x", "invalid filter 'exited=x': strconv.Atoi: parsing \"x\": invalid syntax"),
        ("publish", "1:2", "filter for 'publish' should not contain ':': 1:2"),
        ("expose", "9-8", "error while looking up for expose 9-8: invalid range specified for port: 9-8"),
        ("expose", "-", 'error while looking up for expose -: strconv.ParseUint: parsing "": invalid syntax'),
        (
            "publish",
            "65536",
            'error while looking up for publish 65536: strconv.ParseUint: parsing "65536": value out of',
        ),
        ("is-task", "maybe", "invalid filter 'is-task=[maybe]'"),
    ],
)
def test_what_cannot_be_meant_is_refused(key: str, value: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        passes(container("web"), **{key: [value]})
    assert caught.value.message.startswith(message)


def test_a_container_to_compare_with_has_to_be_there() -> None:
    with pytest.raises(NotFoundError):
        passes(container("web"), before=["nope"])


@given(st.integers(1, 65535), st.integers(1, 65535))
def test_a_range_of_ports_passes_what_lies_in_it(first: int, last: int) -> None:
    low, high = sorted((first, last))
    assert passes(container("web"), publish=[f"{low}-{high}"]) is (low <= 8080 <= high)


@pytest.mark.filterwarnings(
    "ignore:Possible:FutureWarning"
)  # of sets in sets, which Python may have some day
@given(st.text())
@example("a{99999999999}")
@example("(" * 5000)
@example("[[a]")
def test_any_name_is_a_filter(text: str) -> None:
    passes(container("web"), name=[text])

"""Which mounts a container has in the end."""

import pytest

from scow.engine.containers.model import MountRecord
from scow.engine.containers.mounts.sets import settle
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.container import HostConfig, Mount, VolumeDriverConfig, VolumeOptions


def nobody(ref: str) -> list[MountRecord]:
    raise AssertionError(f"no other container was named: {ref}")


def test_volumes_of_the_image_give_way_to_what_the_user_mounts() -> None:
    host = HostConfig(binds=["/h:/data"], tmpfs={"/mem/": ""})
    found = settle(host, ["/data", "/mem", "/own/", "relative"], nobody)
    assert [(record.type, record.destination) for record in found.records] == [
        ("bind", "/data"),
        ("volume", "/own"),
        ("volume", "/relative"),
    ]


@pytest.mark.parametrize(
    "host",
    [
        HostConfig(binds=["/a:/x", "/b:/x"]),
        HostConfig(binds=["/a:/x", "v:/x/."]),
        HostConfig(binds=["/a:/x"], tmpfs={"/x": ""}),
        HostConfig(binds=["/a:/x"], mounts=[Mount(type="tmpfs", target="/x")]),
    ],
)
def test_two_mounts_on_one_point_are_refused(host: HostConfig) -> None:
    with pytest.raises(InvalidArgumentError, match="Duplicate mount point: /x"):
        settle(host, [], nobody)


def test_what_other_containers_mount_gives_way_and_the_last_of_them_counts() -> None:
    others = {
        "one": [
            MountRecord(type="bind", source="/one", destination="/a", propagation="rslave", mode="rslave"),
            MountRecord(type="volume", name="v", destination="/b", anonymous=True, source="/vol"),
            MountRecord(type="tmpfs", destination="/t"),
        ],
        "two": [
            MountRecord(type="bind", source="/two", destination="/a"),
            MountRecord(type="bind", source="/two", destination="/c", writable=False),
        ],
    }
    host = HostConfig(volumes_from=["one:ro", "two"], binds=["/mine:/c"])
    found = {record.destination: record for record in settle(host, ["/b"], others.__getitem__).records}
    assert set(found) == {"/a", "/b", "/c"}
    assert (found["/a"].source, found["/a"].writable, found["/a"].mode) == ("/two", True, "")
    assert (found["/c"].source, found["/c"].writable) == ("/mine", True)
    borrowed = found["/b"]
    assert (borrowed.name, borrowed.source, borrowed.writable) == ("v", "/vol", False)
    assert borrowed.anonymous, "it goes with the last container that has it"
    assert borrowed.options == ["nocopy"]
    assert others["one"][1].writable, "the other container keeps its own"


def test_volumes_are_asked_for_by_their_driver_options_and_labels() -> None:
    options = VolumeOptions(labels={"a": "b"}, driver_config=VolumeDriverConfig(name="d", options={"o": "v"}))
    host = HostConfig(
        binds=["named:/n"],
        mounts=[Mount(type="volume", source="m", target="/m", volume_options=options)],
        volume_driver="other",
    )
    named, mounted, anonymous = settle(host, ["/anonymous"], nobody).volumes
    assert (named.name, named.driver, named.labels) == ("named", "other", {})
    assert (mounted.name, mounted.driver, mounted.driver_opts, mounted.labels) == (
        *("m", "d"),
        {"o": "v"},
        {"a": "b"},
    )
    assert (len(anonymous.name), anonymous.driver) == (64, "other")
    assert anonymous.labels == {"com.docker.volume.anonymous": ""}

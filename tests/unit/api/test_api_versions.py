from typing import Any

import msgspec
import pytest

from scow.api.server.old_requests import adapt_create, adapt_exec_create, adapt_exec_start
from scow.api.server.version_views import (
    view_container,
    view_image,
    view_image_summary,
    view_wait,
)
from scow.errors import InvalidArgumentError
from scow.spec.api_version import ApiVersion
from scow.spec.engine_api.body import decode_body, encode_body
from scow.spec.engine_api.container import ContainerCreate
from scow.spec.engine_api.container_views import WaitResult
from scow.spec.engine_api.exec import ExecCreate, ExecStart
from scow.spec.engine_api.image import ImageSummary
from tests.unit.api.api_fakes import ID, IMAGE_ID, image, inspection


def plain(value: object) -> Any:
    return msgspec.json.decode(encode_body(value))


def create(version: tuple[int, int], **fields: Any) -> ContainerCreate:
    return adapt_create(decode_body(msgspec.json.encode(fields), ContainerCreate), ApiVersion(*version))


MOUNTS = [
    {
        "Type": "bind",
        "BindOptions": {
            "NonRecursive": True,
            "CreateMountpoint": True,
            "ReadOnlyNonRecursive": True,
        },
        "TmpfsOptions": {"SizeBytes": 1},
    },
    {"Type": "volume", "VolumeOptions": {"NoCopy": True}},
    {"Type": "tmpfs", "TmpfsOptions": {"Options": [["noexec"]], "Mode": 1}},
]


@pytest.mark.parametrize(
    ("version", "options"),
    [
        (
            (1, 55),
            [
                {
                    "NonRecursive": True,
                    "CreateMountpoint": True,
                    "ReadOnlyNonRecursive": True,
                },
                {"NoCopy": True},
                {"Options": [["noexec"]], "Mode": 1},
            ],
        ),
        (
            (1, 45),
            [
                {
                    "NonRecursive": True,
                    "CreateMountpoint": True,
                    "ReadOnlyNonRecursive": True,
                },
                {"NoCopy": True},
                {"Mode": 1},
            ],
        ),
        ((1, 43), [{"NonRecursive": True, "CreateMountpoint": True}, {"NoCopy": True}, {"Mode": 1}]),
        ((1, 41), [{"NonRecursive": True}, {"NoCopy": True}, {"Mode": 1}]),
        ((1, 39), [{}, {"NoCopy": True}, {"Mode": 1}]),
    ],
)
def test_mount_options_newer_than_the_client_are_dropped(
    version: tuple[int, int], options: list[dict[str, Any]]
) -> None:
    mounts = create(version, HostConfig={"Mounts": MOUNTS}).host_config.mounts
    assert mounts is not msgspec.UNSET
    bind, volume, tmpfs = mounts
    assert [plain(bind.bind_options), plain(volume.volume_options), plain(tmpfs.tmpfs_options)] == options
    assert (bind.tmpfs_options is None) == (version < (1, 42)), "options of another type are let pass"


@pytest.mark.parametrize(
    ("version", "mount", "message"),
    [
        (
            (1, 43),
            {"Type": "bind", "BindOptions": {"ReadOnlyForceRecursive": True}},
            "BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer",
        ),
        (
            (1, 44),
            {"Type": "volume", "VolumeOptions": {"Subpath": "a"}},
            "VolumeOptions.Subpath needs API v1.45 or newer",
        ),
        ((1, 47), {"Type": "image"}, 'Mount type "Image" needs API v1.48 or newer'),
    ],
)
def test_mount_options_that_an_old_version_must_not_drop_are_refused(
    version: tuple[int, int], mount: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        create(version, HostConfig={"Mounts": [mount]})
    assert str(caught.value) == message
    create((version[0], version[1] + 1), HostConfig={"Mounts": [mount]})


def test_defaults_of_old_clients_are_filled_in() -> None:
    old = create((1, 39)).host_config
    assert (old.ipc_mode, old.cgroupns_mode) == ("shareable", "host")
    assert create((1, 39), HostConfig={"IpcMode": "private"}).host_config.ipc_mode == "private"
    new = create((1, 41)).host_config
    assert (new.ipc_mode, new.cgroupns_mode) == ("", "")


def test_fields_newer_than_the_client_are_dropped() -> None:
    body = {
        "MacAddress": "02:00:00:00:00:01",
        "Healthcheck": {"StartInterval": 5},
        "HostConfig": {"Annotations": {"a": "b"}, "ConsoleSize": [24, 80]},
        "NetworkingConfig": {"EndpointsConfig": {"n": {"MacAddress": "02:00:00:00:00:02", "GwPriority": 3}}},
    }
    old, middle, new = create((1, 41), **body), create((1, 47), **body), create((1, 52), **body)
    assert (old.mac_address, middle.mac_address, new.mac_address) == (
        "02:00:00:00:00:01",
        "02:00:00:00:00:01",
        msgspec.UNSET,
    )
    checks = [made.healthcheck for made in (old, middle)]
    assert [check.start_interval for check in checks if check is not msgspec.UNSET] == [0, 5]
    assert (old.host_config.annotations, middle.host_config.annotations) == (msgspec.UNSET, {"a": "b"})
    assert (old.host_config.console_size, middle.host_config.console_size) == ([0, 0], [24, 80])
    endpoints = [made.networking_config.endpoints_config["n"] for made in (old, middle, new)]
    assert [found.mac_address for found in endpoints] == ["", *["02:00:00:00:00:02"] * 2]
    assert [found.gw_priority for found in endpoints] == [0, 0, 3]


def test_several_networks_at_create_came_with_1_44() -> None:
    config: dict[str, Any] = {"EndpointsConfig": {"n1": {}, "n2": None}}
    with pytest.raises(InvalidArgumentError) as caught:
        create((1, 43), NetworkingConfig={"EndpointsConfig": {"n1": {}, "n2": {}}})
    assert str(caught.value) == "Container cannot be created with multiple network endpoints: n1, n2"
    assert list(create((1, 44), NetworkingConfig=config).networking_config.endpoints_config) == ["n1"]


def test_window_sizes_of_execs_came_with_1_42_and_need_a_terminal() -> None:
    assert adapt_exec_create(ExecCreate(console_size=[1, 2]), ApiVersion(1, 41)).console_size == []
    assert adapt_exec_create(ExecCreate(console_size=[1, 2]), ApiVersion(1, 42)).console_size == [1, 2]
    for tty, version, left in ((True, 41, []), (True, 42, [1, 2]), (False, 42, [])):
        body = adapt_exec_start(ExecStart(tty=tty, console_size=[1, 2]), ApiVersion(1, version))
        assert body.console_size == left


@pytest.mark.parametrize(
    ("version", "aliases", "dns_names"),
    [(43, ["web", ID[:12]], False), (44, ["web", ID[:12]], True), (45, ["web"], True), (55, ["web"], True)],
)
def test_aliases_had_the_short_id_before_there_were_dns_names(
    version: int, aliases: list[str], dns_names: bool
) -> None:
    networks = plain(view_container(inspection(), ApiVersion(1, version)))["NetworkSettings"]["Networks"]
    assert networks["front"]["Aliases"] == aliases
    assert ("DNSNames" in networks["front"]) is dns_names
    assert networks["bridge"]["Aliases"] is None


def test_the_default_bridge_has_no_fields_of_its_own_since_1_52() -> None:
    before = plain(view_container(inspection(), ApiVersion(1, 51)))
    after = plain(view_container(inspection(), ApiVersion(1, 52)))
    assert before["NetworkSettings"]["IPAddress"] == "172.17.0.2"
    assert set(after["NetworkSettings"]) == {"SandboxID", "SandboxKey", "Ports", "Networks"}
    assert ("OnBuild" in before["Config"], "OnBuild" in after["Config"]) == (True, False)


def test_image_inspect_loses_its_duplicates_over_the_versions() -> None:
    views = {minor: plain(view_image(image(), ApiVersion(1, minor))) for minor in (43, 44, 49, 50, 52)}
    assert [minor for minor, view in views.items() if "VirtualSize" in view] == [43]
    assert [minor for minor, view in views.items() if "ContainerConfig" in view] == [43, 44]
    assert [minor for minor, view in views.items() if "Hostname" in view["Config"]] == [43, 44, 49]
    assert [minor for minor, view in views.items() if "Parent" in view] == [43, 44, 49, 50]
    assert [minor for minor, view in views.items() if "Env" in view["Config"]] == [43, 44, 49, 50]
    assert all(view["Author"] == "me" and view["Config"]["Cmd"] == ["sh"] for view in views.values())


def test_image_list_over_the_versions() -> None:
    item = ImageSummary(
        id=IMAGE_ID, parent_id="", repo_tags=[], repo_digests=[], created=1, size=5, labels=None, containers=2
    )
    views = {minor: plain(view_image_summary(item, ApiVersion(1, minor))) for minor in (42, 43, 44, 51)}
    assert [view.get("VirtualSize") for view in views.values()] == [5, 5, None, None]
    assert [view["RepoTags"] for view in views.values()] == [["<none>:<none>"], [], [], []]
    assert [view["Containers"] for view in views.values()] == [-1, -1, -1, 2]


def test_a_wait_without_error_said_so_before_1_42() -> None:
    assert plain(view_wait(WaitResult(status_code=1), ApiVersion(1, 41))) == {"Error": None, "StatusCode": 1}
    assert plain(view_wait(WaitResult(status_code=1), ApiVersion(1, 42))) == {"StatusCode": 1}

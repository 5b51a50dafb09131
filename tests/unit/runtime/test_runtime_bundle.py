import dataclasses
from typing import Any

import pytest

from scow.errors import ScowError
from scow.runtime.bundle import SpecRequest, build_spec, cgroup_path
from scow.runtime.host_facts import HostFacts, parse_kernel_version
from scow.runtime.users import ResolvedUser
from scow.spec.engine_api.container import ContainerConfig, DeviceRequest, HostConfig
from scow.spec.oci_runtime import Document
from tests.support.machine import MACHINE, host_facts

ALL_LOGGED = '{"defaultAction": "SCMP_ACT_LOG"}'
APPARMOR = host_facts(machine=dataclasses.replace(MACHINE, apparmor=True), apparmor_profile="docker-default")


def document(facts: HostFacts | None = None, **host: Any) -> Document:
    engine = {name: host.pop(name) for name in list(host) if name.startswith("default_")}
    request = SpecRequest(
        id="c" * 64,
        config=ContainerConfig(),
        host=HostConfig(**host),
        args=["sh"],
        env=[],
        cwd="",
        user=ResolvedUser(),
        rootfs="/rootfs",
        hostname="web",
        **engine,
    )
    return build_spec(request, facts or host_facts())


def default_action(made: Document) -> str | None:
    found = made["linux"].get("seccomp")
    return found["defaultAction"] if found else None


@pytest.mark.parametrize(
    ("parents", "expected"),
    [
        ((), "/scow/abc"),
        (("", ""), "/scow/abc"),
        (("", "/engine"), "/engine/abc"),
        (("/mine", "/engine"), "/mine/abc"),
        (("relative/one",), "/relative/one/abc"),
        (("/../../up",), "/up/abc"),
    ],
)
def test_a_control_group_is_below_its_parent_and_the_root(parents: tuple[str, ...], expected: str) -> None:
    assert cgroup_path("abc", *parents) == expected


@pytest.mark.parametrize(
    ("options", "engine", "privileged", "expected"),
    [
        ([], "", False, "SCMP_ACT_ERRNO"),
        (["seccomp=builtin"], "unconfined", False, "SCMP_ACT_ERRNO"),
        (["seccomp=unconfined"], "", False, None),
        ([], "unconfined", False, None),
        ([], ALL_LOGGED, False, "SCMP_ACT_LOG"),
        ([f"seccomp={ALL_LOGGED}"], "", False, "SCMP_ACT_LOG"),
        ([], "", True, None),
        ([], ALL_LOGGED, True, None),
        ([f"seccomp={ALL_LOGGED}"], "", True, "SCMP_ACT_LOG"),
    ],
)
def test_which_filter_a_container_has(
    options: list[str], engine: str, privileged: bool, expected: str | None
) -> None:
    made = document(security_opt=options, privileged=privileged, default_seccomp=engine)
    assert default_action(made) == expected


def test_without_seccomp_in_the_kernel_only_a_profile_of_ones_own_is_an_error() -> None:
    facts = host_facts(machine=dataclasses.replace(MACHINE, seccomp=False))
    assert default_action(document(facts)) is None
    with pytest.raises(ScowError, match=r"^seccomp is not enabled in your kernel, cannot run a custom"):
        document(facts, security_opt=[f"seccomp={ALL_LOGGED}"])


@pytest.mark.parametrize(
    ("options", "privileged", "expected"),
    [
        ([], False, "docker-default"),
        ([], True, "unconfined"),
        (["apparmor=mine"], True, "mine"),
        (["apparmor=unconfined"], False, "unconfined"),
    ],
)
def test_which_apparmor_profile_a_container_has(options: list[str], privileged: bool, expected: str) -> None:
    made = document(APPARMOR, security_opt=options, privileged=privileged)
    assert made["process"].get("apparmorProfile") == expected


def test_without_apparmor_the_option_has_no_effect() -> None:
    assert "apparmorProfile" not in document(security_opt=["apparmor=mine"])["process"]


@pytest.mark.parametrize(
    ("init", "engine", "pid_mode", "expected"),
    [
        (True, False, "", True),
        (False, True, "", False),
        (None, True, "", True),
        (None, False, "", False),
        (True, True, "host", False),
        (True, True, "container:x", False),
    ],
)
def test_an_init_is_for_a_process_1_of_its_own(
    init: bool | None, engine: bool, pid_mode: str, expected: bool
) -> None:
    host: dict[str, Any] = {"pid_mode": pid_mode} | ({} if init is None else {"init": init})
    args = document(default_init=engine, **host)["process"]["args"]
    assert args == (["/sbin/docker-init", "--", "sh"] if expected else ["sh"])


def test_an_init_that_is_not_installed_is_an_error() -> None:
    with pytest.raises(
        ScowError, match=r'^exec: "docker-init": executable file not found in \$PATH: .* tini'
    ):
        document(host_facts(init_path=None), init=True)


def test_newer_masks_and_those_of_this_machine_are_there() -> None:
    facts = host_facts(thermal_paths=("/sys/devices/system/cpu/cpu0/thermal_throttle",))
    masked = set(document(facts)["linux"].get("maskedPaths", ()))
    assert {"/proc/interrupts", "/sys/devices/virtual/powercap", *facts.thermal_paths} <= masked


def test_lists_of_paths_count_for_privileged_containers_too() -> None:
    made = document(privileged=True, masked_paths=["/proc/kcore"])["linux"]
    assert made.get("maskedPaths") == ["/proc/kcore"]
    assert "readonlyPaths" not in made


@pytest.mark.parametrize(
    ("options", "privileged", "closed"),
    [
        ([], False, True),
        (["writable-cgroups"], False, False),
        ([], True, False),
        (["writable-cgroups=false"], True, True),
    ],
)
def test_control_groups_may_be_opened_for_writing(options: list[str], privileged: bool, closed: bool) -> None:
    made = document(security_opt=options, privileged=privileged)
    mount = next(m for m in made["mounts"] if m["destination"] == "/sys/fs/cgroup")
    assert ("ro" in mount["options"]) is closed


def test_annotations_are_passed_on() -> None:
    assert document(annotations={"a": "b"}).get("annotations") == {"a": "b"}


def test_a_sysctl_the_kernel_lacks_is_not_set() -> None:
    assert document(host_facts(sysctls=frozenset()))["linux"]["sysctl"] == {}


def test_a_device_driver_that_is_not_there_is_named() -> None:
    wanted = DeviceRequest(count=-1, capabilities=[["gpu", "nvidia"]])
    with pytest.raises(ScowError) as caught:
        document(device_requests=[wanted])
    message = 'could not select device driver "" with capabilities: [[gpu nvidia]]'
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("release", "version"), [("6.1.0-13-amd64", (6, 1)), ("3.12-1-amd64", (3, 12)), ("5.15", (5, 15))]
)
def test_a_kernel_version_is_its_first_two_numbers(release: str, version: tuple[int, int]) -> None:
    assert parse_kernel_version(release) == version

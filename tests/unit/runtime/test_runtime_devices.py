from pathlib import Path

import pytest

from scow.errors import ScowError
from scow.runtime import device_nodes
from scow.runtime.devices import DEFAULT_RULES, DeviceNode, granted, parse_rule, rules, to_oci

LOOP = [DeviceNode(f"/dev/disk/loop{n}", "b", 7, n, 0o600, 0, 6) for n in range(2)]


def test_a_directory_gives_its_devices_under_the_new_name() -> None:
    given = granted(LOOP, "/dev/disk", "/disks", "r")
    assert [item.node.path for item in given] == ["/disks/loop0", "/disks/loop1"]
    assert to_oci(given[1]) == {
        "path": "/disks/loop1",
        "type": "b",
        "major": 7,
        "minor": 1,
        "fileMode": 0o600,
        "uid": 0,
        "gid": 6,
    }


def test_rules_are_the_defaults_then_devices_then_the_users() -> None:
    made = rules(granted(LOOP[:1], LOOP[0].path, "/dev/x", "rw"), ["c 42:* rwm"], privileged=False)
    assert made[: len(DEFAULT_RULES)] == list(DEFAULT_RULES)
    assert made[len(DEFAULT_RULES) :] == [
        {"allow": True, "type": "b", "major": 7, "minor": 0, "access": "rw"},
        {"allow": True, "type": "c", "major": 42, "access": "rwm"},
    ]


def test_no_permissions_mean_all() -> None:
    assert granted(LOOP[:1], LOOP[0].path, "/x", "")[0].access == "rwm"


def test_privileged_allows_everything_in_one_rule() -> None:
    assert rules([], ["nonsense"], privileged=True) == [{"allow": True, "access": "rwm"}]


@pytest.mark.parametrize("text", ["c 1:2", "x 1:2 r", "c 1:2 rwmr", "c -1:2 r", "c 1:2 r\n", "c  1:2 r"])
def test_a_malformed_rule_is_an_error(text: str) -> None:
    with pytest.raises(ScowError) as caught:
        parse_rule(text)
    assert caught.value.message == f"invalid device cgroup rule format: '{text}'"


def test_a_number_too_large_is_named() -> None:
    with pytest.raises(ScowError, match=r"^invalid minor value in device cgroup rule format"):
        parse_rule(f"c 1:{2**63} r")


def test_a_device_is_found_through_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/null")
    real, nodes = device_nodes.devices_at(str(tmp_path / "link"))
    assert real == "/dev/null"
    assert [(node.kind, node.major, node.minor) for node in nodes] == [("c", 1, 3)]


@pytest.mark.parametrize(
    ("name", "reason"), [("missing", "no such file or directory"), ("", "not a device node")]
)
def test_what_is_no_device_is_an_error(tmp_path: Path, name: str, reason: str) -> None:
    path = str(tmp_path / name)
    with pytest.raises(ScowError) as caught:
        device_nodes.devices_at(path)
    message = f'error gathering device information while adding custom device "{path}": {reason}'
    assert caught.value.message == message


def test_host_devices_are_devices_and_not_the_console() -> None:
    paths = {node.path for node in device_nodes.host_devices()}
    assert "/dev/null" in paths
    assert not any(path == "/dev/console" or path.startswith("/dev/pts/") for path in paths)

"""Devices in a container: nodes that are made inside, and what the device control group allows.

The runtime makes null, zero, full, random, urandom, tty, console and ptmx by itself.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from scow.errors import ScowError
from scow.spec.oci_runtime import Device, DeviceRule


@dataclass(frozen=True, slots=True)
class DeviceNode:
    """A device of the host. ``kind`` is ``c`` or ``b``, ``mode`` its permission bits."""

    path: str
    kind: str
    major: int
    minor: int
    mode: int
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class GrantedDevice:
    """A node given to a container under ``node.path``; ``access`` is letters of ``rwm``."""

    node: DeviceNode
    access: str = "rwm"


def _allowed(kind: str, major: int, minor: int, access: str = "rwm") -> DeviceRule:
    return DeviceRule(allow=True, type=kind, major=major, minor=minor, access=access)


# Nothing but urandom, null, random, full… of the memory devices, and the two terminals of a process.
# /dev/fuse (10:229) is denied by name, as it was once allowed.
DEFAULT_RULES: tuple[DeviceRule, ...] = (
    DeviceRule(allow=False, access="rwm"),
    _allowed("c", 1, 5),
    _allowed("c", 1, 3),
    _allowed("c", 1, 9),
    _allowed("c", 1, 8),
    _allowed("c", 5, 0),
    _allowed("c", 5, 1),
    DeviceRule(allow=False, type="c", major=10, minor=229, access="rwm"),
)
EVERYTHING = DeviceRule(allow=True, access="rwm")

_RULE = re.compile(r"([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})", re.ASCII)
_MAX_NUMBER = 2**63 - 1


def granted(nodes: Iterable[DeviceNode], host_path: str, path: str, access: str) -> list[GrantedDevice]:
    """The nodes found at or below ``host_path``, as they are to appear at or below ``path``."""
    return [
        GrantedDevice(replace(node, path=path + node.path.removeprefix(host_path)), access or "rwm")
        for node in nodes
    ]


def to_oci(device: GrantedDevice) -> Device:
    """The node that the runtime makes."""
    node = device.node
    return Device(
        path=node.path,
        type=node.kind,
        major=node.major,
        minor=node.minor,
        fileMode=node.mode,
        uid=node.uid,
        gid=node.gid,
    )


def rules(
    devices: Iterable[GrantedDevice], cgroup_rules: Iterable[str], privileged: bool
) -> list[DeviceRule]:
    """The device control group of a container. Raises ScowError for a malformed rule."""
    if privileged:
        return [EVERYTHING]
    own = (_allowed(d.node.kind, d.node.major, d.node.minor, d.access) for d in devices)
    return [*DEFAULT_RULES, *own, *map(parse_rule, cgroup_rules)]


def parse_rule(text: str) -> DeviceRule:
    """``--device-cgroup-rule``: ``c 42:* rwm``. Raises ScowError with Docker's messages."""
    match = _RULE.fullmatch(text)
    if match is None:
        raise ScowError(f"invalid device cgroup rule format: '{text}'")
    kind, major, minor, access = match.groups()
    rule = DeviceRule(allow=True, type=kind, access=access)
    # A number that is not there is any: crun does not know -1.
    if major != "*":
        rule["major"] = _number(major, "major", text)
    if minor != "*":
        rule["minor"] = _number(minor, "minor", text)
    return rule


def _number(text: str, name: str, rule: str) -> int:
    if len(text) > 19 or int(text) > _MAX_NUMBER:
        raise ScowError(f"invalid {name} value in device cgroup rule format: '{rule}'")
    return int(text)

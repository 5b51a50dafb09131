"""Devices: ``--device``, the rules of their cgroup, and the rates of ``--device-read-bps`` and its kin."""

import posixpath

from scow.cli.go_values import parse_uint
from scow.cli.patterns import Pattern
from scow.cli.units import ram_in_bytes
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CGROUP_RULE = Pattern(r"[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}")
_CDI_NAME = Pattern(
    r"[a-zA-Z](?:[a-zA-Z0-9_.-]*[a-zA-Z0-9])?/[a-zA-Z](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?"
    r"=[a-zA-Z0-9](?:[a-zA-Z0-9_.:-]*[a-zA-Z0-9])?"
)
_RATE_HELP = "The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer."


def split_devices(texts: list[str]) -> tuple[list[dict[str, str]], list[str]]:
    """The device mappings, and the names of CDI devices (``vendor.com/class=name``)."""
    mappings, cdi_names = [], []
    for text in texts:
        if _CDI_NAME.fullmatch(text):
            cdi_names.append(text)
        else:
            mappings.append(parse_device(text))
    return mappings, cdi_names


def parse_device(text: str) -> dict[str, str]:
    """``host-path[:container-path][:rwm]``."""
    parts = text.split(":")
    if len(parts) > 3 or not parts[0]:
        raise InvalidArgumentError(f"bad format for path: {text}")
    source, target, mode = parts[0], parts[0], "rwm"
    if len(parts) == 3:
        target, mode = parts[1], parts[2]
        if not _is_device_mode(mode):
            raise InvalidArgumentError(f"bad mode specified: {mode}")
    elif len(parts) == 2 and _is_device_mode(parts[1]):
        source = target = _clean(source)
        mode = parts[1]
    elif len(parts) == 2:
        target = _clean(parts[1])
    else:
        source = target = _clean(source)
    if not target.startswith("/"):
        raise InvalidArgumentError(f"{parts[1] if len(parts) > 1 else text} is not an absolute path")
    return {"PathOnHost": source, "PathInContainer": target, "CgroupPermissions": mode}


def validate_cgroup_rule(text: str) -> str:
    """``--device-cgroup-rule 'c 1:3 rwm'``."""
    if not _CGROUP_RULE.fullmatch(text):
        raise InvalidArgumentError(f"invalid device cgroup format '{text}'")
    return text


def parse_byte_rate(text: str) -> "dict[str, Any]":
    """``/dev/sda:1mb``."""
    path, rate = _split_rate(text)
    try:
        return {"Path": path, "Rate": ram_in_bytes(rate)}
    except InvalidArgumentError as exc:
        message = f"invalid rate for device: {text}. {_RATE_HELP} Unit is optional and can be kb, mb, or gb"
        raise InvalidArgumentError(message) from exc


def parse_operation_rate(text: str) -> "dict[str, Any]":
    """``/dev/sda:1000``."""
    path, rate = _split_rate(text)
    try:
        return {"Path": path, "Rate": parse_uint(rate)}
    except InvalidArgumentError as exc:
        message = (
            f"invalid rate for device: {text}. The correct format is <device-path>:<number>. "
            "Number must be a positive integer"
        )
        raise InvalidArgumentError(message) from exc


def parse_weight(text: str) -> "dict[str, Any]":
    """``/dev/sda:200``, 10 to 1000, or 0 to turn it off."""
    path, weight_text = _split_rate(text)
    try:
        weight = parse_uint(weight_text, 16)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"invalid weight for device: {text}") from exc
    if weight and not 10 <= weight <= 1000:
        raise InvalidArgumentError(f"invalid weight for device: {text}")
    return {"Path": path, "Weight": weight}


def _split_rate(text: str) -> tuple[str, str]:
    path, colon, rate = text.partition(":")
    if not colon or not path:
        raise InvalidArgumentError(f"bad format: {text}")
    if not path.startswith("/dev/"):
        raise InvalidArgumentError(f"bad format for device path: {text}")
    return path, rate


def _is_device_mode(text: str) -> bool:
    return bool(text) and set(text) <= set("rwm") and len(set(text)) == len(text)


def _clean(path: str) -> str:
    """Go's path.Clean: as normpath, but two leading slashes become one."""
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned

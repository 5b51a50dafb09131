"""``--mount type=…,source=…,target=…``: one comma-separated record becomes one Mount of the API."""

import os

from scow.cli.go_values import parse_bool, parse_uint
from scow.cli.options.csv_fields import split_fields
from scow.cli.units import ram_in_bytes
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Mount = dict[str, Any]

_BIND, _VOLUME, _TMPFS, _IMAGE = "BindOptions", "VolumeOptions", "TmpfsOptions", "ImageOptions"
_FAMILIES = ((_VOLUME, "volume"), (_IMAGE, "image"), (_BIND, "bind"), (_TMPFS, "tmpfs"))
_BARE_KEYS = {"readonly", "ro", "volume-nocopy", "bind-nonrecursive", "bind-create-src"}
_RECURSION = {
    "enabled": None,
    "disabled": "NonRecursive",
    "writable": "ReadOnlyNonRecursive",
    "readonly": "ReadOnlyForceRecursive",
}


def parse_mount(text: str) -> "Mount":
    """The Mount, with only the members that were given (as Go leaves out empty ones)."""
    mount: Mount = {"Type": "volume"}
    for field in split_fields(text):
        key, equals, value = field.partition("=")
        key = key.lower()
        if not equals:
            if key not in _BARE_KEYS:
                raise InvalidArgumentError(f"invalid field '{field}' must be a key=value pair")
            value = "true"
        setter = _SETTERS.get(key)
        if setter is None:
            raise InvalidArgumentError(f"unexpected key '{key}' in '{field}'")
        setter(mount, key, value)
    _check(mount)
    return _without_empty(mount)


def _options(mount: "Mount", family: str) -> "dict[str, Any]":
    if family not in mount:
        # Docker sends a driver with every set of volume options, an empty one too.
        mount[family] = {"Labels": {}, "DriverConfig": {}} if family == _VOLUME else {}
    options: dict[str, Any] = mount[family]
    return options


def _bool(key: str, value: str) -> bool:
    try:
        return parse_bool(value)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"invalid value for {key}: {value}") from exc


def mount_warning(text: str) -> str:
    """What Docker logs of the old spelling of ``bind-recursive``, when it has a value."""
    if any(field.lower().startswith("bind-nonrecursive=") for field in split_fields(text)):
        return "bind-nonrecursive is deprecated, use bind-recursive=disabled instead"
    return ""


def _set_type(mount: "Mount", key: str, value: str) -> None:
    mount["Type"] = value.lower()


def _set_source(mount: "Mount", key: str, value: str) -> None:
    mount["Source"] = os.path.abspath(value) if value.startswith(".") else value


def _set_target(mount: "Mount", key: str, value: str) -> None:
    mount["Target"] = value


def _set_read_only(mount: "Mount", key: str, value: str) -> None:
    mount["ReadOnly"] = _bool(key, value)


def _set_consistency(mount: "Mount", key: str, value: str) -> None:
    mount["Consistency"] = value.lower()


def _set_propagation(mount: "Mount", key: str, value: str) -> None:
    _options(mount, _BIND)["Propagation"] = value.lower()


def _set_non_recursive(mount: "Mount", key: str, value: str) -> None:
    _options(mount, _BIND)["NonRecursive"] = _bool(key, value)


def _set_create_source(mount: "Mount", key: str, value: str) -> None:
    _options(mount, _BIND)["CreateMountpoint"] = _bool(key, value)


def _set_recursion(mount: "Mount", key: str, value: str) -> None:
    if value not in _RECURSION:
        raise InvalidArgumentError(
            f'invalid value for {key}: {value} (must be "enabled", "disabled", "writable", or "readonly")'
        )
    member = _RECURSION[value]
    if member:
        _options(mount, _BIND)[member] = True


def _set_volume_subpath(mount: "Mount", key: str, value: str) -> None:
    _options(mount, _VOLUME)["Subpath"] = value


def _set_no_copy(mount: "Mount", key: str, value: str) -> None:
    _options(mount, _VOLUME)["NoCopy"] = _bool(key, value)


def _set_volume_label(mount: "Mount", key: str, value: str) -> None:
    _add_pair(_options(mount, _VOLUME)["Labels"], value)


def _set_volume_driver(mount: "Mount", key: str, value: str) -> None:
    _options(mount, _VOLUME)["DriverConfig"]["Name"] = value


def _set_volume_option(mount: "Mount", key: str, value: str) -> None:
    _add_pair(_options(mount, _VOLUME)["DriverConfig"].setdefault("Options", {}), value)


def _set_image_subpath(mount: "Mount", key: str, value: str) -> None:
    _options(mount, _IMAGE)["Subpath"] = value


def _set_tmpfs_size(mount: "Mount", key: str, value: str) -> None:
    try:
        _options(mount, _TMPFS)["SizeBytes"] = ram_in_bytes(value)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"invalid value for {key}: {value}") from exc


def _set_tmpfs_mode(mount: "Mount", key: str, value: str) -> None:
    try:
        _options(mount, _TMPFS)["Mode"] = parse_uint(value, 32, base=8)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"invalid value for {key}: {value}") from exc


def _add_pair(target: dict[str, str], text: str) -> None:
    key, _, value = text.partition("=")
    if key:
        target[key] = value


_SETTERS: "dict[str, Callable[[Mount, str, str], None]]" = {
    "type": _set_type,
    "source": _set_source,
    "src": _set_source,
    "target": _set_target,
    "dst": _set_target,
    "destination": _set_target,
    "readonly": _set_read_only,
    "ro": _set_read_only,
    "consistency": _set_consistency,
    "bind-propagation": _set_propagation,
    "bind-nonrecursive": _set_non_recursive,
    "bind-recursive": _set_recursion,
    "bind-create-src": _set_create_source,
    "volume-subpath": _set_volume_subpath,
    "volume-nocopy": _set_no_copy,
    "volume-label": _set_volume_label,
    "volume-driver": _set_volume_driver,
    "volume-opt": _set_volume_option,
    "image-subpath": _set_image_subpath,
    "tmpfs-size": _set_tmpfs_size,
    "tmpfs-mode": _set_tmpfs_mode,
}


def _check(mount: "Mount") -> None:
    kind = mount["Type"]
    if not kind:
        raise InvalidArgumentError("type is required")
    if not mount.get("Target"):
        raise InvalidArgumentError("target is required")
    for member, family in _FAMILIES:
        if member in mount and kind != family:
            raise InvalidArgumentError(f"cannot mix '{family}-*' options with mount type '{kind}'")
    bind = mount.get(_BIND, {})
    for mode, member in (("writable", "ReadOnlyNonRecursive"), ("readonly", "ReadOnlyForceRecursive")):
        if bind.get(member) and not mount.get("ReadOnly"):
            raise InvalidArgumentError(
                f"option 'bind-recursive={mode}' requires 'readonly' to be specified in conjunction"
            )
    if bind.get("ReadOnlyForceRecursive") and bind.get("Propagation") != "rprivate":
        raise InvalidArgumentError(
            "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' "
            "to be specified in conjunction"
        )


def _without_empty(mount: "Mount") -> "Mount":
    """Leave out what Go's ``omitempty`` leaves out; an options object stays even when it is empty."""
    cleaned = {}
    for key, value in mount.items():
        if key in (_BIND, _VOLUME, _TMPFS, _IMAGE):
            cleaned[key] = {name: item for name, item in value.items() if item or name == "DriverConfig"}
        elif value:
            cleaned[key] = value
    return cleaned

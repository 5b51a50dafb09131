"""The table of log drivers, and the check of their options with Docker's words.

``validate_log_config`` is what dockerd checks when a container is created: names. ``log_spec`` is what it
checks when the container starts: values.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scow.errors import InvalidArgumentError, UnsupportedError
from scow.logs.spec import LogSpec
from scow.logs.tag_template import render_tag
from scow.spec.engine_api.container import LogConfig

_FILE_OPTIONS = frozenset(
    {"max-size", "max-file", "compress", "labels", "labels-regex", "env", "env-regex", "tag"}
)
# Of every driver: whether a full buffer stops the container. Files are never slow enough to matter.
_MODE_OPTIONS = frozenset({"mode", "max-buffer-size"})


# They come with every line, and in one message to scow-shim.
_MOST_ATTRIBUTES_BYTES = 32 * 1024


@dataclass(frozen=True)
class _Driver:
    """What a log driver knows."""

    options: frozenset[str]
    defaults: Mapping[str, str] = field(default_factory=dict)
    is_readable: bool = True


# "local" is json-file with Docker's defaults for it; the format of its files is private to the engine.
DRIVERS: Mapping[str, _Driver] = {
    "json-file": _Driver(_FILE_OPTIONS),
    "local": _Driver(_FILE_OPTIONS, {"max-size": "20m", "max-file": "5", "compress": "true"}),
    "none": _Driver(frozenset(), is_readable=False),
}


@dataclass(frozen=True)
class LogSource:
    """The container behind a log, for the attributes and the tag of its lines.

    ``name`` begins with a slash; ``entrypoint`` and ``args`` are the command as it is run.
    """

    container_id: str = ""
    name: str = ""
    image_id: str = ""
    image_name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    env: tuple[str, ...] = ()
    entrypoint: str = ""
    args: tuple[str, ...] = ()
    created: str = ""


def log_path(driver: str, container_dir: str, container_id: str) -> str:
    """Where the log of a container is, as in Docker; empty: nowhere."""
    match driver:
        case "json-file":
            return os.path.join(container_dir, f"{container_id}-json.log")
        case "local":
            return os.path.join(container_dir, "local-logs", "container.log")
    return ""


def validate_log_config(driver: str, options: Mapping[str, str]) -> None:
    """Raises ``InvalidArgumentError`` for a driver or an option that does not exist."""
    if driver == "none":
        return
    known = DRIVERS.get(driver)
    if known is None:
        raise InvalidArgumentError(f"logger: no log driver named '{driver}' is registered")
    mode = options.get("mode", "")
    if mode not in ("", "blocking", "non-blocking"):
        raise InvalidArgumentError(f"logger: logging mode not supported: {mode}")
    if "max-buffer-size" in options:
        if mode != "non-blocking":
            raise InvalidArgumentError(
                "logger: max-buffer-size option is only supported with 'mode=non-blocking'"
            )
        try:
            _parse_size(options["max-buffer-size"], 1024)
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(f"error parsing option max-buffer-size: {exc.message}") from exc
    for name in sorted(options):
        if name not in known.options | _MODE_OPTIONS:
            raise InvalidArgumentError(f"unknown log opt '{name}' for {driver} log driver")


def check_readable(driver: str) -> None:
    """Raises ``UnsupportedError`` if what the driver has logged cannot be read back."""
    known = DRIVERS.get(driver)
    if known is None or not known.is_readable:
        raise UnsupportedError("configured logging driver does not support reading")


def log_spec(config: LogConfig, path: str, source: LogSource | None = None) -> LogSpec | None:
    """What scow-shim is to do; ``None``: nothing. Raises ``InvalidArgumentError``.

    Docker puts "failed to initialize logging driver: " before these messages.
    """
    driver, options = config.type, config.config
    validate_log_config(driver, options)
    if driver == "none":
        return None
    values = {**DRIVERS[driver].defaults, **options}
    max_bytes = _max_bytes(values.get("max-size"))
    max_files = _max_files(values.get("max-file"))
    compress = _parse_bool(values.get("compress", "false"))
    if compress and (max_files < 2 or max_bytes < 0):
        if "compress" in options:
            raise InvalidArgumentError(
                "compress cannot be true when max-file is less than 2 or max-size is not set"
            )
        compress = False
    attributes = _attributes(values, source or LogSource())
    return LogSpec(path, max_bytes, max_files, compress, attributes)


def _max_bytes(text: str | None) -> int:
    if not text:
        return -1
    size_bytes = _parse_size(text, 1000)
    if size_bytes <= 0:
        raise InvalidArgumentError("max-size must be a positive number")
    return size_bytes


def _max_files(text: str | None) -> int:
    if not text:
        return 1
    try:
        number = int(text)
    except ValueError:
        raise InvalidArgumentError(f'strconv.Atoi: parsing "{text}": invalid syntax') from None
    if number < 1:
        raise InvalidArgumentError("max-file cannot be less than 1")
    return number


def _parse_bool(text: str) -> bool:
    """As Go's strconv.ParseBool."""
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise InvalidArgumentError(f'strconv.ParseBool: parsing "{text}": invalid syntax')


_SIZE = re.compile(r"(-?[\d.]+) ?([a-zA-Z]*)")


def _parse_size(text: str, unit: int) -> int:
    """As docker/go-units: 10, 10k, 10kb, 10KiB, 1.5m, by a unit of 1000 (max-size) or 1024."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise InvalidArgumentError(f"invalid size: '{text}'")
    number, suffix = match.groups()
    try:
        value = float(number)
    except ValueError:
        raise InvalidArgumentError(f"invalid size: '{text}'") from None
    if value < 0:
        raise InvalidArgumentError(f"invalid size: '{text}'")
    lowered = suffix.lower()
    if lowered in ("", "b"):
        return int(value)
    power = "kmgtp".find(lowered[0]) + 1
    if not power or lowered[1:] not in ("", "b", "ib"):
        raise InvalidArgumentError(f"invalid suffix: '{suffix}'")
    return int(value * unit**power)


def _attributes(options: Mapping[str, str], source: LogSource) -> bytes:
    """The ``attrs`` of each line: labels and variables asked for, and the tag."""
    env = dict(entry.split("=", 1) for entry in source.env if "=" in entry)
    chosen = {
        **_chosen(source.labels, options.get("labels", ""), options.get("labels-regex", "")),
        **_chosen(env, options.get("env", ""), options.get("env-regex", "")),
    }
    if (template := options.get("tag", "")) and (tag := render_tag(template, _tag_fields(source, options))):
        chosen["tag"] = tag
    if not chosen:
        return b""
    # No newline may come into the file's lines; JSON escapes them.
    attributes = json.dumps(chosen, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode(
        errors="replace"
    )
    if len(attributes) > _MOST_ATTRIBUTES_BYTES:
        raise InvalidArgumentError(
            f"labels, variables and tag of the log have {len(attributes)} bytes, over the limit of "
            f"{_MOST_ATTRIBUTES_BYTES}"
        )
    return attributes


def _chosen(values: Mapping[str, str], names: str, pattern: str) -> dict[str, str]:
    wanted = set(names.split(","))
    try:
        matches = re.compile(pattern).search if pattern else lambda _name: None
    except re.error as exc:
        raise InvalidArgumentError(f"error parsing regexp: {exc}") from exc
    return {name: value for name, value in values.items() if name in wanted or matches(name)}


def _tag_fields(source: LogSource, options: Mapping[str, str]) -> dict[str, Any]:
    """What a tag can name: the fields and methods of moby's logger.Info."""
    return {
        "ID": source.container_id[:12],
        "FullID": source.container_id,
        "Name": source.name.removeprefix("/"),
        "ImageID": source.image_id[:12],
        "ImageFullID": source.image_id,
        "ImageName": source.image_name,
        "DaemonName": "docker",
        "Command": " ".join((source.entrypoint, *source.args)),
        "Hostname": os.uname().nodename,
        "Config": dict(options),
        "ContainerID": source.container_id,
        "ContainerName": source.name,
        "ContainerEntrypoint": source.entrypoint,
        "ContainerArgs": list(source.args),
        "ContainerImageID": source.image_id,
        "ContainerImageName": source.image_name,
        "ContainerCreated": source.created,
        "ContainerEnv": list(source.env),
        "ContainerLabels": dict(source.labels),
    }

"""The table of log drivers, and the check of their options with Docker's words.

``validate_log_config`` is what dockerd checks when a container is created: names, and the values of drivers
that send lines elsewhere. ``log_spec`` is what it checks when the container starts. A driver that sends keeps
a file too, for ``docker logs`` and for what the other side has not taken yet; see ``scow.logs.remote``.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from scow.errors import InvalidArgumentError, UnsupportedError
from scow.logs.attributes import ATTRIBUTE_OPTIONS, LogSource, chosen_attributes, rendered_tag
from scow.logs.remote.drivers import REMOTE_DRIVERS, remote_driver
from scow.logs.spec import LogSpec
from scow.spec.engine_api.container import LogConfig
from scow.spec.go_bool import FALSE, TRUE

_FILE_OPTIONS = ATTRIBUTE_OPTIONS | {"max-size", "max-file", "compress"}
# Of every driver. Neither files nor what is sent from them is ever slow enough to hold a container up.
_MODE_OPTIONS = frozenset({"mode", "max-buffer-size"})
# Of every driver, and of meaning to those that send lines elsewhere: what is kept of them for reading.
_CACHE_PREFIX = "cache-"
_CACHE_OPTIONS = frozenset({"cache-disabled", "cache-max-size", "cache-max-file", "cache-compress"})

# They come with every line, and in one message to scow-shim.
_MOST_ATTRIBUTES_BYTES = 32 * 1024


@dataclass(frozen=True)
class _Driver:
    """What a log driver knows."""

    options: frozenset[str]
    defaults: Mapping[str, str] = field(default_factory=dict)
    is_readable: bool = True


# "local" is json-file with Docker's defaults for it; the format of its files is private to the engine.
_LOCAL_DEFAULTS = {"max-size": "20m", "max-file": "5", "compress": "true"}
DRIVERS: Mapping[str, _Driver] = {
    "json-file": _Driver(_FILE_OPTIONS),
    "local": _Driver(_FILE_OPTIONS, _LOCAL_DEFAULTS),
    "none": _Driver(frozenset(), is_readable=False),
    **dict.fromkeys(REMOTE_DRIVERS, _Driver(frozenset(), _LOCAL_DEFAULTS)),  # options: see remote_driver
}


def log_path(driver: str, container_dir: str, container_id: str) -> str:
    """Where the log of a container is, as in Docker; empty: nowhere."""
    match driver:
        case "json-file":
            return os.path.join(container_dir, f"{container_id}-json.log")
        case "local":
            return os.path.join(container_dir, "local-logs", "container.log")
        case "none":
            return ""
    return os.path.join(container_dir, "container-cached.log")


def validate_log_config(driver: str, options: Mapping[str, str]) -> None:
    """Raises ``InvalidArgumentError`` for a driver or an option that does not exist."""
    if driver == "none":
        return
    known = DRIVERS.get(driver)
    if known is None:
        raise InvalidArgumentError(f'error looking up logging plugin {driver}: plugin "{driver}" not found')
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
    remote = remote_driver(driver) if driver in REMOTE_DRIVERS else None
    own = remote.options if remote else known.options
    for name in sorted(options):
        if name not in own | _MODE_OPTIONS | _CACHE_OPTIONS:
            of_driver = f"log driver {driver}" if driver == "local" else f"{driver} log driver"
            raise InvalidArgumentError(f"unknown log opt '{name}' for {of_driver}")
    if remote is not None:
        remote.check(options)
        _cache_values(options)


def check_readable(config: LogConfig) -> None:
    """Raises ``UnsupportedError`` if what has been logged cannot be read back."""
    known = DRIVERS.get(config.type)
    is_hidden = config.type in REMOTE_DRIVERS and _parse_bool(config.config.get("cache-disabled") or "false")
    if known is None or not known.is_readable or is_hidden:
        raise UnsupportedError("configured logging driver does not support reading")


def log_spec(config: LogConfig, path: str, source: LogSource | None = None) -> LogSpec | None:
    """What scow-shim is to do; ``None``: nothing. Raises ``InvalidArgumentError``.

    Docker puts "failed to initialize logging driver: " before these messages.
    """
    driver, options = config.type, config.config
    validate_log_config(driver, options)
    if driver == "none":
        return None
    # What is sent elsewhere is rotated as the cache is to be, and has its attributes where it is sent.
    is_remote = driver in REMOTE_DRIVERS
    options = _cache_values(options) if is_remote else options
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
    attributes = b"" if is_remote else _attributes(values, source or LogSource())
    return LogSpec(path, max_bytes, max_files, compress, attributes)


def _cache_values(options: Mapping[str, str]) -> dict[str, str]:
    """The options of the file that is kept of what is sent elsewhere, without the "cache-" of their names."""
    if disabled := options.get("cache-disabled"):
        try:
            _parse_bool(disabled)
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(f"invalid value for option cache-disabled: {disabled}") from exc
    return {
        name.removeprefix(_CACHE_PREFIX): value
        for name, value in options.items()
        if name in _CACHE_OPTIONS and name != "cache-disabled"
    }


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
    if text in TRUE:
        return True
    if text in FALSE:
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
    chosen = chosen_attributes(options, source)
    if tag := rendered_tag(options, source):
        chosen["tag"] = tag
    if not chosen:
        return b""
    # No newline may come into the file's lines; JSON escapes them.
    text = json.dumps(chosen, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":  # as Go's encoder writes them
        text = text.replace(char, f"\\u{ord(char):04x}")
    attributes = text.encode(errors="replace")
    if len(attributes) > _MOST_ATTRIBUTES_BYTES:
        raise InvalidArgumentError(
            f"labels, variables and tag of the log have {len(attributes)} bytes, over the limit of "
            f"{_MOST_ATTRIBUTES_BYTES}"
        )
    return attributes

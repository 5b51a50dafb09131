"""Options of storage drivers: ``storage-opts`` of the engine, ``--storage-opt`` of a container."""

from collections.abc import Mapping, Sequence

from scow.errors import InvalidArgumentError, ScowError
from scow.spec.sizes import parse_size


def parse_driver_options(options: Sequence[str]) -> dict[str, str]:
    """``driver.key=value`` each; keys in lower case. Raises InvalidArgumentError."""
    parsed = {}
    for option in options:
        key, separator, value = option.partition("=")
        if not separator:
            raise InvalidArgumentError(f"unable to parse storage-opt option: {option}")
        parsed[key.strip().lower()] = value.strip()
    return parsed


def check_switch(key: str, value: str) -> None:
    """As Go reads a boolean. Raises InvalidArgumentError."""
    if value.lower() not in ("1", "t", "true", "0", "f", "false"):
        raise InvalidArgumentError(f'strconv.ParseBool: parsing "{value}": invalid syntax: {key}')


def parse_limit(text: str) -> int:
    """Bytes. Raises InvalidArgumentError."""
    try:
        return parse_size(text)
    except ValueError as exc:
        raise InvalidArgumentError(str(exc)) from exc


def container_limit(options: Mapping[str, str]) -> int | None:
    """``size`` in bytes, if it is asked for. Raises ScowError for any other key, InvalidArgumentError."""
    for key in options:
        if key.lower() != "size":
            raise ScowError(f"Unknown option {key}")
    return next((parse_limit(value) for value in options.values()), None)

"""``--gpus all``, ``--gpus 2``, ``--gpus '"device=0,1",capabilities=utility'``."""

from scow.cli.go_values import parse_int
from scow.cli.options.csv_fields import split_fields
from scow.cli.options.environment import pairs
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def parse_gpus(text: str) -> "dict[str, Any]":
    """A DeviceRequest of the API."""
    request: dict[str, Any] = {
        "Driver": "",
        "Count": 0,
        "DeviceIDs": None,
        "Capabilities": [["gpu"]],
        "Options": {},
    }
    seen: set[str] = set()
    for field in split_fields(text):
        key, equals, value = field.partition("=")
        if key in seen:
            raise InvalidArgumentError(f"gpu request key '{key}' can be specified only once")
        seen.add(key)
        if not equals:
            key, value = "count", key
            seen.add("count")
        _set_member(request, key, value, field)
    if "count" not in seen and request["DeviceIDs"] is None:
        request["Count"] = 1
    return request


def _set_member(request: "dict[str, Any]", key: str, value: str, field: str) -> None:
    if key == "driver":
        request["Driver"] = value
    elif key == "count":
        request["Count"] = _parse_count(value)
    elif key == "device":
        request["DeviceIDs"] = value.split(",")
    elif key == "capabilities":
        request["Capabilities"] = [[*value.split(","), "gpu"]]
    elif key == "options":
        try:
            request["Options"] = pairs(split_fields(value))
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(f"failed to read gpu options: {exc.message}") from exc
    else:
        raise InvalidArgumentError(f"unexpected key '{key}' in '{field}'")


def _parse_count(text: str) -> int:
    if text == "all":
        return -1
    try:
        return parse_int(text)
    except InvalidArgumentError as exc:
        reason = exc.message.rpartition(": ")[2]
        message = f'invalid count ({text}): value must be either "all" or an integer: {reason}'
        raise InvalidArgumentError(message) from exc

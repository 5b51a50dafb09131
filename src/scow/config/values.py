"""Kinds of settings: how each is written as a flag and in JSON, and how it is shown.

A flag is text; ``parse`` raises ``ValueError`` with the reason as dockerd gives it. A JSON value is checked
for its type by ``from_json``, which raises ``TypeError`` with what was expected.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scow.spec.engine_api.container import Ulimit
from scow.spec.go_bool import FALSE, TRUE
from scow.spec.sizes import parse_size

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)", re.ASCII)
_DURATION_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of setting.

    ``name`` is what help shows after the flag ("" for switches, which take no separate argument). ``many``:
    the flag may be repeated and ``add`` merges, by ``merge`` where that is more than to join; ``is_map``: the
    JSON value is an object of user's names.
    """

    name: str
    parse: Callable[[str], Any]
    from_json: Callable[[Any], Any]
    many: bool = False
    is_map: bool = False
    merge: Callable[[Any, Any], Any] | None = None

    def add(self, old: Any, new: Any) -> Any:
        """What repeating a flag gives."""
        if not self.many:
            return new
        if self.merge is not None:
            return self.merge(old, new)
        return {**old, **new} if self.is_map else [*old, *new]


def parse_bool(text: str) -> bool:
    """Go's spellings."""
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise ValueError(f"strconv.ParseBool: parsing {quoted(text)}: invalid syntax")


def parse_int(text: str) -> int:
    """A decimal number of at most 64 bits."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax")
    if len(digits) > 18:
        raise ValueError(f"strconv.ParseInt: parsing {quoted(text)}: value out of range")
    return int(text)


def parse_duration(text: str) -> float:
    """``90s``, ``1h30m`` or a number of seconds; the result in seconds."""
    if re.fullmatch(r"\d+", text, re.ASCII):
        return float(text)
    parts = list(_DURATION.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        raise ValueError(f"time: invalid duration {quoted(text)}")
    return sum(float(part[1]) * _DURATION_UNITS_S[part[2]] for part in parts)


def parse_ip(text: str) -> str:
    """An address."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise ValueError(f"{text} is not an ip address") from None


def parse_pair(text: str) -> dict[str, str]:
    """``key=value``; without ``=`` the value is empty."""
    key, _, value = text.partition("=")
    return {key: value}


def parse_switch(text: str) -> dict[str, bool]:
    """``feature``, ``feature=false``."""
    key, assigned, value = text.partition("=")
    return {key: parse_bool(value) if assigned else True}


def parse_runtime(text: str) -> dict[str, dict[str, Any]]:
    """``name=path``."""
    name, _, path = (part.strip() for part in text.partition("="))
    if not (name and path):
        raise ValueError(f"invalid runtime argument: {text}")
    return {name.lower(): {"path": path}}


def parse_ulimit(text: str) -> dict[str, Ulimit]:
    """``name=soft[:hard]``; what the limits must be to each other is checked with all settings."""
    name, assigned, value = text.partition("=")
    if not assigned:
        raise ValueError(f"invalid ulimit argument: {text}")
    limits = value.split(":")
    if len(limits) > 2:
        raise ValueError(f"too many limit value arguments - {value}, can only have up to two, `soft[:hard]`")
    numbers = [parse_int(limit) for limit in limits]
    return {name: Ulimit(name=name, soft=numbers[0], hard=numbers[-1])}


def parse_pool(text: str) -> list[dict[str, Any]]:
    """``base=10.0.0.0/8,size=24``."""
    pool: dict[str, Any] = {}
    for item in text.lower().split(","):
        key, assigned, value = item.partition("=")
        if not assigned:
            raise ValueError(f"invalid field '{item}' must be a key=value pair")
        if key not in ("base", "size"):
            raise ValueError(f"unexpected key '{key}' in '{item}'")
        pool[key] = parse_int(value) if key == "size" else value
    return [pool]


def parse_driver_option(text: str) -> dict[str, dict[str, str]]:
    """``driver=key=value``."""
    driver, *pair = text.split("=", 2)
    if len(pair) != 2:
        raise ValueError(f"invalid value {quoted(text)} for map option, should be root-key=key=value")
    return {driver: {pair[0]: pair[1]}}


def _merged(old: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Options of one driver add up."""
    return {driver: {**old.get(driver, {}), **new.get(driver, {})} for driver in {**old, **new}}


def _expect(kind: type | tuple[type, ...], what: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        # bool is an int to Python, not to JSON
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise TypeError(what)
        return value

    return check


def _strings_from_json(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError("a list of strings")
    return value


def _text_map_from_json(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise TypeError("an object of strings")
    return value


def _switches_from_json(value: Any) -> dict[str, bool]:
    if not isinstance(value, dict) or not all(isinstance(item, bool) for item in value.values()):
        raise TypeError("an object of booleans")
    return value


def _options_by_driver_from_json(value: Any) -> dict[str, dict[str, str]]:
    try:
        return {driver: _text_map_from_json(options) for driver, options in value.items()}
    except (AttributeError, TypeError):
        raise TypeError('an object like {"bridge": {"com.docker.network.driver.mtu": "1400"}}') from None


def _size_from_json(value: Any) -> int:
    if isinstance(value, str):
        return parse_size(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TypeError("a size (a number of bytes, or text like 64m)")


def _duration_from_json(value: Any) -> float:
    if isinstance(value, str):
        return parse_duration(value)
    raise TypeError('a duration (text like "90s")')


def _ip_from_json(value: Any) -> str:
    if isinstance(value, str):
        return parse_ip(value)
    raise TypeError("an IP address")


def _ulimits_from_json(value: Any) -> dict[str, Ulimit]:
    what = 'an object like {"nofile": {"Name": "nofile", "Soft": 1024, "Hard": 2048}}'
    if not isinstance(value, dict):
        raise TypeError(what)
    return {key: _ulimit_from_json(key, item, what) for key, item in value.items()}


def _ulimit_from_json(key: str, item: Any, what: str) -> Ulimit:
    """Member names in any case, as Go reads them."""
    members = {name.lower(): member for name, member in item.items()} if isinstance(item, dict) else {}
    soft, hard, name = members.get("soft", 0), members.get("hard", 0), members.get("name", key)
    numbers = isinstance(soft, int) and isinstance(hard, int) and isinstance(name, str)
    if not members or not numbers or set(members) - {"soft", "hard", "name"}:
        raise TypeError(what)
    return Ulimit(name=name, soft=soft, hard=hard)


def _runtimes_from_json(value: Any) -> dict[str, dict[str, Any]]:
    what = 'an object like {"crun": {"path": "/usr/bin/crun"}}'
    if not isinstance(value, dict) or not all(isinstance(item, dict) for item in value.values()):
        raise TypeError(what)
    for item in value.values():
        if not isinstance(item.get("path", ""), str):
            raise TypeError(what)
        _strings_from_json(item.get("runtimeArgs") or [])
    return value


def _pools_from_json(value: Any) -> list[dict[str, Any]]:
    what = 'a list like [{"base": "10.0.0.0/8", "size": 24}]'
    if not isinstance(value, list):
        raise TypeError(what)
    for pool in value:
        if not isinstance(pool, dict) or set(pool) != {"base", "size"}:
            raise TypeError(what)
        if not isinstance(pool["base"], str) or not isinstance(pool["size"], int):
            raise TypeError(what)
    return value


def _wrap(text: str) -> list[str]:
    return [text]


def _wrap_ip(text: str) -> list[str]:
    return [parse_ip(text)]


TEXT = Kind("string", str, _expect(str, "a string"))
SWITCH = Kind("", parse_bool, _expect(bool, "true or false"))
NUMBER = Kind("int", parse_int, _expect(int, "a number"))
SIZE = Kind("bytes", parse_size, _size_from_json)
DURATION = Kind("duration", parse_duration, _duration_from_json)
ADDRESS = Kind("ip", parse_ip, _ip_from_json)
LIST = Kind("list", _wrap, _strings_from_json, many=True)
ADDRESSES = Kind("list", _wrap_ip, _strings_from_json, many=True)
MAP = Kind("map", parse_pair, _text_map_from_json, many=True, is_map=True)
FEATURES = Kind("map", parse_switch, _switches_from_json, many=True, is_map=True)
RUNTIMES = Kind("runtime", parse_runtime, _runtimes_from_json, many=True, is_map=True)
ULIMITS = Kind("ulimit", parse_ulimit, _ulimits_from_json, many=True, is_map=True)
POOLS = Kind("pool-options", parse_pool, _pools_from_json, many=True)
OPTIONS_BY_DRIVER = Kind(
    "mapmap", parse_driver_option, _options_by_driver_from_json, many=True, is_map=True, merge=_merged
)
ANYTHING = Kind("map", parse_pair, _expect(dict, "an object"), is_map=True)


def shown(value: Any) -> str:
    """``value`` as Go prints it: ``[a b]``, ``map[a:b]``, ``true``."""
    match value:
        case bool():
            return str(value).lower()
        case list() | tuple():
            return "[" + " ".join(map(shown, value)) + "]"
        case Mapping():
            return "map[" + " ".join(f"{key}:{shown(item)}" for key, item in sorted(value.items())) + "]"
        case Ulimit():
            return f"{value.name}={value.soft}:{value.hard}"
    return str(value)


def quoted(text: str) -> str:
    """In double quotes, as messages have it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

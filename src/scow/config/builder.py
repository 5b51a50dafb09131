"""``builder`` of daemon.json: how large the build cache may be, and what builds may do.

    {"gc": {"enabled": true, "defaultReservedSpace": "10GB", "policy": [{"filter": ["unused-for=48h"], …}]},
     "entitlements": {"security-insecure": false},
     "history": {"maxEntries": 50, "maxAge": "48h"}}

Names are read whatever their case, as Go reads them. ``keepStorage`` is the old name of ``reservedSpace``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scow.config.values import parse_duration
from scow.errors import InvalidArgumentError
from scow.spec.build_history import HistoryLimits
from scow.spec.frontend_build import CachePrune
from scow.spec.sizes import parse_size

# Key of "entitlements" → BuildKit's name, and whether it is granted unless the key says otherwise.
_RIGHTS = {
    "network-host": ("network.host", True),
    "security-insecure": ("security.insecure", False),
    "device": ("device", True),
}
_AGES = ("unused-for", "until")
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class BuilderSettings:
    """``policies`` are those that are set; ``None`` for the stock ones with the three limits (0: not set).

    ``granted`` are the rights that clients may have steps take (``--allow``), by BuildKit's names.
    """

    gc: bool = True
    policies: tuple[CachePrune, ...] | None = None
    reserved_bytes: int = 0
    max_used_bytes: int = 0
    min_free_bytes: int = 0
    granted: frozenset[str] = frozenset({"network.host", "device"})
    history: HistoryLimits = field(default_factory=HistoryLimits)


def parse_builder(document: Mapping[str, Any]) -> BuilderSettings:
    """Raises InvalidArgumentError for what cannot be."""
    fields = _lowered(document, "builder")
    collection = _lowered(fields.pop("gc", {}), "builder.gc")
    rights = _lowered(fields.pop("entitlements", {}), "builder.entitlements")
    history = _lowered(fields.pop("history", None) or {}, "builder.history")
    _nothing_else(fields, "builder")
    settings = BuilderSettings(
        gc=_switch(collection.pop("enabled", True), "builder.gc.enabled"),
        policies=_policies(collection.pop("policy", None)),
        reserved_bytes=_limit(collection, "default", "reservedspace", "keepstorage"),
        max_used_bytes=_limit(collection, "default", "maxusedspace"),
        min_free_bytes=_limit(collection, "default", "minfreespace"),
        history=_history(history),
        granted=frozenset(
            name for key, (name, usual) in _RIGHTS.items() if _switch(rights.pop(key, usual), key)
        ),
    )
    _nothing_else(rights, "builder.entitlements")
    _nothing_else(collection, "builder.gc")
    _nothing_else(history, "builder.history")
    return settings


def _history(fields: dict[str, Any]) -> HistoryLimits:
    """An age is a duration, or seconds; both members count, as BuildKit's, only if they are there."""
    stock = HistoryLimits()
    entries, age = fields.pop("maxentries", None), fields.pop("maxage", None)
    if entries is not None and (not isinstance(entries, int) or isinstance(entries, bool) or entries < 0):
        raise InvalidArgumentError("builder.history.maxEntries is not a number")
    if isinstance(age, int) and not isinstance(age, bool):
        age = f"{age}s"
    return HistoryLimits(
        stock.max_entries if entries is None else entries,
        stock.max_age_ns if age is None else _duration_ns(age, "builder.history"),
    )


def _policies(found: Any) -> tuple[CachePrune, ...] | None:
    if found is None:
        return None
    if not isinstance(found, list):
        raise InvalidArgumentError("builder.gc.policy is not a list")
    return tuple(_policy(it) for it in found)


def _policy(document: Any) -> CachePrune:
    fields = _lowered(document, "builder.gc.policy")
    tests, keep_ns = _filter(fields.pop("filter", None))
    if duration := fields.pop("keepduration", None):
        keep_ns = _duration_ns(duration)
    policy = CachePrune(
        all=_switch(fields.pop("all", False), "all"),
        filters=(",".join(tests),) if tests else (),
        keep_ns=keep_ns,
        reserved_bytes=_limit(fields, "", "reservedspace", "keepstorage"),
        max_used_bytes=_limit(fields, "", "maxusedspace"),
        min_free_bytes=_limit(fields, "", "minfreespace"),
    )
    _nothing_else(fields, "builder.gc.policy")
    return policy


def _filter(found: Any) -> tuple[list[str], int]:
    """``["key=value"]``, or as in the API ``{"key": ["value"]}``; an age is no test of its own."""
    if found is None:
        pairs: list[tuple[str, str]] = []
    elif isinstance(found, dict):
        pairs = [(key, str(value)) for key, values in found.items() for value in values]
    elif isinstance(found, list):
        pairs = [(key, value) for key, _, value in (str(it).partition("=") for it in found)]
    else:
        raise InvalidArgumentError("builder.gc.policy.filter is not a list")
    ages = [_duration_ns(value) for key, value in pairs if key in _AGES]
    if len(ages) > 1:
        raise InvalidArgumentError("builder.gc.policy.filter: more than one age")
    tests = [f"{key}=={value}" if value else key for key, value in pairs if key not in _AGES]
    return tests, ages[0] if ages else 0


def _duration_ns(text: Any, where: str = "builder.gc.policy") -> int:
    try:
        return int(parse_duration(str(text)) * _NANOSECONDS)
    except ValueError as exc:
        raise InvalidArgumentError(f"{where}: {exc}") from exc


def _limit(fields: dict[str, Any], prefix: str, *names: str) -> int:
    """The first of these names that is there, in bytes."""
    found = [fields.pop(f"{prefix}{name}", None) for name in names]
    text = next((it for it in found if it), "")
    if isinstance(text, int):
        return text
    try:
        return parse_size(text) if text else 0
    except ValueError as exc:
        raise InvalidArgumentError(f"builder.gc: {exc}") from exc


def _switch(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidArgumentError(f"{name} is not a boolean")
    return value


def _lowered(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidArgumentError(f"{name} is not an object")
    return {key.lower(): it for key, it in value.items()}


def _nothing_else(fields: Mapping[str, Any], where: str) -> None:
    if fields:
        raise InvalidArgumentError(f"{where} has no setting {', '.join(sorted(fields))}")

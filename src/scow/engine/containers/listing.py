"""``GET /containers/json``: which containers, in which order."""

import re
import time
from collections.abc import Callable, Sequence

from scow.engine.containers.links import link_names
from scow.engine.containers.model import Live
from scow.engine.containers.registry import Containers
from scow.engine.containers.states import Status
from scow.engine.containers.view import NO_HEALTH, NetworkId, summary_ports, summary_view
from scow.engine.prune_filters import read_switch
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.container import ContainerSummary
from scow.spec.filters import Filters

_FILTERS = (
    "ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation", "label", "name",
    "network", "publish", "since", "status", "volume",
)  # fmt: skip
_HEALTH = ("none", "starting", "healthy", "unhealthy")

Predicate = Callable[[Live], bool]
ImageAncestors = Callable[[str], frozenset[str]]
"""Ids of the image that a name stands for and of all images made from it."""


def list_containers(
    containers: Containers,
    *,
    all_states: bool,
    limit: int,
    filters: Filters,
    network_id: NetworkId,
    descendants: ImageAncestors,
) -> list[ContainerSummary]:
    """Newest first; running ones only, unless ``all_states``, a limit or a filter on states says otherwise.

    Raises InvalidArgumentError for unknown filters and values, NotFoundError for ``before=nope``.
    """
    filters.check(*_FILTERS)
    tests = [
        _predicate(key, filters, containers, descendants, network_id) for key in filters if key != "label"
    ]
    if not (all_states or limit > 0 or "status" in filters or "exited" in filters):
        tests.append(lambda live: live.doc.alive or live.doc.state.status is Status.RESTARTING)
    found = [
        live
        for live in sorted(containers, key=lambda live: (live.doc.created, live.doc.id), reverse=True)
        if filters.match_labels(live.doc.config.labels or {}) and all(test(live) for test in tests)
    ]
    now_ns, linked = time.time_ns(), link_names(containers)
    return [
        summary_view(live.doc, network_id=network_id, now_ns=now_ns, link_names=linked.get(live.doc.id, ()))
        for live in found[: limit if limit > 0 else None]
    ]


def _predicate(
    key: str,
    filters: Filters,
    containers: Containers,
    descendants: ImageAncestors,
    network_id: NetworkId,
) -> Predicate:
    values = filters.get(key)
    match key:
        case "id":
            return lambda live: any(live.doc.id.startswith(value) for value in values)
        case "name":
            patterns = [_pattern(value) for value in values]
            return lambda live: any(
                p.search(live.doc.name) or p.search(f"/{live.doc.name}") for p in patterns
            )
        case "status":
            _check(key, values, "state", tuple(Status))
            return lambda live: live.doc.state.status in values
        case "exited":
            codes = {_number(key, value) for value in values}
            return lambda live: live.doc.state.exit_code in codes and live.doc.state.status is Status.EXITED
        case "health":
            _check(key, values, "health", _HEALTH)
            return lambda live: (live.doc.state.health or NO_HEALTH).status in values
        case "before" | "since":
            moments = [containers.get(value).doc.created for value in values]
            if key == "before":
                return lambda live: all(live.doc.created < moment for moment in moments)
            return lambda live: all(live.doc.created > moment for moment in moments)
        case "ancestor":
            images = frozenset().union(*(descendants(value) for value in values))
            return lambda live: live.doc.image_id in images
        case "volume":
            return lambda live: any(
                value in (record.name, record.destination, record.source)
                for value in values
                for record in live.doc.mounts
            )
        case "network":
            return lambda live: any(
                value == name or network_id(name).startswith(value)
                for value in values
                for name in live.doc.networks
            )
        case "publish" | "expose":
            wanted = {port for value in values for port in _ports(key, value)}
            if key == "publish":
                return lambda live: not wanted.isdisjoint(_published_ports(live))
            return lambda live: (
                not wanted.isdisjoint(f"{port.private_port}/{port.type}" for port in summary_ports(live.doc))
            )
        case "is-task":
            # None is a task here: a swarm's would be.
            is_task = read_switch(filters, key, default=False)
            return lambda _live: not is_task
        case _:  # isolation, which means something on Windows only
            return lambda _live: True


def _check(key: str, values: Sequence[str], noun: str, allowed: Sequence[str]) -> None:
    for value in values:
        if value not in allowed:
            raise InvalidArgumentError(
                f"invalid filter '{key}={value}': invalid value for {noun} ({value}): must be one of "
                + ", ".join(allowed)
            )


def _pattern(value: str) -> re.Pattern[str]:
    """What is no pattern still matches itself."""
    try:
        return re.compile(value)
    except re.error:
        return re.compile(rf"\A{re.escape(value)}\Z")


def _number(key: str, value: str) -> int:
    try:
        return int(value)
    except ValueError as exc:
        raise InvalidArgumentError(
            f"invalid filter '{key}={value}': strconv.Atoi: parsing \"{value}\": invalid syntax"
        ) from exc


def _ports(key: str, value: str) -> list[str]:
    """``8080``, ``8080/udp`` or ``8000-8010/tcp`` as single ports."""
    if ":" in value:
        raise InvalidArgumentError(f"filter for '{key}' should not contain ':': {value}")
    numbers, _, protocol = value.partition("/")
    first, _, last = numbers.partition("-")
    try:
        low, high = _port(first), _port(last or first)
        if low > high:
            raise ValueError(f"invalid range specified for port: {numbers}")
    except ValueError as exc:
        raise InvalidArgumentError(f"error while looking up for {key} {value}: {exc}") from exc
    return [f"{port}/{protocol or 'tcp'}" for port in range(low, high + 1)]


def _port(text: str) -> int:
    """Raises ValueError in the words of Go."""
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    if len(text) > 5 or int(text) > 65535:
        raise ValueError(f'strconv.ParseUint: parsing "{text}": value out of range')
    return int(text)


def _published_ports(live: Live) -> set[str]:
    endpoints = live.doc.endpoints.values()
    return {f"{port.host_port}/{port.protocol}" for endpoint in endpoints for port in endpoint.ports}

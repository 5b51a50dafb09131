"""``GET /containers/json``: which containers, in which order."""

import re
import time
from collections.abc import Callable

from scow.engine.containers.links import link_names
from scow.engine.containers.model import Live
from scow.engine.containers.registry import Containers
from scow.engine.containers.states import Status
from scow.engine.containers.view import NO_HEALTH, NetworkId, exposed_ports, summary_view
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.container import ContainerSummary
from scow.spec.filters import Filters

_FILTERS = (
    "ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation", "label", "name",
    "network", "publish", "since", "status", "volume",
)  # fmt: skip
_HEALTH = ("starting", "healthy", "unhealthy", "none")

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
    tests = [_predicate(key, filters, containers, descendants) for key in filters if key != "label"]
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


def _predicate(key: str, filters: Filters, containers: Containers, descendants: ImageAncestors) -> Predicate:
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
            if bad := [value for value in values if value not in tuple(Status)]:
                raise InvalidArgumentError(f"invalid filter 'status={bad[0]}'")
            return lambda live: live.doc.state.status in values
        case "exited":
            codes = {_number(key, value) for value in values}
            return lambda live: live.doc.state.exit_code in codes and live.doc.state.status is Status.EXITED
        case "health":
            if bad := [value for value in values if value not in _HEALTH]:
                raise InvalidArgumentError(f"invalid filter 'health={bad[0]}'")
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
            return lambda live: any(value in live.doc.networks for value in values)
        case "publish" | "expose":
            wanted = {port for value in values for port in _ports(key, value)}
            if key == "publish":
                return lambda live: not wanted.isdisjoint(_published_ports(live))
            return lambda live: not wanted.isdisjoint(exposed_ports(live.doc))
        case _:  # isolation, is-task: no container here has either
            return lambda live: all(value.lower() in ("default", "false", "0") for value in values)


def _pattern(value: str) -> re.Pattern[str]:
    try:
        return re.compile(value)
    except re.error as exc:
        raise InvalidArgumentError(f"invalid filter 'name={value}': {exc}") from exc


def _number(key: str, value: str) -> int:
    try:
        return int(value)
    except ValueError as exc:
        raise InvalidArgumentError(f"invalid filter '{key}={value}'") from exc


def _ports(key: str, value: str) -> list[str]:
    """``8080``, ``8080/udp`` or ``8000-8010/tcp`` as single ports."""
    numbers, _, protocol = value.partition("/")
    first, _, last = numbers.partition("-")
    low, high = _number(key, first), _number(key, last or first)
    if not 0 < low <= high <= 65535:
        raise InvalidArgumentError(f"invalid filter '{key}={value}'")
    return [f"{port}/{protocol or 'tcp'}" for port in range(low, high + 1)]


def _published_ports(live: Live) -> set[str]:
    endpoint = live.doc.endpoint
    return {f"{port.host_port}/{port.protocol}" for port in endpoint.ports} if endpoint else set()

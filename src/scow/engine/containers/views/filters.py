"""The filters of ``GET /containers/json``: each makes a test of a container out of its values."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from scow.engine.containers.model import Live
from scow.engine.containers.states import Status
from scow.engine.containers.views.inspect import NO_HEALTH, NetworkId, summary_ports
from scow.engine.prune_filters import read_switch
from scow.errors import InvalidArgumentError
from scow.spec.filters import Filters
from scow.spec.go_regexp import go_search

_HEALTH = ("none", "starting", "healthy", "unhealthy")

Predicate = Callable[[Live], bool]
ImageAncestors = Callable[[str], frozenset[str]]
"""Ids of the image that a name stands for and of all images made from it."""


@dataclass(frozen=True, slots=True)
class Lookups:
    """What filters ask of others."""

    container: Callable[[str], Live]
    network_id: NetworkId
    descendants: ImageAncestors


def predicates(filters: Filters, lookups: Lookups) -> Iterator[Predicate]:
    """One test for each filter; a container is listed if it passes all.

    Raises InvalidArgumentError for unknown filters and values, NotFoundError for ``before=nope``.
    """
    filters.check(*_FILTERS)
    for key in filters:
        yield _FILTERS[key](key, filters, lookups)


def _id(key: str, filters: Filters, _: Lookups) -> Predicate:
    starts = tuple(filters.get(key))
    return lambda live: live.doc.id.startswith(starts)


def _name(key: str, filters: Filters, _: Lookups) -> Predicate:
    patterns = [_pattern(value) for value in filters.get(key)]
    return lambda live: any(is_in(live.doc.name) or is_in(f"/{live.doc.name}") for is_in in patterns)


def _pattern(value: str) -> Callable[[str], bool]:
    """What is no pattern still matches itself."""
    try:
        return go_search(value)
    except ValueError:
        return value.__eq__


def _label(_key: str, filters: Filters, _: Lookups) -> Predicate:
    return lambda live: filters.match_labels(live.doc.config.labels or {})


def _status(key: str, filters: Filters, _: Lookups) -> Predicate:
    values = _one_of(key, filters, "state", tuple(Status))
    return lambda live: live.doc.state.status in values


def _health(key: str, filters: Filters, _: Lookups) -> Predicate:
    values = _one_of(key, filters, "health", _HEALTH)
    return lambda live: (live.doc.state.health or NO_HEALTH).status in values


def _one_of(key: str, filters: Filters, noun: str, allowed: Sequence[str]) -> list[str]:
    values = filters.get(key)
    for value in values:
        if value not in allowed:
            raise InvalidArgumentError(
                f"invalid filter '{key}={value}': invalid value for {noun} ({value}): must be one of "
                + ", ".join(allowed)
            )
    return values


def _exited(key: str, filters: Filters, _: Lookups) -> Predicate:
    codes = {_number(key, value) for value in filters.get(key)}
    return lambda live: live.doc.state.exit_code in codes and live.doc.state.status is Status.EXITED


def _number(key: str, value: str) -> int:
    try:
        return int(value)
    except ValueError as exc:
        raise InvalidArgumentError(
            f"invalid filter '{key}={value}': strconv.Atoi: parsing \"{value}\": invalid syntax"
        ) from exc


def _before(key: str, filters: Filters, lookups: Lookups) -> Predicate:
    moments = [lookups.container(value).doc.created for value in filters.get(key)]
    return lambda live: all(live.doc.created < moment for moment in moments)


def _since(key: str, filters: Filters, lookups: Lookups) -> Predicate:
    moments = [lookups.container(value).doc.created for value in filters.get(key)]
    return lambda live: all(live.doc.created > moment for moment in moments)


def _ancestor(key: str, filters: Filters, lookups: Lookups) -> Predicate:
    images = frozenset().union(*(lookups.descendants(value) for value in filters.get(key)))
    return lambda live: live.doc.image_id in images


def _volume(key: str, filters: Filters, _: Lookups) -> Predicate:
    values = frozenset(filters.get(key))
    return lambda live: any(
        not values.isdisjoint((record.name, record.destination, record.source)) for record in live.doc.mounts
    )


def _network(key: str, filters: Filters, lookups: Lookups) -> Predicate:
    values = filters.get(key)
    return lambda live: any(
        value == name or lookups.network_id(name).startswith(value)
        for value in values
        for name in live.doc.networks
    )


def _publish(key: str, filters: Filters, _: Lookups) -> Predicate:
    wanted = _all_ports(key, filters)
    return lambda live: not wanted.isdisjoint(_published_ports(live))


def _expose(key: str, filters: Filters, _: Lookups) -> Predicate:
    wanted = _all_ports(key, filters)
    return lambda live: (
        not wanted.isdisjoint(f"{port.private_port}/{port.type}" for port in summary_ports(live.doc))
    )


def _all_ports(key: str, filters: Filters) -> set[str]:
    return {port for value in filters.get(key) for port in _ports(key, value)}


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


def _is_task(key: str, filters: Filters, _: Lookups) -> Predicate:
    """None is a task here: a swarm's would be."""
    is_task = read_switch(filters, key, default=False)
    return lambda _live: not is_task


def _isolation(_key: str, _filters: Filters, _: Lookups) -> Predicate:
    """Means something on Windows only."""
    return lambda _live: True


_FILTERS: Mapping[str, Callable[[str, Filters, Lookups], Predicate]] = {
    "ancestor": _ancestor,
    "before": _before,
    "exited": _exited,
    "expose": _expose,
    "health": _health,
    "id": _id,
    "is-task": _is_task,
    "isolation": _isolation,
    "label": _label,
    "name": _name,
    "network": _network,
    "publish": _publish,
    "since": _since,
    "status": _status,
    "volume": _volume,
}

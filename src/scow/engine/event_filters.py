"""Which events a follower wants to see. Pure.

Docker's rules (daemon/events/filter.go): values of one key are alternatives, keys must all agree; a key that
means nothing here is passed over. An object is meant by a prefix of its id or of its name.
"""

from scow.errors import InvalidArgumentError
from scow.spec.engine_api.event import Event
from scow.spec.filters import Filters
from scow.spec.reference import parse_reference

_OBJECTS = (
    "daemon", "container", "plugin", "volume", "network", "node", "service", "secret", "config",
)  # fmt: skip
# Actions that go on with a colon and a text of their own: exec_start: ls -l.
_OPEN_ACTIONS = frozenset(("exec_create", "exec_start", "health_status"))


def matches(event: Event, filters: Filters) -> bool:
    """Whether ``event`` passes."""
    attributes = event.actor.attributes
    name = attributes.get("name", "")
    return (
        _is_one_of(event.type, filters.get("type"))
        and _is_one_of(event.scope, filters.get("scope"))
        and _has_action(event.action, filters.get("event"))
        and all(_begins(filters.get(kind), event.actor.id, name) for kind in _OBJECTS)
        and _is_of_image(event, filters.get("image"))
        and filters.match_labels(attributes)
    )


def _is_one_of(word: str, wanted: list[str]) -> bool:
    return not wanted or word in wanted


def _has_action(action: str, wanted: list[str]) -> bool:
    if _OPEN_ACTIONS.isdisjoint(wanted):
        return _is_one_of(action, wanted)
    return any(action.startswith(value) for value in wanted)


def _begins(wanted: list[str], *texts: str) -> bool:
    return not wanted or any(text.startswith(value) for value in wanted for text in texts)


def _is_of_image(event: Event, wanted: list[str]) -> bool:
    """By id or by name, with or without a tag; events of containers are found by the image they have."""
    if not wanted:
        return True
    name = event.actor.attributes.get("name" if event.type == "image" else "image", "")
    return not {event.actor.id, name, _without_tag(name)}.isdisjoint(wanted)


def _without_tag(name: str) -> str:
    try:
        return parse_reference(name).familiar_name
    except InvalidArgumentError:
        return name

"""Which volumes a list or a prune is about. Pure."""

from collections.abc import Callable

from scow.engine.prune_filters import read_switch
from scow.engine.volumes.model import VolumeRecord
from scow.errors import InvalidArgumentError
from scow.spec.filters import Filters
from scow.spec.go_bool import FALSE, TRUE
from scow.spec.go_regexp import go_search

Passes = Callable[[VolumeRecord], bool]
_BOOLEANS = {
    **dict.fromkeys(TRUE, True),
    **dict.fromkeys(FALSE, False),
}
# A name has no more than that; a longer expression is somebody's mistake.
_MAX_EXPRESSION = 256


def list_filter(filters: Filters, in_use: Callable[[str], bool]) -> Passes:
    """The filters ``dangling``, ``driver``, ``label`` and ``name``. Raises InvalidArgumentError."""
    filters.check("dangling", "driver", "label", "name")
    names, drivers = filters.get("name"), filters.get("driver")
    dangling = read_switch(filters, "dangling", False) if "dangling" in filters else None

    def passes(record: VolumeRecord) -> bool:
        return (
            filters.match_labels(record.labels or {})
            and (not names or any(_matches(name, record.name) for name in names))
            and (not drivers or record.driver in drivers)
            and (dangling is None or dangling != in_use(record.name))
        )

    return passes


def _matches(wanted: str, name: str) -> bool:
    """A name, or an expression that is found in it; what is no expression matches itself alone."""
    if wanted == name:
        return True
    try:
        return len(wanted) <= _MAX_EXPRESSION and go_search(wanted)(name)
    except ValueError:
        return False


def prunes_named(filters: Filters) -> bool:
    """Whether a prune is about volumes with names too: ``all=1``. Raises InvalidArgumentError."""
    filters.check("all", "label", "label!")
    values = filters.get("all")
    if len(values) > 1:
        raise InvalidArgumentError(f"invalid filter 'all=[{' '.join(values)}]': only one value is expected")
    try:
        return bool(values) and _BOOLEANS[values[0]]
    except KeyError:
        raise InvalidArgumentError(
            f"invalid filter 'all': strconv.ParseBool: parsing \"{values[0]}\": invalid syntax"
        ) from None

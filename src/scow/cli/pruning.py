"""What the prune commands share: the request for each kind of object, and the report of what was removed."""

from scow.cli.exits import CommandError
from scow.cli.listing import filter_query, filter_text
from scow.cli.prompt import confirm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.invocation import Invocation

    Filters = dict[str, list[str]]
    Pruned = tuple[int, str]

_QUESTION = "Are you sure you want to continue?"
_OPPOSITES = {"label": "label!", "label!": "label"}


def confirmed(invocation: "Invocation", *, force: bool, warning: str) -> bool:
    """Whether to go on: told to by ``--force``, or asked after ``WARNING! This will remove …``."""
    return force or confirm(invocation, f"WARNING! This will remove {warning}\n{_QUESTION}")


def prune_filters(invocation: "Invocation", given: "Filters") -> "Filters":
    """``given`` with the ``pruneFilters`` of the settings; a label given the other way round wins."""
    filters = {name: list(values) for name, values in given.items()}
    for text in invocation.config.texts("pruneFilters"):
        name, equals, value = text.partition("=")
        if not equals or value in filters.get(_OPPOSITES.get(name, ""), ()):
            continue
        filters[name] = [*filters.get(name, ()), value]
    return filters


def prune_containers(invocation: "Invocation", filters: "Filters") -> "Pruned":
    """Remove the stopped ones; (bytes, text), the text "" when there was none."""
    report = _post(invocation, "/containers/prune", filters)
    return _pruned(report, "ContainersDeleted", "Deleted Containers:")


def prune_images(invocation: "Invocation", filters: "Filters", *, every: bool) -> "Pruned":
    """Remove those without a name, or with ``every`` all that no container uses."""
    dangling = "false" if every else "true"
    report = _post(
        invocation, "/images/prune", {**filters, "dangling": [*filters.get("dangling", ()), dangling]}
    )
    deleted = report.get("ImagesDeleted") or []
    if not deleted:
        return 0, ""
    lines = [
        f"untagged: {item['Untagged']}" if item.get("Untagged") else f"deleted: {item.get('Deleted', '')}"
        for item in deleted
    ]
    return report.get("SpaceReclaimed") or 0, _text("Deleted Images:", lines)


def prune_networks(invocation: "Invocation", filters: "Filters") -> "Pruned":
    """Remove those that no container is in; they take no space."""
    report = _post(invocation, "/networks/prune", filters)
    return 0, _pruned(report, "NetworksDeleted", "Deleted Networks:")[1]


def prune_volumes(invocation: "Invocation", filters: "Filters") -> "Pruned":
    """Remove those that no container uses: unnamed ones, unless ``filters`` ask for all."""
    report = _post(invocation, "/volumes/prune", filters)
    return _pruned(report, "VolumesDeleted", "Deleted Volumes:")


def volume_filters(invocation: "Invocation", filters: "Filters", *, every: bool) -> "tuple[Filters, bool]":
    """The filters that ``--all`` stands for, and whether volumes with a name will go too.

    Raises CommandError when all were asked for in two ways.
    """
    if not invocation.client.supports("1.42"):  # older engines always remove all
        return filters, True
    if not every:
        return filters, False
    if "all" in filters:
        raise CommandError("conflicting options: cannot specify both --all and --filter all=1")
    return {**filters, "all": ["true"]}, True


def prune_build_cache(
    invocation: "Invocation", filters: "Filters", *, every: bool, keep_bytes: int = 0
) -> "Pruned":
    """Remove what no build uses, or with ``every`` all of it; stop when ``keep_bytes`` are left."""
    query = [("filters", filter_text(filters))]
    if keep_bytes:
        query += [("keep-storage", str(keep_bytes)), ("reserved-space", str(keep_bytes))]
    if every:
        query.append(("all", "1"))
    report = invocation.client.post("/build/prune", query) or {}
    deleted = report.get("CachesDeleted") or []
    text = _text("Deleted build cache objects:", deleted) if deleted else ""
    return report.get("SpaceReclaimed") or 0, text


def _post(invocation: "Invocation", path: str, filters: "Filters") -> "dict[str, Any]":
    return invocation.client.post(path, filter_query(filters)) or {}


def _pruned(report: "dict[str, Any]", member: str, heading: str) -> "Pruned":
    deleted = report.get(member) or []
    return (report.get("SpaceReclaimed") or 0, _text(heading, deleted)) if deleted else (0, "")


def _text(heading: str, lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in (heading, *lines))

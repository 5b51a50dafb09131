"""``scow buildx prune``."""

from scow.cli.builders import Builders
from scow.cli.building.cache_records import table, whole
from scow.cli.building.engine_facts import TIMEOUT
from scow.cli.building.flags import BYTES
from scow.cli.command import Command, no_arguments
from scow.cli.commands.imagetools.create import BUILDER
from scow.cli.flags import BOOL, FILTER, Flag
from scow.cli.listing import filter_text
from scow.cli.pruning import confirmed
from scow.cli.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_LIMITS = ("reserved-space", "max-used-space", "min-free-space")


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Removes what no build uses from the caches of all nodes, as far as filters and limits say."""
    warning = "all build cache." if flags["all"] else "all dangling build cache."
    if not confirmed(invocation, force=flags["force"], warning=warning):
        return
    gone: list[dict[str, Any]] = []
    reclaimed_bytes = 0
    for _, client in Builders(invocation).clients(flags["builder"]):
        usage = client.get("/system/df", [("type", "build-cache")]) or {}
        known = {record["ID"]: record for record in usage.get("BuildCache") or ()}
        report = client.post("/build/prune", _query(flags)) or {}
        gone += [known[it] for it in report.get("CachesDeleted") or () if it in known]
        reclaimed_bytes += report.get("SpaceReclaimed") or 0
    if flags["verbose"]:
        invocation.out.write("".join(map(whole, gone)))
    elif gone:
        invocation.out.write(table(gone))
    invocation.out.write(f"Total:\t{human_size(reclaimed_bytes)}\n")


def _query(flags: "Flags") -> list[tuple[str, str]]:
    query = [("filters", filter_text(flags["filter"]))] if flags["filter"] else []
    limits = {name: flags[name] for name in _LIMITS if flags[name]}
    if flags["keep-storage"]:
        limits["keep-storage"] = flags["keep-storage"]
        limits.setdefault("reserved-space", flags["keep-storage"])
    query += [(name, str(value)) for name, value in limits.items()]
    return query + ([("all", "1")] if flags["all"] else [])


COMMAND = Command(
    run,
    "",
    "Remove build cache",
    flags=(
        Flag("all", BOOL, "Include internal/frontend images", short="a"),
        Flag("filter", FILTER, 'Provide filter values (e.g., "until=24h")'),
        Flag("force", BOOL, "Do not prompt for confirmation", short="f"),
        Flag("keep-storage", BYTES, "Amount of disk space to keep for cache"),
        Flag("max-used-space", BYTES, "Maximum amount of disk space allowed to keep for cache"),
        Flag("min-free-space", BYTES, "Target amount of free disk space after pruning"),
        Flag("reserved-space", BYTES, "Amount of disk space always allowed to keep for cache"),
        Flag("verbose", BOOL, "Provide a more verbose output"),
        BUILDER,
        TIMEOUT,  # no status is loaded
    ),
    arguments=no_arguments,
)

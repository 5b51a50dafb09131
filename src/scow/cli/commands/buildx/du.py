"""``scow buildx du``."""

from scow.cli.builders import Builders
from scow.cli.building.cache_records import chosen, sums, table, whole
from scow.cli.building.engine_facts import TIMEOUT
from scow.cli.command import Command, no_arguments
from scow.cli.commands.imagetools.create import BUILDER
from scow.cli.flags import BOOL, FILTER, STRING, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_HEADERS = {
    "ID": "ID",
    "Parents": "PARENTS",
    "CreatedAt": "CREATED AT",
    "Mutable": "MUTABLE",
    "Reclaimable": "RECLAIMABLE",
    "Shared": "SHARED",
    "Size": "SIZE",
    "Description": "DESCRIPTION",
    "UsageCount": "USAGE COUNT",
    "LastUsedAt": "LAST USED AT",
    "Type": "TYPE",
}


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Shows what is in the build caches of a builder's nodes."""
    found: list[dict[str, Any]] = []
    for _, client in Builders(invocation).clients(flags["builder"]):
        usage = client.get("/system/df", [("type", "build-cache")]) or {}
        found += usage.get("BuildCache") or []
    records = chosen(found, flags["filter"])
    if flags["format"]:
        _print_by_template(invocation, records, flags["format"])
        return
    if flags["verbose"]:
        invocation.out.write("".join(map(whole, records)))
    else:
        invocation.out.write(table(records))
    if not flags["filter"]:
        invocation.out.write(sums(records))


def _print_by_template(invocation: "Invocation", records: "list[dict[str, Any]]", template: str) -> None:
    from scow.cli.building.cache_records import is_mutable
    from scow.cli.table import render_rows
    from scow.cli.templates.values import Adapter
    from scow.cli.units import human_size

    rows = [
        Adapter(
            "*formatter.duContext",
            {
                "ID": it["ID"],
                "Parents": ",".join(it.get("Parents") or ()),
                "CreatedAt": it.get("CreatedAt", ""),
                "Mutable": "true" if is_mutable(it) else "false",
                "Reclaimable": "false" if it.get("InUse") else "true",
                "Shared": "true" if it.get("Shared") else "false",
                "Size": human_size(it["Size"]),
                "Description": it.get("Description", ""),
                "UsageCount": str(it.get("UsageCount", 0)),
                "LastUsedAt": it.get("LastUsedAt") or "",
                "Type": it.get("Type", ""),
            },
        )
        for it in records
    ]
    invocation.out.write(render_rows(template, rows, _HEADERS))


COMMAND = Command(
    run,
    "",
    "Disk usage",
    flags=(
        Flag("filter", FILTER, "Provide filter values"),
        Flag("format", STRING, "Format the output"),
        Flag("verbose", BOOL, "Provide a more verbose output"),
        BUILDER,
        TIMEOUT,  # no status is loaded
    ),
    arguments=no_arguments,
)

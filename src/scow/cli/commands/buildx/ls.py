"""``scow buildx ls``."""

from scow.cli.builder_nodes import fixed_platforms
from scow.cli.builders import OWN_DRIVER, Builder, Builders
from scow.cli.building.engine_facts import TIMEOUT, EngineFacts, facts_of_nodes
from scow.cli.command import Command, no_arguments
from scow.cli.flags import BOOL, STRING, Flag
from scow.cli.table import render_rows
from scow.cli.templates.values import Adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_HEADERS = {
    "Name": "NAME/NODE",
    "DriverEndpoint": "DRIVER/ENDPOINT",
    "Status": "STATUS",
    "Buildkit": "BUILDKIT",
    "Platforms": "PLATFORMS",
    "LastActivity": "LAST ACTIVITY",
    "Error": "ERROR",
}
_TABLE = "table {{.Name}}\t{{.DriverEndpoint}}\t{{.Status}}\t{{.Buildkit}}\t{{.Platforms}}"


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Lists builders, each with its nodes; what cannot be reached says so. Nothing is ever cut short."""
    builders = Builders(invocation)
    current = builders.chosen("").name
    template = flags["format"]
    shown = builders.all()
    if template == "json":
        _print_json(invocation, builders, shown, flags["timeout"])
        return
    is_table = template in ("", "table")
    rows = [
        row
        for builder in shown
        for row in _rows(builders, builder, current, flags["timeout"], is_table=is_table)
    ]
    invocation.out.write(render_rows(_TABLE if is_table else template, rows, _HEADERS))


def _rows(
    builders: Builders, builder: Builder, current: str, timeout_ns: int, *, is_table: bool
) -> list[Adapter]:
    mark = "*" if is_table and builder.name == current else ""
    activity = builders.last_activity(builder)
    rows = [_row(builder.name + mark, builder.driver, "", "", "", activity)]
    for node, facts in facts_of_nodes(builders, builder, timeout_ns):
        name = f" \\_ {node['Name']}" if is_table else node["Name"]
        place = f" \\_ {node['Endpoint']}" if is_table else node["Endpoint"]
        rows.append(_row(name, place, facts.status, facts.version, _platforms(node, facts), ""))
    return rows


def _row(name: str, place: str, status: str, version: str, platforms: str, activity: str) -> Adapter:
    return Adapter(
        "*formatter.lsContext",
        {
            "Name": name,
            "DriverEndpoint": place,
            "Status": status,
            "Buildkit": version,
            "Platforms": platforms,
            "LastActivity": activity,
            "Error": "",
        },
    )


def _platforms(node: "dict[str, Any]", facts: EngineFacts) -> str:
    """Those that the node is fixed to, marked, before the others."""
    return ", ".join([f"{it}*" for it in fixed_platforms(node)] + facts.platforms)


def _print_json(invocation: "Invocation", builders: Builders, shown: list[Builder], timeout_ns: int) -> None:
    import json

    for builder in shown:
        document: dict[str, Any] = {"Name": builder.name, "Driver": builder.driver}
        if activity := builders.last_activity(builder):
            document["LastActivity"] = activity
        document |= {"Dynamic": False, "Nodes": []}
        for node, facts in facts_of_nodes(builders, builder, timeout_ns):
            found = {"Name": node["Name"], "Endpoint": node["Endpoint"], "Status": facts.status}
            if builder.driver != OWN_DRIVER:
                found |= {"Flags": node.get("Flags") or [], "DriverOpts": node.get("DriverOpts") or {}}
            if facts.version:
                found["Version"] = facts.version
            platforms = fixed_platforms(node) + facts.platforms
            document["Nodes"].append(found | ({"Platforms": platforms} if platforms else {}))
        invocation.out.line(json.dumps(document, separators=(",", ":")))


COMMAND = Command(
    run,
    "",
    "List builder instances",
    flags=(
        Flag("format", STRING, "Format the output", default="table"),
        Flag("no-trunc", BOOL, "Don't truncate output"),
        TIMEOUT,
    ),
    arguments=no_arguments,
)

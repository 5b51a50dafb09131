"""``scow volume ls``."""

from scow.cli.command import Command, no_arguments
from scow.cli.flags import BOOL, FILTER, STRING, Flag
from scow.cli.listing import (
    FORMAT_HELP,
    chosen_format,
    filter_query,
    label_method,
    label_text,
    natural_key,
    print_column,
    print_columns,
    print_rows,
)
from scow.cli.template_values import Adapter
from scow.cli.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_GO_TYPE = "*formatter.volumeContext"
_HEADERS = {
    "Name": "VOLUME NAME",
    "Group": "GROUP",
    "Driver": "DRIVER",
    "Scope": "SCOPE",
    "Availability": "AVAILABILITY",
    "Mountpoint": "MOUNTPOINT",
    "Labels": "LABELS",
    "Links": "LINKS",
    "Size": "SIZE",
    "Status": "STATUS",
}
_NOT_AVAILABLE = "N/A"


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Lists volumes by name."""
    volumes = invocation.client.get("/volumes", filter_query(flags["filter"]))["Volumes"] or []
    if flags["cluster"]:
        volumes = [volume for volume in volumes if volume.get("ClusterVolume")]
    rows = [_row(volume) for volume in sorted(volumes, key=lambda volume: natural_key(volume["Name"]))]
    template = "" if flags["cluster"] else chosen_format(invocation, flags, "volumesFormat")
    if template == "raw":
        raw = "name: {{.Name}}" if flags["quiet"] else "name: {{.Name}}\ndriver: {{.Driver}}\n"
        print_rows(invocation, rows, _HEADERS, raw)
    elif template:
        print_rows(invocation, rows, _HEADERS, template)
    elif flags["quiet"]:
        print_column(invocation, rows, "Name")
    elif flags["cluster"]:
        columns = ("Name", "Group", "Driver", "Availability", "Status")
        print_columns(invocation, rows, _HEADERS, columns)
    else:
        print_columns(invocation, rows, _HEADERS, ("Driver", "Name"))


def _row(volume: "dict[str, Any]") -> Adapter:
    usage = volume.get("UsageData")
    return Adapter(
        _GO_TYPE,
        {
            "Name": volume["Name"],
            "Driver": volume["Driver"],
            "Scope": volume["Scope"],
            "Mountpoint": volume["Mountpoint"],
            "Labels": lambda: label_text(volume.get("Labels")),
            "Links": str(usage["RefCount"]) if usage else _NOT_AVAILABLE,
            "Size": human_size(usage["Size"]) if usage else _NOT_AVAILABLE,
            "Group": _NOT_AVAILABLE,
            "Availability": _NOT_AVAILABLE,
            "Status": _NOT_AVAILABLE,
        },
        label_method(volume.get("Labels")),
    )


COMMAND = Command(
    run,
    "[OPTIONS]",
    "List volumes",
    flags=(
        Flag("quiet", BOOL, "Only display volume names", short="q"),
        Flag("format", STRING, FORMAT_HELP),
        Flag("filter", FILTER, 'Provide filter values (e.g. "dangling=true")', short="f"),
        Flag(
            "cluster",
            BOOL,
            "Display only cluster volumes, and use cluster volume list formatting",
            since="1.42",
        ),
    ),
    arguments=no_arguments,
    spellings=("volume ls", "volume list"),
)

"""``scow volume ls``."""

from scow.cli.command import Command, no_arguments
from scow.cli.flags import BOOL, FILTER, STRING, Flag
from scow.cli.listing import (
    FORMAT_HELP,
    Layout,
    chosen_format,
    filter_query,
    label_method,
    label_text,
    natural_key,
    print_listing,
)
from scow.cli.templates.values import Adapter
from scow.cli.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_GO_TYPE = "*formatter.volumeContext"
HEADERS = {
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
RAW = "name: {{.Name}}\ndriver: {{.Driver}}\n"
_LAYOUT = Layout(
    HEADERS,
    ("Driver", "Name"),
    quiet="Name",
    raw=RAW,
    raw_quiet="name: {{.Name}}",
)
_CLUSTER_LAYOUT = Layout(HEADERS, ("Name", "Group", "Driver", "Availability", "Status"), quiet="Name")
_NOT_AVAILABLE = "N/A"


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Lists volumes by name."""
    volumes = invocation.client.get("/volumes", filter_query(flags["filter"]))["Volumes"] or []
    if flags["cluster"]:
        volumes = [volume for volume in volumes if volume.get("ClusterVolume")]
    rows = [volume_row(volume) for volume in sorted(volumes, key=lambda volume: natural_key(volume["Name"]))]
    layout, template = _LAYOUT, chosen_format(invocation, flags, "volumesFormat")
    if flags["cluster"]:
        layout, template = _CLUSTER_LAYOUT, ""
    print_listing(invocation, rows, layout, template, quiet=flags["quiet"])


def volume_row(volume: "dict[str, Any]") -> Adapter:
    """The columns of one volume; how many use it and its size only where the engine was asked for them."""
    usage = volume.get("UsageData")
    return Adapter(
        _GO_TYPE,
        {
            "Name": volume["Name"],
            "Driver": volume["Driver"],
            "Scope": volume.get("Scope") or "",
            "Mountpoint": volume.get("Mountpoint") or "",
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

"""``scow network ls``."""

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
from scow.cli.units import truncate_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_GO_TYPE = "*network.networkContext"
_LAYOUT = Layout(
    {
        "ID": "NETWORK ID",
        "Name": "NAME",
        "Driver": "DRIVER",
        "Scope": "SCOPE",
        "IPv4": "IPV4",
        "IPv6": "IPV6",
        "Internal": "INTERNAL",
        "Labels": "LABELS",
        "CreatedAt": "CREATED AT",
    },
    ("ID", "Name", "Driver", "Scope"),
    raw="network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n",
    raw_quiet="network_id: {{.ID}}",
)


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Lists networks by name."""
    networks = invocation.client.get("/networks", filter_query(flags["filter"])) or []
    networks.sort(key=lambda network: natural_key(network["Name"]))
    rows = [_row(network, truncate=not flags["no-trunc"]) for network in networks]
    template = chosen_format(invocation, flags, "networksFormat")
    print_listing(invocation, rows, _LAYOUT, template, quiet=flags["quiet"])


def _row(network: "dict[str, Any]", *, truncate: bool) -> Adapter:
    return Adapter(
        _GO_TYPE,
        {
            "ID": truncate_id(network["Id"]) if truncate else network["Id"],
            "Name": network["Name"],
            "Driver": network["Driver"],
            "Scope": network["Scope"],
            "IPv4": _bool(network.get("EnableIPv4", False)),
            "IPv6": _bool(network.get("EnableIPv6", False)),
            "Internal": _bool(network.get("Internal", False)),
            "Labels": lambda: label_text(network.get("Labels")),
            "CreatedAt": lambda: _created_at(network),
        },
        label_method(network.get("Labels")),
    )


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _created_at(network: "dict[str, Any]") -> str:
    """Go's text of the time, which only the table of types knows."""
    from scow.cli.inspect_types import inspect_value
    from scow.cli.templates.printing import format_value

    return format_value(inspect_value("network", network).get("Created"))


COMMAND = Command(
    run,
    "[OPTIONS]",
    "List networks",
    flags=(
        Flag("quiet", BOOL, "Only display network IDs", short="q"),
        Flag("no-trunc", BOOL, "Do not truncate the output"),
        Flag("format", STRING, FORMAT_HELP),
        Flag("filter", FILTER, 'Provide filter values (e.g. "driver=bridge")', short="f"),
    ),
    arguments=no_arguments,
    spellings=("network ls", "network list"),
)

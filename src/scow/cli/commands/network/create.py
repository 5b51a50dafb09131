"""``scow network create``."""

from scow.cli.command import Command, exactly
from scow.cli.flags import BOOL, STRING, STRINGS, Flag, list_of, map_of
from scow.cli.options.environment import pairs, validate_label

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Makes a network and prints its id."""
    body = create_body(flags)
    if not invocation.client.supports("1.44"):
        body["CheckDuplicate"] = True  # older engines make a second network of that name otherwise
    invocation.out.line(invocation.client.post("/networks/create", body=body)["Id"])


def create_body(flags: "Flags") -> "dict[str, Any]":
    """The body of ``POST /networks/create``. Raises InvalidArgumentError for addresses that do not fit."""
    from scow.cli.options.subnets import ipam_config

    body: dict[str, Any] = {
        "Name": flags.arguments[0],
        "Driver": flags["driver"],
        "Scope": flags["scope"],
        "IPAM": {
            "Driver": flags["ipam-driver"],
            "Options": flags["ipam-opt"],
            "Config": ipam_config(flags["subnet"], flags["ip-range"], flags["gateway"], flags["aux-address"]),
        },
        "Internal": flags["internal"],
        "Attachable": flags["attachable"],
        "Ingress": flags["ingress"],
        "ConfigOnly": flags["config-only"],
        "ConfigFrom": {"Network": flags["config-from"]} if flags["config-from"] else None,
        "Options": flags["opt"],
        "Labels": pairs(flags["label"]),
    }
    for name, member in (("ipv4", "EnableIPv4"), ("ipv6", "EnableIPv6")):
        if name in flags.changed:
            body[member] = flags[name]
    return body


COMMAND = Command(
    run,
    "[OPTIONS] NETWORK",
    "Create a network",
    flags=(
        Flag("driver", STRING, "Driver to manage the Network", short="d", default="bridge"),
        Flag("opt", map_of(), "Set driver specific options", short="o"),
        Flag("label", list_of(validate_label), "Set metadata on a network"),
        Flag("internal", BOOL, "Restrict external access to the network"),
        Flag("ipv4", BOOL, "Enable or disable IPv4 address assignment", default=True),
        Flag("ipv6", BOOL, "Enable or disable IPv6 address assignment"),
        Flag("attachable", BOOL, "Enable manual container attachment", since="1.25"),
        Flag("ingress", BOOL, "Create swarm routing-mesh network", since="1.29"),
        Flag("scope", STRING, "Control the network's scope", since="1.30"),
        Flag("config-only", BOOL, "Create a configuration only network", since="1.30"),
        Flag("config-from", STRING, "The network from which to copy the configuration", since="1.30"),
        Flag("ipam-driver", STRING, "IP Address Management Driver", default="default"),
        Flag("subnet", STRINGS, "Subnet in CIDR format that represents a network segment"),
        Flag("ip-range", STRINGS, "Allocate container ip from a sub-range"),
        Flag("gateway", STRINGS, "IPv4 or IPv6 Gateway for the master subnet"),
        Flag("aux-address", map_of(), "Auxiliary IPv4 or IPv6 addresses used by Network driver"),
        Flag("ipam-opt", map_of(), "Set IPAM driver specific options"),
    ),
    arguments=exactly(1),
)

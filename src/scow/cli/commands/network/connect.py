"""``scow network connect``."""

from scow.api.client.client import object_path
from scow.cli.command import Command, exactly
from scow.cli.flags import INT, STRING, STRINGS, Flag, list_of
from scow.cli.options.addresses import validate_link
from scow.cli.options.networks import NOTHING_YET
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Gives a container another endpoint; prints nothing."""
    network, container = flags.arguments
    options = driver_options(flags["driver-opt"])
    path = object_path("network", network, "connect")
    if not container.strip():
        raise InvalidArgumentError("invalid container name or ID: value is empty")
    body = {"Container": container.strip(), "EndpointConfig": _endpoint(flags, options)}
    invocation.client.post(path, body=body)


def driver_options(texts: list[str]) -> dict[str, str]:
    """``key=value`` texts. Raises InvalidArgumentError."""
    options = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise InvalidArgumentError("invalid key/value pair format in driver options")
        options[name.strip()] = value.strip()
    return options


def _endpoint(flags: "Flags", options: dict[str, str]) -> "dict[str, Any]":
    addresses = {
        "IPv4Address": flags["ip"],
        "IPv6Address": flags["ip6"],
        "LinkLocalIPs": flags["link-local-ip"],
    }
    return {
        "IPAMConfig": {key: value for key, value in addresses.items() if value},
        "Links": flags["link"] or None,
        "Aliases": flags["alias"],
        "MacAddress": "",
        "DriverOpts": options,
        "GwPriority": flags["gw-priority"],
        **NOTHING_YET,
    }


COMMAND = Command(
    run,
    "[OPTIONS] NETWORK CONTAINER",
    "Connect a container to a network",
    flags=(
        Flag("ip", STRING, 'IPv4 address (e.g., "172.30.100.104")'),
        Flag("ip6", STRING, 'IPv6 address (e.g., "2001:db8::33")'),
        Flag("link", list_of(validate_link), "Add link to another container"),
        Flag("alias", STRINGS, "Add network-scoped alias for the container"),
        Flag("link-local-ip", STRINGS, "Add a link-local address for the container"),
        Flag("driver-opt", STRINGS, "driver options for the network"),
        Flag(
            "gw-priority",
            INT,
            "Highest gw-priority provides the default gateway. Accepts positive and negative values.",
        ),
    ),
    arguments=exactly(2),
)

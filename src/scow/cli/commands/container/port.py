"""``scow port``."""

from scow.api.client.client import object_path
from scow.cli.command import Command, between
from scow.cli.exits import CommandError
from scow.cli.go_values import parse_uint
from scow.cli.listing import natural_key
from scow.cli.port_text import join_host_port
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Lists where the ports of a container are published, or where one of them is."""
    name, *wanted = flags.arguments
    container = invocation.client.get(object_path("container", name, "json"))
    ports: dict[str, list[dict[str, Any]] | None] = (container.get("NetworkSettings") or {}).get(
        "Ports"
    ) or {}
    if wanted:
        bindings = ports.get(_normal_port(wanted[0]))
        if not bindings:
            raise CommandError(f"Error: No public port '{wanted[0]}' published for {name}")
        lines = [_address(binding) for binding in bindings]
    else:
        lines = [f"{port} -> {_address(binding)}" for port, found in ports.items() for binding in found or ()]
    invocation.out.write("".join(f"{line}\n" for line in sorted(lines, key=natural_key)))


def _normal_port(text: str) -> str:
    port, _, protocol = text.partition("/")
    try:
        parse_uint(port, 16)
    except InvalidArgumentError as exc:
        raise CommandError(f"Error: invalid port ({port}): {exc.message}") from exc
    return f"{port}/{protocol or 'tcp'}"


def _address(binding: "dict[str, Any]") -> str:
    return join_host_port(binding.get("HostIp") or "", binding.get("HostPort") or "")


COMMAND = Command(
    run,
    "CONTAINER [PRIVATE_PORT[/PROTO]]",
    "List port mappings or a specific mapping for the container",
    arguments=between(1, 2),
    spellings=("container port", "port"),
)

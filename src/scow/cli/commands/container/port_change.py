"""``scow port add`` and ``scow port rm``: ports of a container that is there."""

from scow.api.client.client import object_path
from scow.cli.command import Command, at_least
from scow.cli.flags import STRINGS, Flag
from scow.cli.options.ports import publish
from scow.cli.port_text import join_host_port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def add(invocation: "Invocation", flags: "Flags") -> None:
    """Publishes ports and prints where."""
    container, *specs = flags.arguments
    _exposed, bindings = publish(specs, [])
    body = {"PortBindings": bindings, "Allow": flags["allow"]}
    _tell(invocation, _post(invocation, container, "publish", body))


def remove(invocation: "Invocation", flags: "Flags") -> None:
    """Withdraws ports and prints which."""
    container, *specs = flags.arguments
    _exposed, bindings = publish(specs, [])
    _tell(invocation, _post(invocation, container, "withdraw", {"PortBindings": bindings}))


def _post(
    invocation: "Invocation", container: str, verb: str, body: "dict[str, object]"
) -> "dict[str, list[dict[str, str]]]":
    path = "/scow" + object_path("container", container, f"ports/{verb}")
    answer = invocation.client.post(path, body=body) or {}
    found: dict[str, list[dict[str, str]]] = answer.get("Ports") or {}
    return found


def _tell(invocation: "Invocation", ports: "dict[str, list[dict[str, str]]]") -> None:
    for port, bindings in ports.items():
        for binding in bindings:
            where = join_host_port(binding.get("HostIp") or "", binding.get("HostPort") or "")
            invocation.out.write(f"{port} -> {where}\n")


ADD = Command(
    add,
    "[OPTIONS] CONTAINER [IP:]HOST_PORT:PORT[/PROTO]...",
    "Publish further ports of a container",
    flags=(Flag("allow", STRINGS, "Networks that may use the ports (CIDR); everybody without"),),
    arguments=at_least(2),
    spellings=("port add",),
)
REMOVE = Command(
    remove,
    "CONTAINER [[IP:]HOST_PORT:]PORT[/PROTO]...",
    "Withdraw published ports of a container",
    arguments=at_least(2),
    spellings=("port rm",),
)

"""``scow system check``."""

from scow.cli.command import Command, no_arguments
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, Flag
from scow.cli.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Tells what is not whole in the engine's data; fails if anything is left so."""
    query = [("repair", "1")] if flags["repair"] else []
    problems = left = 0
    with invocation.client.request("POST", "/system/check", query) as response:
        for item in response.values():
            if "error" in item:
                raise CommandError(str(item["error"]))
            if "Kind" not in item:
                _print_summary(invocation, item, problems, left)
                continue
            problems += 1
            left += not item["Repaired"]
            state = "repaired" if item["Repaired"] else "found"
            invocation.out.line(f"{state}: {item['Kind']} {item['Subject']}: {item['Detail']}")
    if left:
        hint = "" if flags["repair"] else "; 'scow system check --repair' removes what is not whole"
        raise CommandError(f"{left} {'problem' if left == 1 else 'problems'} left{hint}")


def _print_summary(invocation: "Invocation", item: "dict[str, Any]", problems: int, left: int) -> None:
    looked = f"{item['Images']} images, {item['Layers']} layers ({human_size(item['Size'])}), "
    looked += f"{item['Containers']} containers"
    outcome = f"{problems} problems, {problems - left} repaired" if problems else "all whole"
    invocation.out.line(f"Checked {looked}: {outcome}")


COMMAND = Command(
    run,
    "[OPTIONS]",
    "Look whether images, layers and records are whole",
    flags=(Flag("repair", BOOL, "Remove what is not whole, and what nobody needs"),),
    arguments=no_arguments,
)

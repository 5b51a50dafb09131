"""``scow diff``."""

from scow.api.client.client import object_path
from scow.cli.command import Command, exactly
from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_KINDS = ("C", "A", "D")
"""Changed, added, deleted: by the number that the API has for each."""


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Lists what a container changed in its image's files."""
    name = flags.arguments[0]
    if not name:
        raise CommandError("Container name cannot be empty")
    changes = invocation.client.get(object_path("container", name, "changes")) or []
    invocation.out.write("".join(f"{_KINDS[change['Kind']]} {change['Path']}\n" for change in changes))


COMMAND = Command(
    run,
    "CONTAINER",
    "Inspect changes to files or directories on a container's filesystem",
    arguments=exactly(1),
    spellings=("container diff", "diff"),
)

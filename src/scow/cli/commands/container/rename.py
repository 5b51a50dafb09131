"""``scow rename``."""

from scow.api.client.client import object_path
from scow.cli.command import Command, exactly
from scow.cli.exits import CommandError
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Gives a container another name; prints nothing."""
    old, new = (name.strip() for name in flags.arguments)
    if not old or not new:
        raise CommandError("Error: Neither old nor new names may be empty")
    try:
        invocation.client.post(object_path("container", old, "rename"), [("name", new)])
    except ScowError as exc:
        raise CommandError(f"{exc.message}\nError: failed to rename container named {old}") from exc


COMMAND = Command(
    run,
    "CONTAINER NEW_NAME",
    "Rename a container",
    arguments=exactly(2),
    spellings=("container rename", "rename"),
)

"""``scow checkpoint create``, ``ls`` and ``rm``."""

from scow.api.client.client import object_path
from scow.cli.command import Command, exactly
from scow.cli.flags import BOOL, STRING, Flag
from scow.cli.listing import print_columns
from scow.cli.templates.values import Adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def create(invocation: "Invocation", flags: "Flags") -> None:
    """Saves the state of a running container, which ends there unless it is left running."""
    container, checkpoint = flags.arguments
    body = {
        "CheckpointID": checkpoint,
        "CheckpointDir": flags["checkpoint-dir"],
        "Exit": not flags["leave-running"],
    }
    invocation.client.post(object_path("container", container, "checkpoints"), body=body)
    invocation.out.line(checkpoint)


def ls(invocation: "Invocation", flags: "Flags") -> None:
    """Lists the checkpoints of a container."""
    path = object_path("container", flags.arguments[0], "checkpoints")
    found = invocation.client.get(path, _directory(flags)) or []
    rows = [Adapter("*checkpoint.checkpointContext", {"Name": item["Name"]}) for item in found]
    print_columns(invocation, rows, {"Name": "CHECKPOINT NAME"}, ("Name",))


def rm(invocation: "Invocation", flags: "Flags") -> None:
    """Removes a checkpoint; prints nothing."""
    container, checkpoint = flags.arguments
    path = object_path("container", container, "checkpoints", checkpoint)
    invocation.client.delete(path, _directory(flags))


def _directory(flags: "Flags") -> list[tuple[str, str]]:
    return [("dir", flags["checkpoint-dir"])] if flags["checkpoint-dir"] else []


_DIRECTORY = Flag("checkpoint-dir", STRING, "Use a custom checkpoint storage directory")

CREATE = Command(
    create,
    "[OPTIONS] CONTAINER CHECKPOINT",
    "Create a checkpoint from a running container",
    flags=(Flag("leave-running", BOOL, "Leave the container running after checkpoint"), _DIRECTORY),
    arguments=exactly(2),
    experimental=True,
)
LS = Command(
    ls,
    "[OPTIONS] CONTAINER",
    "List checkpoints for a container",
    flags=(_DIRECTORY,),
    arguments=exactly(1),
    spellings=("checkpoint ls", "checkpoint list"),
    experimental=True,
)
RM = Command(
    rm,
    "[OPTIONS] CONTAINER CHECKPOINT",
    "Remove a checkpoint",
    flags=(_DIRECTORY,),
    arguments=exactly(2),
    spellings=("checkpoint rm", "checkpoint remove"),
    experimental=True,
)

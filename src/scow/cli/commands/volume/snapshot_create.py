"""``scow volume snapshot create``."""

from scow.cli.command import Command, between
from scow.cli.options.environment import pairs
from scow.cli.options.volume_copies import LABEL, PAUSE, volume_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Keeps the data of a volume as it is now, and prints what it is called."""
    volume, *name = flags.arguments
    body = {"Name": name[0] if name else "", "Labels": pairs(flags["label"]), "Pause": flags["pause"]}
    made = invocation.client.post(volume_path(volume, "snapshots"), body=body)
    invocation.out.line(f"{made['Volume']}@{made['Name']}")


COMMAND = Command(
    run,
    "[OPTIONS] VOLUME [NAME]",
    "Keep the data of a volume as it is now",
    flags=(LABEL, PAUSE),
    arguments=between(1, 2),
)

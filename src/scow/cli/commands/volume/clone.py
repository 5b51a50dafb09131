"""``scow volume clone``."""

from scow.cli.command import Command, exactly
from scow.cli.options.environment import pairs
from scow.cli.options.volume_copies import LABEL, PAUSE, volume_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Makes a volume out of another or of a snapshot, and prints its name."""
    source, name = flags.arguments
    body = {"Name": name, "Labels": pairs(flags["label"]), "Pause": flags["pause"]}
    invocation.out.line(invocation.client.post(volume_path(source, "clone"), body=body)["Name"])


COMMAND = Command(
    run,
    "[OPTIONS] VOLUME[@SNAPSHOT] NEW_VOLUME",
    "Make a new volume with the data of a volume or of a snapshot",
    flags=(LABEL, PAUSE),
    arguments=exactly(2),
)

"""``scow volume rename``."""

from scow.cli.command import Command, exactly
from scow.cli.options.volume_copies import volume_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Gives a volume another name."""
    old, new = flags.arguments
    invocation.client.post(volume_path(old, "rename"), [("name", new)])


COMMAND = Command(
    run,
    "VOLUME NEW_NAME",
    "Rename a volume",
    long="Rename a volume. You cannot rename a volume that is in use by a container.",
    arguments=exactly(2),
)

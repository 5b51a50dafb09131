"""``scow volume snapshot restore``."""

from scow.cli.command import Command, exactly
from scow.cli.options.volume_copies import split_snapshot, volume_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Gives a volume the data that a snapshot has."""
    volume, snapshot = split_snapshot(flags.arguments[0])
    invocation.client.post(volume_path(volume, "restore"), [("snapshot", snapshot)])


COMMAND = Command(
    run,
    "VOLUME@SNAPSHOT",
    "Give a volume the data of one of its snapshots",
    long="Give a volume the data of one of its snapshots. No container that uses the volume may be running.",
    arguments=exactly(1),
)

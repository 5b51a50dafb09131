"""``scow volume snapshot rm``."""

from scow.cli.command import Command, at_least
from scow.cli.exits import join_errors
from scow.cli.options.volume_copies import split_snapshot, volume_path
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Removes snapshots one after the other."""
    errors = []
    for reference in flags.arguments:
        try:
            volume, snapshot = split_snapshot(reference)
            invocation.client.delete(volume_path(volume, "snapshots"), [("snapshot", snapshot)])
            invocation.out.line(reference)
        except ScowError as exc:
            errors.append(exc)
    join_errors(errors)


COMMAND = Command(
    run,
    "VOLUME@SNAPSHOT [VOLUME@SNAPSHOT...]",
    "Remove one or more snapshots",
    arguments=at_least(1),
)

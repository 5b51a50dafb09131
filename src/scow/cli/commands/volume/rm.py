"""``scow volume rm``."""

from scow.api.client.client import object_path
from scow.cli.command import Command, at_least
from scow.cli.exits import join_errors
from scow.cli.flags import BOOL, Flag
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Removes volumes one after the other."""
    query = [("force", "1")] if flags["force"] else []
    errors = []
    for name in flags.arguments:
        try:
            invocation.client.delete(object_path("volume", name), query)
            invocation.out.line(name)
        except ScowError as exc:
            errors.append(exc)
    join_errors(errors)


COMMAND = Command(
    run,
    "[OPTIONS] VOLUME [VOLUME...]",
    "Remove one or more volumes",
    long="Remove one or more volumes. You cannot remove a volume that is in use by a container.",
    flags=(Flag("force", BOOL, "Force the removal of one or more volumes", short="f", since="1.25"),),
    arguments=at_least(1),
    spellings=("volume rm", "volume remove"),
)

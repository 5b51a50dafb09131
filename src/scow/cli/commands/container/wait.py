"""``scow wait``."""

from scow.cli.command import Command, at_least
from scow.cli.exits import join_errors
from scow.cli.waiting import ExitWaiter
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Prints the exit status of each container once it is not running."""
    errors = []
    for name in flags.arguments:
        try:
            status, _ = ExitWaiter(invocation.client, name).result()
            invocation.out.line(status)
        except ScowError as exc:
            errors.append(exc)
    join_errors(errors)


COMMAND = Command(
    run,
    "CONTAINER [CONTAINER...]",
    "Block until one or more containers stop, then print their exit codes",
    arguments=at_least(1),
    spellings=("container wait", "wait"),
)

"""``scow restart``."""

from scow.api.client.client import object_path
from scow.cli.command import Command, at_least
from scow.cli.commands.container.stop import STOP_FLAGS, stop_query
from scow.cli.exits import join_errors
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Restarts containers one after the other: one may need another that was named before it."""
    errors = []
    for name in flags.arguments:
        try:
            query = stop_query(invocation.client, flags)
            invocation.client.post(object_path("container", name, "restart"), query)
            invocation.out.line(name)
        except ScowError as exc:
            errors.append(exc)
    join_errors(errors)


COMMAND = Command(
    run,
    "[OPTIONS] CONTAINER [CONTAINER...]",
    "Restart one or more containers",
    flags=STOP_FLAGS,
    arguments=at_least(1),
    spellings=("container restart", "restart"),
)

"""``scow rm``."""

from scow.api.client.client import object_path
from scow.api.client.errors import DaemonError
from scow.cli.command import Command, at_least
from scow.cli.each import for_each
from scow.cli.exits import join_errors
from scow.cli.flags import BOOL, Flag
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.api.client.client import Client
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_NOT_FOUND = 404


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Removes containers side by side; with force one that does not exist is no failure."""
    options = (("force", "force"), ("link", "link"), ("volumes", "v"))
    query = [(parameter, "1") for name, parameter in options if flags[name]]

    def act(client: "Client", name: str) -> None:
        name = name.strip("/")
        if not name:
            raise InvalidArgumentError("container name cannot be empty")
        client.delete(object_path("container", name), query)

    errors = []
    for name, error in for_each(invocation, flags.arguments, act):
        if error is None:
            invocation.out.line(name)
        elif flags["force"] and isinstance(error, DaemonError) and error.status == _NOT_FOUND:
            invocation.err.line(error)
        else:
            errors.append(error)
    join_errors(errors)


COMMAND = Command(
    run,
    "[OPTIONS] CONTAINER [CONTAINER...]",
    "Remove one or more containers",
    flags=(
        Flag("volumes", BOOL, "Remove anonymous volumes associated with the container", short="v"),
        Flag("link", BOOL, "Remove the specified link", short="l"),
        Flag("force", BOOL, "Force the removal of a running container (uses SIGKILL)", short="f"),
    ),
    arguments=at_least(1),
    spellings=("container rm", "container remove", "rm"),
)

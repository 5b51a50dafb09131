"""``scow create``."""

from scow.cli.command import Command, at_least
from scow.cli.creation import create_container, read_body
from scow.cli.options.container_flags import creation_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Prints the id of a container that is not running yet."""
    body = read_body(invocation, flags, "create")
    invocation.out.line(create_container(invocation, flags, body))


COMMAND = Command(
    run,
    "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    "Create a new container",
    # The stray bar is in Docker's help page.
    flags=creation_flags("creating", '"|missing"'),
    arguments=at_least(1),
    spellings=("container create", "create"),
    interspersed=False,
    own_help=True,
)

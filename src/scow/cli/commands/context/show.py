"""``scow context show``."""

from scow.cli.command import Command, no_arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Prints the name of the context in use."""
    invocation.out.line(invocation.context_name())


COMMAND = Command(run, "", "Print the name of the current context", arguments=no_arguments)

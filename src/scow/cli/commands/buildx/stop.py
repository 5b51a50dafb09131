"""``scow buildx stop``."""

from scow.cli.builders import Builders
from scow.cli.command import Command, at_most
from scow.cli.commands.imagetools.create import BUILDER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Nothing runs for a builder alone: it is an engine, which goes on, as with Docker's own driver."""
    Builders(invocation).chosen(flags.arguments[0] if flags.arguments else flags["builder"])


COMMAND = Command(run, "[NAME]", "Stop builder instance", flags=(BUILDER,), arguments=at_most(1))

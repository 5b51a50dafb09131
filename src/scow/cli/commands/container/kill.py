"""``scow kill``."""

from scow.api.client.client import object_path
from scow.cli.command import Command, at_least
from scow.cli.each import report_each
from scow.cli.flags import STRING, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.api.client.client import Client
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Sends a signal, SIGKILL if none is named."""
    query = [("signal", flags["signal"])] if flags["signal"] else []

    def act(client: "Client", name: str) -> None:
        client.post(object_path("container", name, "kill"), query)

    report_each(invocation, flags.arguments, act)


COMMAND = Command(
    run,
    "[OPTIONS] CONTAINER [CONTAINER...]",
    "Kill one or more running containers",
    flags=(Flag("signal", STRING, "Signal to send to the container", short="s"),),
    arguments=at_least(1),
    spellings=("container kill", "kill"),
)

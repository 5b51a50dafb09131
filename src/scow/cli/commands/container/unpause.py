"""``scow unpause``."""

from scow.api.client.client import object_path
from scow.cli.command import Command, at_least
from scow.cli.each import report_each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.api.client.client import Client
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Thaws containers, side by side."""

    def act(client: "Client", name: str) -> None:
        client.post(object_path("container", name, "unpause"))

    report_each(invocation, flags.arguments, act)


COMMAND = Command(
    run,
    "CONTAINER [CONTAINER...]",
    "Unpause all processes within one or more containers",
    arguments=at_least(1),
    spellings=("container unpause", "unpause"),
)

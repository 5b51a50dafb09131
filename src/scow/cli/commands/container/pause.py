"""``scow pause`` and ``scow unpause``."""

from scow.api.client.client import object_path
from scow.cli.command import Command, at_least
from scow.cli.each import report_each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.api.client.client import Client
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def pause(invocation: "Invocation", flags: "Flags") -> None:
    """Freezes containers, side by side."""
    _post_each(invocation, flags, "pause")


def unpause(invocation: "Invocation", flags: "Flags") -> None:
    """Lets containers go on, side by side."""
    _post_each(invocation, flags, "unpause")


def _post_each(invocation: "Invocation", flags: "Flags", verb: str) -> None:
    def act(client: "Client", name: str) -> None:
        client.post(object_path("container", name, verb))

    report_each(invocation, flags.arguments, act)


PAUSE = Command(
    pause,
    "CONTAINER [CONTAINER...]",
    "Pause all processes within one or more containers",
    arguments=at_least(1),
    spellings=("container pause", "pause"),
)
UNPAUSE = Command(
    unpause,
    "CONTAINER [CONTAINER...]",
    "Unpause all processes within one or more containers",
    arguments=at_least(1),
    spellings=("container unpause", "unpause"),
)

"""``scow network disconnect``."""

from scow.api.client.client import object_path
from scow.cli.command import Command, exactly
from scow.cli.flags import BOOL, Flag
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Takes a container's endpoint away; prints nothing."""
    network, container = flags.arguments
    path = object_path("network", network, "disconnect")
    if not container.strip():
        raise InvalidArgumentError("invalid container name or ID: value is empty")
    invocation.client.post(path, body={"Container": container.strip(), "Force": flags["force"]})


COMMAND = Command(
    run,
    "[OPTIONS] NETWORK CONTAINER",
    "Disconnect a container from a network",
    flags=(Flag("force", BOOL, "Force the container to disconnect from a network", short="f"),),
    arguments=exactly(2),
)

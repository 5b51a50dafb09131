"""``scow top``."""

from scow.api.client.client import object_path
from scow.cli.columns import align
from scow.cli.command import Command, at_least

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_MIN_WIDTH = 20


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Lists the processes of a container as the host's ps prints them."""
    name, *options = flags.arguments
    query = [("ps_args", " ".join(options))] if options else []
    answer = invocation.client.get(object_path("container", name, "top"), query)
    lines = ["\t".join(cells) + "\n" for cells in (answer["Titles"], *(answer["Processes"] or ()))]
    invocation.out.write(align(lines, min_width=_MIN_WIDTH))


COMMAND = Command(
    run,
    "CONTAINER [ps OPTIONS]",
    "Display the running processes of a container",
    arguments=at_least(1),
    spellings=("container top", "top"),
    interspersed=False,
)

"""``scow export``."""

from scow.api.client.client import object_path
from scow.cli.command import Command, exactly
from scow.cli.flags import STRING, Flag
from scow.cli.saving import save_answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.api.client.client import Response
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Writes a container's file system, without its volumes, as a tar archive."""

    def fetch() -> "Response":
        path = object_path("container", flags.arguments[0], "export")
        return invocation.client.request("GET", path)

    save_answer(invocation, flags["output"], "failed to export container", fetch)


COMMAND = Command(
    run,
    "[OPTIONS] CONTAINER",
    "Export a container's filesystem as a tar archive",
    flags=(Flag("output", STRING, "Write to a file, instead of STDOUT", short="o"),),
    arguments=exactly(1),
    spellings=("container export", "export"),
)

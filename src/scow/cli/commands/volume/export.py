"""``scow volume export``."""

from scow.cli.command import Command, exactly
from scow.cli.flags import STRING, Flag
from scow.cli.options.volume_copies import PAUSE, volume_path
from scow.cli.saving import save_answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.api.client.client import Response
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Writes the data of a volume or of a snapshot as a tar archive."""

    def fetch() -> "Response":
        path = volume_path(flags.arguments[0], "export")
        return invocation.client.request("GET", path, [("pause", "1" if flags["pause"] else "0")])

    save_answer(invocation, flags["output"], "failed to export volume", fetch)


COMMAND = Command(
    run,
    "[OPTIONS] VOLUME[@SNAPSHOT]",
    "Export a volume's data as a tar archive",
    flags=(Flag("output", STRING, "Write to a file, instead of STDOUT", short="o"), PAUSE),
    arguments=exactly(1),
)

"""``scow save``."""

from scow.cli.command import Command, at_least
from scow.cli.flags import STRING, Flag
from scow.cli.options.platforms import platform_query
from scow.cli.saving import save_answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.api.client.client import Response
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Writes images with all their names as one archive that ``load`` reads."""
    query = [("names", name) for name in flags.arguments] + platform_query(flags["platform"])

    def fetch() -> "Response":
        return invocation.client.request("GET", "/images/get", query)

    save_answer(invocation, flags["output"], "failed to save image", fetch)


COMMAND = Command(
    run,
    "[OPTIONS] IMAGE [IMAGE...]",
    "Save one or more images to a tar archive (streamed to STDOUT by default)",
    flags=(
        Flag("output", STRING, "Write to a file, instead of STDOUT", short="o"),
        Flag(
            "platform",
            STRING,
            'Save only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
            since="1.48",
        ),
    ),
    arguments=at_least(1),
    spellings=("image save", "save"),
)

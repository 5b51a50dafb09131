"""``scow image inspect``."""

from scow.api.client.client import object_path
from scow.cli.command import Command, at_least
from scow.cli.flags import STRING, Flag
from scow.cli.inspecting import inspect_each
from scow.cli.listing import INSPECT_FORMAT_HELP
from scow.cli.options.platforms import platform_query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Prints everything that the engine knows of images."""
    query = platform_query(flags["platform"])

    def fetch(ref: str) -> "tuple[str, dict[str, Any]]":
        return "image", invocation.client.get(object_path("image", ref, "json"), query)

    inspect_each(invocation, flags.arguments, flags["format"], fetch)


COMMAND = Command(
    run,
    "[OPTIONS] IMAGE [IMAGE...]",
    "Display detailed information on one or more images",
    flags=(
        Flag("format", STRING, INSPECT_FORMAT_HELP, short="f"),
        Flag(
            "platform",
            STRING,
            "Inspect a specific platform of the multi-platform image.\n"
            "If the image or the server is not multi-platform capable, the command will error out if the "
            "platform does not match.\n"
            "'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)",
            since="1.49",
        ),
    ),
    arguments=at_least(1),
)

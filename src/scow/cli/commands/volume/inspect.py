"""``scow volume inspect``."""

from scow.api.client.client import object_path
from scow.cli.command import Command, at_least
from scow.cli.flags import STRING, Flag
from scow.cli.inspecting import inspect_each
from scow.cli.listing import INSPECT_FORMAT_HELP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Prints everything that the engine knows of volumes."""

    def fetch(ref: str) -> "tuple[str, dict[str, Any]]":
        return "volume", invocation.client.get(object_path("volume", ref))

    inspect_each(invocation, flags.arguments, flags["format"], fetch, typed_only=True)


COMMAND = Command(
    run,
    "[OPTIONS] VOLUME [VOLUME...]",
    "Display detailed information on one or more volumes",
    flags=(Flag("format", STRING, INSPECT_FORMAT_HELP, short="f"),),
    arguments=at_least(1),
)

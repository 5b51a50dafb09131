"""``scow volume import``."""

import json

from scow.cli.command import Command, exactly
from scow.cli.commands.image.load import open_file, open_stdin
from scow.cli.flags import Flag, map_of
from scow.cli.options.environment import pairs
from scow.cli.options.volume_copies import LABEL, volume_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Makes a volume out of a tar archive, and prints its name."""
    source, name = flags.arguments
    query = [("labels", json.dumps(pairs(flags["label"]))), ("opts", json.dumps(flags["opt"]))]
    headers = {"Content-Type": "application/x-tar"}
    path = volume_path(name, "import")
    with (
        open_stdin() if source == "-" else open_file(source) as file,
        invocation.client.upload(path, query, file, headers) as response,
    ):
        invocation.out.line(response.json()["Name"])


COMMAND = Command(
    run,
    "[OPTIONS] file|- VOLUME",
    "Make a new volume out of a tar archive",
    flags=(LABEL, Flag("opt", map_of(), "Set driver specific options", short="o")),
    arguments=exactly(2),
)

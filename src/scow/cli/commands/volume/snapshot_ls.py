"""``scow volume snapshot ls``."""

from scow.cli.command import Command, exactly
from scow.cli.flags import BOOL, STRING, Flag
from scow.cli.listing import FORMAT_HELP, Layout, label_method, label_text, print_listing
from scow.cli.options.volume_copies import volume_path
from scow.cli.templates.values import Adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


HEADERS = {"Name": "SNAPSHOT", "CreatedAt": "CREATED AT", "Labels": "LABELS"}
_LAYOUT = Layout(HEADERS, ("Name", "CreatedAt"), quiet="Name")


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Lists the snapshots of a volume, the oldest first."""
    found = invocation.client.get(volume_path(flags.arguments[0], "snapshots"))
    rows = [
        Adapter(
            "*formatter.snapshotContext",
            {
                "Name": f"{snapshot['Volume']}@{snapshot['Name']}",
                "CreatedAt": snapshot["CreatedAt"],
                "Labels": label_text(snapshot["Labels"]),
            },
            label_method(snapshot["Labels"]),
        )
        for snapshot in found
    ]
    print_listing(invocation, rows, _LAYOUT, flags["format"], quiet=flags["quiet"])


COMMAND = Command(
    run,
    "[OPTIONS] VOLUME",
    "List the snapshots of a volume",
    flags=(
        Flag("quiet", BOOL, "Only display snapshot names", short="q"),
        Flag("format", STRING, FORMAT_HELP),
    ),
    arguments=exactly(1),
)

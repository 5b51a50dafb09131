"""``scow buildx history logs``."""

from scow.cli.command import Command, at_most
from scow.cli.commands.imagetools.create import BUILDER
from scow.cli.exits import CommandError
from scow.cli.flags import STRING, Flag
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation
    from scow.spec.build_progress import BuildProgress

_MODES = {"auto": "plain"}


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Prints what a build told, and what it tells until it ends."""
    from scow.api.client.buildkit import follow_build
    from scow.cli.building.modern import display_for
    from scow.cli.history.records import BuilderRecords
    from scow.cli.history.shown import event_of

    found = BuilderRecords(invocation, flags["builder"]).one(flags.arguments[0] if flags.arguments else "")
    display = display_for(invocation, _MODES.get(flags["progress"], flags["progress"]))

    def take(told: "BuildProgress") -> None:
        display.show(*event_of(told))

    try:
        follow_build(found.client, found.record.ref, take)
    except ScowError as exc:
        raise CommandError(f"ERROR: {exc.message}") from exc
    finally:
        display.close()


COMMAND = Command(
    run,
    "[OPTIONS] [REF]",
    "Print the logs of a build record",
    flags=(
        BUILDER,
        Flag("progress", STRING, "Set type of progress output (plain, rawjson, tty)", default="plain"),
    ),
    arguments=at_most(1),
)

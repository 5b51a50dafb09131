"""``scow buildx history rm``."""

from scow.cli.command import Command
from scow.cli.commands.imagetools.create import BUILDER
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, Flag
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Forgets builds that have ended; their images and the cache stay."""
    from scow.api.client.buildkit import delete_record
    from scow.cli.history.records import BuilderRecords

    refs = [ref.rpartition("/")[2] for ref in flags.arguments]
    if not refs and not flags["all"]:
        raise CommandError("ERROR: rm requires at least one argument")
    if refs and flags["all"]:
        raise CommandError("ERROR: rm requires either --all or at least one argument")
    records = BuilderRecords(invocation, flags["builder"])
    if flags["all"]:
        refs = records.ended_refs()
    failed = []
    for ref in refs:
        try:
            delete_record(records.client, ref)
        except ScowError as exc:
            failed.append(exc.message)
    if failed:
        raise CommandError("ERROR: " + "\n".join(failed))


COMMAND = Command(
    run,
    "[OPTIONS] [REF...]",
    "Remove build records",
    flags=(Flag("all", BOOL, "Remove all build records"), BUILDER),
    arguments=lambda _count: None,
)

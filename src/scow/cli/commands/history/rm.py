"""``scow buildx history rm``."""

from scow.cli.command import Command
from scow.cli.commands.imagetools.create import BUILDER
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, Flag
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.api.client.client import Client
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Forgets builds that have ended; their images and the cache stay."""
    from scow.cli.history.records import BuilderRecords

    refs = [ref.rpartition("/")[2] for ref in flags.arguments]
    if not refs and not flags["all"]:
        raise CommandError("ERROR: rm requires at least one argument")
    if refs and flags["all"]:
        raise CommandError("ERROR: rm requires either --all or at least one argument")
    records = BuilderRecords(invocation, flags["builder"])
    if flags["all"]:
        meant = [(it.client, it.record.ref) for it in records.every() if it.record.completed_ns is not None]
        failed = [error for client, ref in meant if (error := _delete(client, ref)) is not None]
    else:
        failed = [error for ref in refs if (error := _delete_anywhere(records.clients(), ref)) is not None]
    if failed:
        raise CommandError("ERROR: " + "\n".join(error.message for error in failed))


def _delete(client: "Client", ref: str) -> "ScowError | None":
    """What stood in the way."""
    from scow.api.client.buildkit import delete_record

    try:
        delete_record(client, ref)
    except ScowError as exc:
        return exc
    return None


def _delete_anywhere(clients: "list[Client]", ref: str) -> "ScowError | None":
    """Which node has it is not known: it must go from one."""
    errors = [_delete(client, ref) for client in clients]
    return None if None in errors else errors[0]


COMMAND = Command(
    run,
    "[OPTIONS] [REF...]",
    "Remove build records",
    flags=(Flag("all", BOOL, "Remove all build records"), BUILDER),
    arguments=lambda _count: None,
)

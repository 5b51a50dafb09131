"""``scow rmi``."""

from scow.api.client.client import object_path
from scow.api.client.errors import DaemonError
from scow.cli.command import Command, at_least
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, STRINGS, Flag
from scow.cli.options.platforms import platform_query
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_NOT_FOUND = 404


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Removes names and images one after the other; with force a missing one is no failure."""
    query = [("force", "1")] if flags["force"] else []
    if flags["no-prune"]:
        query.append(("noprune", "1"))
    for platform in flags["platform"]:
        query += platform_query(platform, "platforms")
    errors: list[ScowError] = []
    for name in flags.arguments:
        try:
            for item in invocation.client.delete(object_path("image", name), query) or ():
                deleted = item.get("Deleted")
                invocation.out.line(*(("Deleted:", deleted) if deleted else ("Untagged:", item["Untagged"])))
        except ScowError as exc:
            errors.append(exc)
    if not errors:
        return
    message = "\n".join(error.message for error in errors)
    missing = all(isinstance(error, DaemonError) and error.status == _NOT_FOUND for error in errors)
    if not (flags["force"] and missing):
        raise CommandError(message)
    invocation.err.line(message)


COMMAND = Command(
    run,
    "[OPTIONS] IMAGE [IMAGE...]",
    "Remove one or more images",
    flags=(
        Flag("force", BOOL, "Force removal of the image", short="f"),
        Flag("no-prune", BOOL, "Do not delete untagged parents"),
        Flag(
            "platform",
            STRINGS,
            'Remove only the given platform variant. Formatted as "os[/arch[/variant]]" '
            '(e.g., "linux/amd64")',
            since="1.50",
        ),
    ),
    arguments=at_least(1),
    spellings=("image rm", "image remove", "rmi"),
)

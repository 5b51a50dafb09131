"""``scow manifest rm``."""

from scow.cli.command import Command, at_least
from scow.cli.commands.manifest.create import named
from scow.cli.exits import CommandError, join_errors
from scow.cli.manifest_lists import ManifestStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation
    from scow.errors import ScowError


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Forgets lists in the making; registries are not asked."""
    store = ManifestStore(invocation.config_directory)
    errors: list[ScowError] = []
    for text in flags.arguments:
        try:
            target = named(text)
            if not store.has(target):
                raise CommandError(f"No such manifest: {target}")
            store.remove(target)
        except CommandError as exc:
            errors.append(exc)
    join_errors(errors)


COMMAND = Command(
    run,
    "MANIFEST_LIST [MANIFEST_LIST...]",
    "Delete one or more manifest lists from local storage",
    arguments=at_least(1),
)

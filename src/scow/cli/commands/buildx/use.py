"""``scow buildx use``."""

from scow.cli.builders import Builders
from scow.cli.command import Command, exactly
from scow.cli.commands.imagetools.create import BUILDER
from scow.cli.contexts.store import context_names
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Makes a builder the one that builds go to."""
    name = flags.arguments[0]
    builders = Builders(invocation)
    if name in context_names(invocation.config_directory) and name not in (
        "default",
        invocation.context_name(),
    ):
        raise CommandError(f"ERROR: run `docker context use {name}` to switch to context {name}")
    found = next((it for it in builders.all() if it.name == name), None)
    if found is None:
        raise CommandError(f'ERROR: failed to find instance "{name}": no such builder')
    builders.use(found, everywhere=flags["global"], as_default=flags["default"])


COMMAND = Command(
    run,
    "[OPTIONS] NAME",
    "Set the current builder instance",
    flags=(
        Flag("default", BOOL, "Set builder as default for current context"),
        Flag("global", BOOL, "Builder persists context changes"),
        BUILDER,
    ),
    arguments=exactly(1),
)

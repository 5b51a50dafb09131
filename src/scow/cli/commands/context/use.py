"""``scow context use``."""

from scow.cli.command import Command, any_number
from scow.cli.config_file import DEFAULT_CONTEXT
from scow.cli.contexts.overriding import overriding_variable
from scow.cli.contexts.store import ContextStore, check_name
from scow.cli.exits import CommandError
from scow.cli.go_values import quote
from scow.cli.settings_file import set_current_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Has a context be the one of all commands that name none."""
    if len(flags.arguments) != 1:
        raise CommandError(f"accepts 1 arg(s), received {len(flags.arguments)}")
    name = flags.arguments[0]
    if name != DEFAULT_CONTEXT:
        check_name(name)
        ContextStore(invocation.config_directory).get(name)
    set_current_context(invocation.config_directory, "" if name == DEFAULT_CONTEXT else name)
    invocation.out.line(name)
    invocation.err.line("Current context is now", quote(name))
    variable = overriding_variable(invocation)
    if variable and name != DEFAULT_CONTEXT:
        invocation.err.line(
            f"Warning: {variable} environment variable overrides the active context. To use {quote(name)}, "
            f"either set the global --context flag, or unset {variable} environment variable."
        )


COMMAND = Command(run, "CONTEXT", "Set the current docker context", arguments=any_number)

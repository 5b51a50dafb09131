"""``scow context rm``."""

import os

from scow.cli.command import Command, at_least
from scow.cli.config_file import DEFAULT_CONTEXT
from scow.cli.contexts.store import ContextStore
from scow.cli.exits import CommandError, join_errors
from scow.cli.flags import BOOL, Flag
from scow.cli.go_values import quote
from scow.cli.settings_file import set_current_context
from scow.errors import NotFoundError, ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Forgets contexts and their keys."""
    errors: list[ScowError] = []
    current = invocation.context_name()
    for name in flags.arguments:
        try:
            _remove(invocation, name, is_current=name == current, force=flags["force"])
        except ScowError as exc:
            errors.append(exc)
        else:
            invocation.out.line(name)
    join_errors(errors)


def _remove(invocation: "Invocation", name: str, *, is_current: bool, force: bool) -> None:
    if name == DEFAULT_CONTEXT:
        raise CommandError(f'context "{DEFAULT_CONTEXT}" cannot be removed')
    store = ContextStore(invocation.config_directory)
    if is_current:
        if not force:
            raise CommandError(f"context {quote(name)} is in use, set -f flag to force remove")
        set_current_context(invocation.config_directory, "")
    if not force and not os.path.exists(store.meta_folder(name)):
        raise NotFoundError(f"context {quote(name)} does not exist")
    store.remove(name)


COMMAND = Command(
    run,
    "CONTEXT [CONTEXT...]",
    "Remove one or more contexts",
    flags=(Flag("force", BOOL, "Force the removal of a context in use", short="f"),),
    arguments=at_least(1),
    spellings=("context rm", "context remove"),
)

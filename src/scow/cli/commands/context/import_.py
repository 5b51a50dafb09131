"""``scow context import``."""

from scow.cli.command import Command, exactly
from scow.cli.contexts.archives import unpack
from scow.cli.contexts.store import ContextStore
from scow.cli.exits import CommandError
from scow.cli.go_values import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Stores the context that an archive has, under a name."""
    name, place = flags.arguments
    store = ContextStore(invocation.config_directory)
    store.check_new(name)
    try:
        # Standard input stays open: it is not ours.
        with open(0 if place == "-" else place, "rb", closefd=place != "-") as file:
            metadata, tls = unpack(file, name)
    except OSError as exc:
        raise CommandError(f"open {place}: {(exc.strerror or str(exc)).lower()}") from exc
    store.put(metadata)
    store.put_tls(name, tls)
    invocation.out.line(name)
    invocation.err.line("Successfully imported context", quote(name))


COMMAND = Command(run, "CONTEXT FILE|-", "Import a context from a tar or zip file", arguments=exactly(2))

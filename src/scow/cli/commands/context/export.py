"""``scow context export``."""

import os

from scow.cli.command import Command, between
from scow.cli.config_file import DEFAULT_CONTEXT
from scow.cli.contexts.archives import pack
from scow.cli.contexts.current import metadata_of, tls_of
from scow.cli.contexts.store import check_name
from scow.cli.exits import CommandError
from scow.cli.go_values import quote
from scow.cli.output import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Writes a context with its keys into a file that nobody else can read, or to standard output."""
    name, *rest = flags.arguments
    place = rest[0] if rest else f"{name}.dockercontext"
    if name != DEFAULT_CONTEXT:
        check_name(name)
    if place == "-":
        if invocation.out.is_terminal():
            raise CommandError("cowardly refusing to export to a terminal, specify a file path")
        invocation.out.write_bytes(pack(metadata_of(invocation, name), tls_of(invocation, name)))
        return
    archive = pack(metadata_of(invocation, name), tls_of(invocation, name))
    try:
        fd = os.open(place, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise CommandError(f"open {place}: {(exc.strerror or str(exc)).lower()}") from exc
    try:
        Output(fd).write_bytes(archive)
    finally:
        os.close(fd)
    invocation.err.line("Written file", quote(place))


COMMAND = Command(
    run,
    "[OPTIONS] CONTEXT [FILE|-]",
    "Export a context to a tar archive FILE or a tar stream on STDOUT.",
    arguments=between(1, 2),
)

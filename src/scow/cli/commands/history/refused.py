"""What ``buildx history`` does with programs that scow does not have; each says so."""

from scow.cli.command import Command, at_most, no_arguments
from scow.cli.commands.imagetools.create import BUILDER
from scow.cli.exits import CommandError
from scow.cli.flags import STRING, Flag, list_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def _open(invocation: "Invocation", flags: "Flags") -> None:
    """Docker Desktop shows builds in a window."""
    from scow.cli.history.records import BuilderRecords

    ref = flags.arguments[0] if flags.arguments else ""
    found = BuilderRecords(invocation, flags["builder"]).one(ref)
    program = invocation.program
    raise CommandError(
        "ERROR: build records are opened by Docker Desktop, which is not here: "
        f"see '{program} buildx history inspect {found.record.ref}'"
    )


def _import(_invocation: "Invocation", _flags: "Flags") -> None:
    """Docker Desktop takes records of other machines."""
    raise CommandError("ERROR: build records are imported by Docker Desktop, which is not here")


def _trace(invocation: "Invocation", flags: "Flags") -> None:
    """Traces are shown by a server of its own; this engine keeps none."""
    from scow.cli.history.records import BuilderRecords

    ref = flags.arguments[0] if flags.arguments else ""
    record = BuilderRecords(invocation, flags["builder"]).one(ref, ended_only=True).record
    if record.trace is None:
        raise CommandError(f'ERROR: build record "{record.ref}" is missing a trace')
    raise CommandError(
        "ERROR: traces are not shown; the spans are printed by "
        f"'{invocation.program} buildx history inspect attachment {record.ref} {record.trace.digest}'"
    )


OPEN = Command(
    _open,
    "[OPTIONS] [REF]",
    "Open a build record in Docker Desktop",
    flags=(BUILDER,),
    arguments=at_most(1),
)
IMPORT = Command(
    _import,
    "[OPTIONS] -",
    "Import build records into Docker Desktop",
    flags=(BUILDER, Flag("file", list_of(name="stringArray"), "Import from a file path", short="f")),
    arguments=no_arguments,
)
TRACE = Command(
    _trace,
    "[OPTIONS] [REF]",
    "Show the OpenTelemetry trace of a build record",
    flags=(
        Flag("addr", STRING, "Address to bind the UI server", default="127.0.0.1:0"),
        BUILDER,
        Flag("compare", STRING, "Compare with another build record"),
    ),
    arguments=at_most(1),
)

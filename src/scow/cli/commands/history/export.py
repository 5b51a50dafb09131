"""``scow buildx history export``."""

import os
import sys

from scow.cli.command import Command
from scow.cli.commands.imagetools.create import BUILDER
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, STRING, Flag
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.history.records import BuilderRecords, FoundRecord
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Writes records and all that they name into one file."""
    from scow.cli.history.bundle import write_bundle
    from scow.cli.history.records import BuilderRecords

    if flags["all"] and flags.arguments:
        raise CommandError("ERROR: cannot specify refs when using --all")
    records = BuilderRecords(invocation, flags["builder"])
    found = _chosen(records, flags)
    if not flags["output"] and os.isatty(1):
        raise CommandError("ERROR: refusing to write to console, use --output to specify a file")
    try:
        if flags["output"]:
            with open(flags["output"], "wb") as file:
                write_bundle(found, file)
        else:
            write_bundle(found, sys.stdout.buffer)
            sys.stdout.buffer.flush()
    except ScowError as exc:
        raise CommandError(f"ERROR: failed to export: {exc.message}") from exc
    except OSError as exc:
        reason = f"{(exc.strerror or '').lower()}"
        raise CommandError(f'ERROR: failed to create output file "{flags["output"]}": {reason}') from exc


def _chosen(records: "BuilderRecords", flags: "Flags") -> "list[FoundRecord]":
    """Those that are named, all, or the last."""
    if flags["all"]:
        found = records.all(ended_only=True)
        if not found:
            raise CommandError("ERROR: no records found")
    else:
        found = [records.one(ref, ended_only=True) for ref in flags.arguments or [""]]
    if flags["finalize"]:
        from scow.api.client.buildkit import finalize_record

        for it in found:
            if it.record.trace is None:
                finalize_record(it.client, it.record.ref)
    return found


COMMAND = Command(
    run,
    "[OPTIONS] [REF...]",
    "Export build records into Docker Desktop bundle",
    flags=(
        Flag("all", BOOL, "Export all build records for the builder"),
        BUILDER,
        Flag("finalize", BOOL, "Ensure build records are finalized before exporting"),
        Flag("output", STRING, "Output file path", short="o"),
    ),
    arguments=lambda _count: None,
)

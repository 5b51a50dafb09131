"""``scow buildx history inspect`` and ``… inspect attachment``."""

import json

from scow.cli.command import Command, at_most
from scow.cli.commands.imagetools.create import BUILDER
from scow.cli.exits import CommandError
from scow.cli.flags import STRING, Flag
from scow.errors import InvalidArgumentError, ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Shows one build."""
    from scow.cli.history.inspection import inspected
    from scow.cli.history.page import record_page
    from scow.cli.history.records import BuilderRecords
    from scow.cli.templates.template import render

    ref = flags.arguments[0] if flags.arguments else ""
    found = BuilderRecords(invocation, flags["builder"]).one(ref)
    document = inspected(found.client, found)
    if flags["format"] == "json":
        invocation.out.line(json.dumps(document, indent=2, ensure_ascii=False))
    elif flags["format"] == "pretty":
        invocation.out.write(record_page(document, invocation.program, with_ref=not ref))
    else:
        invocation.out.line(render(flags["format"], document))


def run_attachment(invocation: "Invocation", flags: "Flags") -> None:
    """Prints a document that a record names: by its digest, or the first of a type or for a platform."""
    from scow.api.client.buildkit import read_blob
    from scow.cli.history.attachments import attachments_of, is_of
    from scow.cli.history.records import BuilderRecords
    from scow.spec.digest import parse_digest

    ref, digest = [*flags.arguments, "", ""][:2]
    if digest:
        try:
            parse_digest(digest)
        except InvalidArgumentError as exc:
            raise CommandError(f'ERROR: invalid digest "{digest}": {exc.message}') from exc
    elif not flags["platform"] and not flags["type"]:
        raise CommandError("ERROR: at least one of --type, --platform or DIGEST must be specified")
    record = BuilderRecords(invocation, flags["builder"]).one(ref)
    try:
        if not digest:
            found = [
                it.digest
                for it in attachments_of(record.client, record.record)
                if flags["platform"] in ("", it.platform)
                and (not flags["type"] or is_of(it.kind, flags["type"]))
            ]
            if not found:
                raise CommandError(f'ERROR: no matching attachment found for ref "{ref}"')
            digest = found[0]
        invocation.out.write(read_blob(record.client, digest).decode("utf-8", "surrogateescape"))
    except ScowError as exc:
        raise CommandError(f"ERROR: {exc.message.removeprefix('ERROR: ')}") from exc


COMMAND = Command(
    run,
    "[OPTIONS] [REF]",
    "Inspect a build record",
    flags=(BUILDER, Flag("format", STRING, "Format the output", default="pretty")),
    arguments=at_most(1),
)
ATTACHMENT = Command(
    run_attachment,
    "[OPTIONS] [REF [DIGEST]]",
    "Inspect a build record attachment",
    flags=(
        BUILDER,
        Flag("platform", STRING, "Platform of attachment"),
        Flag("type", STRING, "Type of attachment"),
    ),
    arguments=at_most(2),
)

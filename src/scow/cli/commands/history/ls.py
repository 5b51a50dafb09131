"""``scow buildx history ls``."""

import json
import os
import time

from scow.cli.command import Command, no_arguments
from scow.cli.commands.imagetools.create import BUILDER
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, STRING, Flag, list_of
from scow.cli.table import render_rows
from scow.cli.templates.values import Adapter
from scow.spec.human_duration import human_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.history.records import FoundRecord
    from scow.cli.invocation import Invocation

_HEADERS = {
    "Ref": "BUILD ID",
    "Name": "NAME",
    "Status": "STATUS",
    "CreatedAt": "CREATED AT",
    "Duration": "DURATION",
    "Link": "",
}
_TABLE = "table {{.Ref}}\t{{.Name}}\t{{.Status}}\t{{.CreatedAt}}\t{{.Duration}}\t{{.Link}}"
_NAME_WIDTH = 36
_NS = 1_000_000_000


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Lists builds, those that go on first, then the newest."""
    from scow.cli.history.filters import RecordFilters
    from scow.cli.history.records import BuilderRecords

    local = [f"repository={_repository()}"] if flags["local"] else []
    filters = RecordFilters([*local, *flags["filter"]])
    found = BuilderRecords(invocation, flags["builder"]).all(filters=filters)
    found.sort(key=lambda it: (it.record.completed_ns is not None, -it.record.created_ns))
    template = flags["format"]
    if template == "json":
        for it in found:
            invocation.out.line(json.dumps(_document(it), sort_keys=True, separators=(",", ":")))
        return
    is_table = template.startswith("table")
    rows = [_row(it, truncated=is_table and not flags["no-trunc"]) for it in found]
    invocation.out.write(render_rows(_TABLE if template == "table" else template, rows, _HEADERS))


def _row(found: "FoundRecord", *, truncated: bool) -> Adapter:
    from scow.cli.history.page import duration_text

    name, record = found.name, found.record
    if truncated and len(name) > _NAME_WIDTH:
        name = ".." + name[2 - _NAME_WIDTH :]
    duration_ns = found.duration_ns
    duration = "" if duration_ns is None else duration_text(duration_ns)
    return Adapter(
        "*history.lsContext",
        {
            "Ref": record.ref,
            "FullRef": found.full_ref,
            "Name": name,
            "Status": _status(found),
            "CreatedAt": human_duration((time.time_ns() - record.created_ns) / _NS) + " ago",
            "Duration": f"{duration}+" if duration and record.completed_ns is None else duration,
            "Link": "",
        },
    )


def _status(found: "FoundRecord") -> str:
    if found.record.completed_ns is None:
        return "Running"
    return "Completed" if found.record.error is None else "Error"


def _document(found: "FoundRecord") -> dict[str, object]:
    record = found.record
    document: dict[str, object] = {
        "ref": found.full_ref,
        "name": found.name,
        "status": _status(found),
        "created_at": _utc(record.created_ns),
        "total_steps": record.total_steps,
        "completed_steps": record.completed_steps,
        "cached_steps": record.cached_steps,
    }
    if record.completed_ns is not None:
        document["completed_at"] = _utc(record.completed_ns)
    return document


def _utc(at_ns: int) -> str:
    """RFC 3339 with what there is of the second."""
    fraction = f".{at_ns % _NS:09d}".rstrip("0").rstrip(".")
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_ns // _NS)) + f"{fraction}Z"


def _repository() -> str:
    """The address of the repository that this folder belongs to. Raises CommandError."""
    from scow.cli.building.git_facts import GitError, remote_address, worktree_of

    here = os.getcwd()
    try:
        if not worktree_of(here):
            raise CommandError("ERROR: could not find git repository for local filter")
    except GitError as exc:
        raise CommandError(f"ERROR: could not find git repository for local filter: {exc}") from exc
    if address := remote_address(here):
        return address
    raise CommandError(
        "ERROR: could not get remote URL for local filter: no remote URL found for either origin or upstream"
    )


COMMAND = Command(
    run,
    "[OPTIONS]",
    "List build records",
    flags=(
        BUILDER,
        Flag("filter", list_of(name="stringArray"), 'Provide filter values (e.g., "status=error")'),
        Flag("format", STRING, "Format the output", default="table"),
        Flag("local", BOOL, "List records for current repository only"),
        Flag("no-trunc", BOOL, "Don't truncate output"),
    ),
    arguments=no_arguments,
)

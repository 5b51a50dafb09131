"""``scow history``."""

import time

from scow.api.client.client import object_path
from scow.cli.command import Command, exactly
from scow.cli.flags import BOOL, STRING, Flag
from scow.cli.listing import FORMAT_HELP, print_column, print_columns, print_rows
from scow.cli.options.platforms import platform_query
from scow.cli.templates.values import Adapter
from scow.cli.units import ellipsis, human_size, truncate_id
from scow.spec.human_duration import human_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_GO_TYPE = "*image.historyContext"
_HEADERS = {
    "ID": "IMAGE",
    "CreatedSince": "CREATED",
    "CreatedAt": "CREATED AT",
    "CreatedBy": "CREATED BY",
    "Size": "SIZE",
    "Comment": "COMMENT",
}
_COMMAND_WIDTH = 45
_EPOCH = 946684800
"""2000-01-01: reproducible builds set times before it, which say nothing."""


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Lists the steps that made an image, newest first."""
    query = platform_query(flags["platform"])
    items = invocation.client.get(object_path("image", flags.arguments[0], "history"), query) or []
    rows = [_row(item, truncate=not flags["no-trunc"], human=flags["human"]) for item in items]
    template = flags["format"]
    if template not in ("", "table"):
        print_rows(invocation, rows, _HEADERS, template)
    elif flags["quiet"]:
        print_column(invocation, rows, "ID")
    else:
        created = "CreatedSince" if flags["human"] else "CreatedAt"
        print_columns(invocation, rows, _HEADERS, ("ID", created, "CreatedBy", "Size", "Comment"))


def _row(item: "dict[str, Any]", *, truncate: bool, human: bool) -> Adapter:
    identifier, size = item["Id"], item["Size"]
    command = (item["CreatedBy"] or "").replace("\t", " ")
    return Adapter(
        _GO_TYPE,
        {
            "ID": truncate_id(identifier) if truncate else identifier,
            "CreatedSince": lambda: _created_since(item["Created"], human=human),
            "CreatedAt": lambda: _rfc3339(item["Created"]),
            "CreatedBy": ellipsis(command, _COMMAND_WIDTH) if truncate else command,
            "Size": human_size(size, 3) if human else str(size),
            "Comment": item["Comment"] or "",
        },
    )


def _created_since(created: int, *, human: bool) -> str:
    if not human:
        return _rfc3339(created)
    if created <= _EPOCH:
        return "N/A"
    return human_duration(time.time() - created) + " ago"


def _rfc3339(seconds: int) -> str:
    local = time.localtime(seconds)
    zone = time.strftime("%z", local)
    zone = "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}"
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + zone


COMMAND = Command(
    run,
    "[OPTIONS] IMAGE",
    "Show the history of an image",
    flags=(
        Flag("human", BOOL, "Print sizes and dates in human readable format", short="H", default=True),
        Flag("quiet", BOOL, "Only show image IDs", short="q"),
        Flag("no-trunc", BOOL, "Don't truncate output"),
        Flag("format", STRING, FORMAT_HELP),
        Flag(
            "platform",
            STRING,
            'Show history for the given platform. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
            since="1.48",
        ),
    ),
    arguments=exactly(1),
    spellings=("image history", "history"),
)

"""``scow stats``."""

import time

from scow.cli.command import Command, at_least
from scow.cli.exits import join_errors
from scow.cli.flags import BOOL, STRING, Flag
from scow.cli.listing import FORMAT_HELP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation
    from scow.cli.stats_collection import Collection

_REFRESH_S = 0.5
_TO_TOP, _ERASE_LINE, _ERASE_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Shows what containers use, once or until it is ended; without names, of all that run."""
    from scow.cli.stats_collection import Collection

    template = _checked_template(flags["format"] or invocation.config.text("statsFormat"))
    stream = not flags["no-stream"]
    collection = Collection(invocation, stream=stream)
    if flags.arguments:
        for name in flags.arguments:
            collection.add(name)
    else:
        collection.watch(stopped_too=flags["all"])
    collection.wait_first()
    if flags.arguments:
        join_errors([subject.error for subject in collection.subjects() if subject.error])
    _show(invocation, collection, template, truncate=not flags["no-trunc"], stream=stream)


def _checked_template(template: str) -> str:
    """Refuse a template that cannot be parsed before anything is asked."""
    if template not in ("", "table", "json"):
        from scow.cli.templates.template import compile_format

        compile_format(template.removeprefix("table"))
    return "" if template == "table" else template


def _show(
    invocation: "Invocation", collection: "Collection", template: str, *, truncate: bool, stream: bool
) -> None:
    while True:
        text = _page(collection, template, truncate=truncate)
        if not stream:
            invocation.out.write(text)
            return
        # Lines may have become shorter and fewer since the last time.
        lines = "".join(f"{line} {_ERASE_LINE}\n" for line in text.splitlines())
        invocation.out.write(f"{_TO_TOP}{lines}{_ERASE_BELOW}")
        if collection.lost:
            raise collection.lost
        time.sleep(_REFRESH_S)


def _page(collection: "Collection", template: str, *, truncate: bool) -> str:
    from scow.cli.columns import align
    from scow.cli.stats_figures import COLUMNS, HEADERS, stats_row

    rows = [
        stats_row(subject.container, subject.sample, truncate=truncate, valid=subject.valid)
        for subject in collection.subjects()
    ]
    if template:
        from scow.cli.table import render_rows

        return render_rows(template, rows, HEADERS)
    lines = ["\t".join(HEADERS[name] for name in COLUMNS)]
    lines += ["\t".join(str(row.column(name)) for name in COLUMNS) for row in rows]
    return align([line + "\n" for line in lines])


COMMAND = Command(
    run,
    "[OPTIONS] [CONTAINER...]",
    "Display a live stream of container(s) resource usage statistics",
    flags=(
        Flag("all", BOOL, "Show all containers (default shows just running)", short="a"),
        Flag("no-stream", BOOL, "Disable streaming stats and only pull the first result"),
        Flag("no-trunc", BOOL, "Do not truncate output"),
        Flag("format", STRING, FORMAT_HELP),
    ),
    arguments=at_least(0),
    spellings=("container stats", "stats"),
)

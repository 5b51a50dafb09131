"""What the listing commands share: choosing the format, filters in a query, the ways to print rows."""

from scow.api.client.json_text import dumps
from scow.cli.templates.values import Adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

FORMAT_HELP = (
    "Format output using a custom template:\n"
    "'table':            Print output in table format with column headers (default)\n"
    "'table TEMPLATE':   Print output in table format using the given Go template\n"
    "'json':             Print in JSON format\n"
    "'TEMPLATE':         Print output using the given Go template.\n"
    "Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with "
    "templates"
)
INSPECT_FORMAT_HELP = (
    "Format output using a custom template:\n"
    "'json':             Print in JSON format\n"
    "'TEMPLATE':         Print output using the given Go template.\n"
    "Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with "
    "templates"
)


class Layout:
    """How objects of one kind are listed.

    ``headers`` has a name for every column, ``columns`` are those of the table, ``quiet`` the one that is
    left of a row with ``--quiet``; ``raw`` and ``raw_quiet`` are the templates behind ``--format raw``.
    """

    __slots__ = ("columns", "headers", "quiet", "raw", "raw_quiet")

    def __init__(
        self,
        headers: "Mapping[str, str]",
        columns: tuple[str, ...],
        *,
        quiet: str = "ID",
        raw: str = "",
        raw_quiet: str = "",
    ) -> None:
        self.headers = headers
        self.columns = columns
        self.quiet = quiet
        self.raw = raw
        self.raw_quiet = raw_quiet


def print_listing(
    invocation: "Invocation", rows: "Iterable[Adapter]", layout: Layout, template: str, *, quiet: bool
) -> None:
    """The rows as ``--quiet`` and ``--format`` say; an empty ``template`` is the table."""
    if template == "raw":
        print_rows(invocation, rows, layout.headers, layout.raw_quiet if quiet else layout.raw)
    elif template not in ("", "table"):
        print_rows(invocation, rows, layout.headers, template)
    elif quiet:
        print_column(invocation, rows, layout.quiet)
    else:
        print_columns(invocation, rows, layout.headers, layout.columns)


def filter_query(filters: dict[str, list[str]]) -> list[tuple[str, str]]:
    """The ``filters`` parameter, none for no filters."""
    return [("filters", filter_text(filters))] if filters else []


def filter_text(filters: dict[str, list[str]]) -> str:
    """Maps of true values, the spelling that every engine reads; "" for no filters."""
    spelled = {name: dict.fromkeys(values, True) for name, values in filters.items()}
    return dumps(spelled, compact=True, sort_keys=True) if filters else ""


def print_columns(
    invocation: "Invocation",
    rows: "Iterable[Adapter]",
    headers: "Mapping[str, str]",
    columns: tuple[str, ...],
) -> None:
    """The table that a command prints when nothing else was asked for; needs no template."""
    from scow.cli.columns import align

    lines = ["\t".join(headers[name] for name in columns)]
    lines += ["\t".join(str(row.column(name)) for name in columns) for row in rows]
    invocation.out.write(align([line + "\n" for line in lines]))


def print_rows(
    invocation: "Invocation", rows: "Iterable[Adapter]", headers: "Mapping[str, str]", template: str
) -> None:
    """``rows`` by a format that somebody wrote. Raises TemplateError before any output."""
    from scow.cli.table import render_rows

    invocation.out.write(render_rows(template, rows, headers))


def print_column(invocation: "Invocation", rows: "Iterable[Adapter]", name: str) -> None:
    """One value a line: ``--quiet``."""
    invocation.out.write("".join(f"{row.column(name)}\n" for row in rows))


def label_text(labels: "Mapping[str, str] | None") -> str:
    """``a=1,b=2`` in the order of the keys."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items()))


def label_method(labels: "Mapping[str, str] | None") -> "dict[str, Callable[..., object]]":
    """``.Label "key"``, empty for a key that is not there."""
    return {"Label": lambda name: (labels or {}).get(name, "")}


def chosen_format(invocation: "Invocation", flags: "Flags", config_key: str) -> str:
    """The custom format, from the option or the settings; "" for the command's own table."""
    if flags["format"]:
        return "" if flags["format"] == "table" else str(flags["format"])
    return "" if flags["quiet"] else invocation.config.text(config_key)


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """A sort key by which ``net2`` comes before ``net10``."""
    import re

    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts]

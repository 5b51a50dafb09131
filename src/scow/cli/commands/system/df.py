"""``scow system df``."""

from scow.cli.command import Command, no_arguments
from scow.cli.flags import BOOL, STRING, Flag
from scow.cli.listing import FORMAT_HELP, print_columns, print_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.disk_usage import Usage
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_RAW = """type: {{.Type}}
total: {{.TotalCount}}
active: {{.Active}}
size: {{.Size}}
reclaimable: {{.Reclaimable}}
"""


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Shows what images, containers, volumes and build cache take, in sum or one by one."""
    usage = invocation.client.get("/system/df")
    if flags["verbose"]:
        _print_verbose(invocation, usage, flags["format"])
        return
    from scow.cli.disk_usage import HEADERS, summary_rows

    rows = summary_rows(usage)
    template = _RAW if flags["format"] == "raw" else flags["format"]
    if template in ("", "table"):
        print_columns(invocation, rows, HEADERS, tuple(HEADERS))
    else:
        print_rows(invocation, rows, HEADERS, template)


def _print_verbose(invocation: "Invocation", usage: "Usage", template: str) -> None:
    from scow.cli.disk_usage import VERBOSE_RAW, print_details, verbose_value

    if template in ("", "table"):
        print_details(invocation, usage)
        return
    from scow.cli.templates.template import render

    text = {"json": "{{json .}}", "raw": VERBOSE_RAW}.get(template) or template.removeprefix("table")
    value = verbose_value(usage, truncate=template.startswith("table"))
    invocation.out.write(render(text.strip(" ").replace("\\t", "\t").replace("\\n", "\n"), value))


COMMAND = Command(
    run,
    "[OPTIONS]",
    "Show docker disk usage",
    flags=(
        Flag("verbose", BOOL, "Show detailed information on space usage", short="v"),
        Flag("format", STRING, FORMAT_HELP),
    ),
    arguments=no_arguments,
)

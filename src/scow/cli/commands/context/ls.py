"""``scow context ls``."""

from scow.cli.command import Command, no_arguments
from scow.cli.config_file import DEFAULT_CONTEXT
from scow.cli.contexts.current import DEFAULT_DESCRIPTION, default_metadata
from scow.cli.contexts.overriding import overriding_variable
from scow.cli.contexts.store import ContextStore, endpoint_of
from scow.cli.flags import BOOL, STRING, Flag
from scow.cli.listing import FORMAT_HELP, Layout, natural_key, print_listing
from scow.cli.templates.values import Adapter
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.contexts.store import Metadata
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


_LONGEST_ERROR = 45
_TABLE = "table {{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}"
_LAYOUT = Layout(
    {
        "Name": "NAME",
        "Description": "DESCRIPTION",
        "DockerEndpoint": "DOCKER ENDPOINT",
        "Error": "ERROR",
    },
    (),
    quiet="Name",
)


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Lists contexts by name; the one in use is marked, also when it is not there."""
    store = ContextStore(invocation.config_directory)
    current = invocation.context_name()
    found = [*store.all(), default_metadata(invocation)]
    rows = [_row(it, current) for it in found]
    if current not in (it.get("Name") for it in found):
        rows.append(_missing(store, current))
    rows.sort(key=lambda row: natural_key(str(row.column("Name"))))
    template = flags["format"] or "table"
    print_listing(
        invocation, rows, _LAYOUT, _TABLE if template == "table" and not flags["quiet"] else template,
        quiet=flags["quiet"],
    )  # fmt: skip
    if variable := overriding_variable(invocation):
        invocation.err.line(
            f"Warning: {variable} environment variable overrides the active context. To use a context, "
            f"either set the global --context flag, or unset {variable} environment variable."
        )


def _row(metadata: "Metadata", current: str) -> Adapter:
    name = str(metadata.get("Name") or "")
    description = (metadata.get("Metadata") or {}).get("Description") or ""
    host = error = ""
    try:
        host = endpoint_of(metadata).get("Host") or ""
    except ScowError as exc:
        error = exc.message
    if name == DEFAULT_CONTEXT:
        description = DEFAULT_DESCRIPTION
    return _adapter(name, name == current, description, host, error)


def _missing(store: ContextStore, name: str) -> Adapter:
    try:
        store.get(name)
    except ScowError as exc:
        return _adapter(name, True, "", "", exc.message)
    return _adapter(name, True, "", "", "")


def _adapter(name: str, is_current: bool, description: str, host: str, error: str) -> Adapter:
    if len(error) > _LONGEST_ERROR:
        error = error[: _LONGEST_ERROR - 1] + "…"
    return Adapter(
        "*formatter.clientContextContext",
        {
            "Current": is_current,
            "Description": description,
            "DockerEndpoint": host,
            "Error": error,
            "Name": name,
        },
    )


COMMAND = Command(
    run,
    "[OPTIONS]",
    "List contexts",
    flags=(
        Flag("format", STRING, FORMAT_HELP),
        Flag("quiet", BOOL, "Only show context names", short="q"),
    ),
    arguments=no_arguments,
    spellings=("context ls", "context list"),
)

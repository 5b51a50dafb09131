"""``scow ps``."""

import time

from scow.cli.command import Command, no_arguments
from scow.cli.flags import BOOL, FILTER, INT, STRING, Flag
from scow.cli.go_values import quote
from scow.cli.listing import (
    FORMAT_HELP,
    filter_query,
    label_method,
    label_text,
    print_column,
    print_columns,
    print_rows,
)
from scow.cli.templates.values import Adapter, NilPointer
from scow.cli.units import ellipsis, human_size, truncate_id
from scow.spec.human_duration import human_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

    Summary = dict[str, Any]

_GO_TYPE = "*formatter.ContainerContext"
HEADERS = {
    "ID": "CONTAINER ID",
    "Names": "NAMES",
    "Image": "IMAGE",
    "Command": "COMMAND",
    "CreatedAt": "CREATED AT",
    "RunningFor": "CREATED",
    "Ports": "PORTS",
    "State": "STATE",
    "Status": "STATUS",
    "Size": "SIZE",
    "Labels": "LABELS",
    "Mounts": "MOUNTS",
    "LocalVolumes": "LOCAL VOLUMES",
    "Networks": "NETWORKS",
    "Platform": "PLATFORM",
}
_COLUMNS = ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names")
RAW = """container_id: {{.ID}}
image: {{.Image}}
command: {{.Command}}
created_at: {{.CreatedAt}}
state: {{- pad .State 1 0}}
status: {{- pad .Status 1 0}}
names: {{.Names}}
labels: {{- pad .Labels 1 0}}
ports: {{- pad .Ports 1 0}}
"""
_COMMAND_WIDTH = 20
_MOUNT_WIDTH = 15


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Lists containers, newest first; those that do not run only when asked for."""
    template = flags["format"] or invocation.config.text("psFormat")
    if flags["format"] and flags["quiet"]:
        invocation.err.write("WARNING: Ignoring custom format, because both --format and --quiet are set.\n")
    wants_size = flags["size"]
    if template and _uses_size(template) and not flags["quiet"] and "size" not in flags.changed:
        wants_size = True
    summaries = invocation.client.get("/containers/json", _query(flags, wants_size=wants_size)) or []
    rows = [container_row(summary, truncate=not flags["no-trunc"]) for summary in summaries]
    if template == "raw":
        template = "container_id: {{.ID}}" if flags["quiet"] else RAW + ("size: {{.Size}}\n" * wants_size)
        print_rows(invocation, rows, HEADERS, template)
    elif flags["quiet"]:
        print_column(invocation, rows, "ID")
    elif template in ("", "table"):
        print_columns(invocation, rows, HEADERS, (*_COLUMNS, "Size") if wants_size else _COLUMNS)
    else:
        print_rows(invocation, rows, HEADERS, template)


def _query(flags: "Flags", *, wants_size: bool) -> list[tuple[str, str]]:
    query = filter_query(flags["filter"])
    if flags["all"]:
        query.append(("all", "1"))
    limit = 1 if flags["latest"] and flags["last"] == -1 else flags["last"]
    if limit > 0:
        query.append(("limit", str(limit)))
    if wants_size:
        query.append(("size", "1"))
    return query


def _uses_size(template: str) -> bool:
    """Whether a template that somebody wrote asks for sizes, which engines compute only when told to.

    Raises CommandError for a template that is wrong, before anything is asked.
    """
    from scow.cli.exits import CommandError
    from scow.cli.templates.errors import TemplateError, TemplateSyntaxError
    from scow.cli.templates.template import Template

    used: list[str] = []
    blank = container_row({"Names": [], "Created": 0, "Id": "", "Image": ""}, truncate=False, on_size=used)
    try:
        Template(template).execute(blank)
    except TemplateSyntaxError as exc:
        raise CommandError(f"failed to parse template: {exc.message}") from exc
    except TemplateError as exc:
        raise CommandError(f"failed to execute template: {exc.message}") from exc
    return bool(used)


def container_row(summary: "Summary", *, truncate: bool, on_size: list[str] | None = None) -> Adapter:
    """The columns of one container; ``on_size`` gets an entry when the size is asked for."""

    def size() -> str:
        if on_size is not None:
            on_size.append("Size")
        return _size(summary)

    return Adapter(
        _GO_TYPE,
        {
            "ID": truncate_id(summary["Id"]) if truncate else summary["Id"],
            "Names": lambda: _names(summary, truncate=truncate),
            "Image": lambda: _image(summary, truncate=truncate),
            "Command": lambda: _command(summary, truncate=truncate),
            "CreatedAt": lambda: _created_at(summary),
            "RunningFor": lambda: human_duration(time.time() - summary["Created"]) + " ago",
            "Ports": lambda: _ports(summary),
            "State": summary.get("State", ""),
            "Status": summary.get("Status", ""),
            "Size": size,
            "Labels": lambda: label_text(summary.get("Labels")),
            "Mounts": lambda: _mounts(summary, truncate=truncate),
            "LocalVolumes": lambda: str(
                sum(mount.get("Driver") == "local" for mount in summary.get("Mounts") or ())
            ),
            "Networks": lambda: ",".join((summary.get("NetworkSettings") or {}).get("Networks") or ()),
            "Platform": lambda: _platform(summary),
        },
        label_method(summary.get("Labels")),
    )


def _names(summary: "Summary", *, truncate: bool) -> str:
    names = [name[1:] for name in summary.get("Names") or ()]
    if truncate:  # a name with another slash is that of a link
        names = next(([name] for name in names if "/" not in name), names)
    return ",".join(names)


def _image(summary: "Summary", *, truncate: bool) -> str:
    image: str = summary.get("Image") or ""
    if not image:
        return "<no image>"
    if not truncate:
        return image
    short_id = truncate_id(summary.get("ImageID") or "")
    if short_id and short_id == truncate_id(image):
        return short_id
    return _without_digest(image)


def _without_digest(image: str) -> str:
    name, at, _ = image.partition("@")
    return name if at else image


def _command(summary: "Summary", *, truncate: bool) -> str:
    command = summary.get("Command") or ""
    return quote(ellipsis(command, _COMMAND_WIDTH) if truncate else command)


def _created_at(summary: "Summary") -> str:
    from scow.cli.timestamps import format_local_time

    return format_local_time(summary["Created"])


def _ports(summary: "Summary") -> str:
    ports = summary.get("Ports")
    if not ports:
        return ""
    from scow.cli.port_text import port_text

    return port_text(ports)


def _size(summary: "Summary") -> str:
    size = human_size(summary.get("SizeRw") or 0, 3)
    root = summary.get("SizeRootFs") or 0
    return f"{size} (virtual {human_size(root, 3)})" if root > 0 else size


def _mounts(summary: "Summary", *, truncate: bool) -> str:
    names = [mount.get("Name") or mount.get("Source") or "" for mount in summary.get("Mounts") or ()]
    return ",".join(ellipsis(name, _MOUNT_WIDTH) if truncate else name for name in names)


def _platform(summary: "Summary") -> object:
    platform = (summary.get("ImageManifestDescriptor") or {}).get("platform")
    if not platform:
        return NilPointer("*formatter.Platform")
    parts = (platform.get("os"), platform.get("architecture"), platform.get("variant"))
    return "/".join(part for part in parts if part)


COMMAND = Command(
    run,
    "[OPTIONS]",
    "List containers",
    flags=(
        Flag("quiet", BOOL, "Only display container IDs", short="q"),
        Flag("size", BOOL, "Display total file sizes", short="s"),
        Flag("all", BOOL, "Show all containers (default shows just running)", short="a"),
        Flag("no-trunc", BOOL, "Don't truncate output"),
        Flag("latest", BOOL, "Show the latest created container (includes all states)", short="l"),
        Flag("last", INT, "Show n last created containers (includes all states)", short="n", default=-1),
        Flag("format", STRING, FORMAT_HELP),
        Flag("filter", FILTER, "Filter output based on conditions provided", short="f"),
    ),
    arguments=no_arguments,
    spellings=("container ls", "container list", "container ps", "ps"),
)

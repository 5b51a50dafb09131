"""``scow info``."""

from scow.api.client.errors import ConnectionFailedError
from scow.cli.client_version import client_version
from scow.cli.command import Command, no_arguments
from scow.cli.exits import CommandError
from scow.cli.flags import STRING, Flag
from scow.cli.info_text import client_lines, server_lines
from scow.cli.listing import INSPECT_FORMAT_HELP
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_BAD_TEMPLATE_STATUS = 64
_DOCKER_HUB = "https://index.docker.io/v1/"


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Prints what the engine says of itself; about this program also when it does not answer."""
    client = {"Debug": invocation.options["debug"], **client_version(invocation)}
    if flags["format"]:
        _print_template(invocation, flags["format"], client)
    else:
        _print_pages(invocation, client)


def _print_pages(invocation: "Invocation", client: "dict[str, Any]") -> None:
    failure = info = None
    try:
        info = invocation.client.get("/info")
    except ScowError as exc:
        failure = exc
    lines = [*client_lines(client), "", "Server:"]
    if info:
        user = invocation.config.registry_auth(_DOCKER_HUB).get("username") or ""
        lines += [*server_lines(info, user=user, debug=client["Debug"]), ""]
    invocation.out.write("".join(f"{line}\n" for line in lines))
    for warning in (info or {}).get("Warnings") or ():
        invocation.err.line(warning)
    if isinstance(failure, ConnectionFailedError):
        raise failure
    if failure:
        invocation.err.line("ERROR:", failure)
        raise CommandError("errors pretty printing info")


def _print_template(invocation: "Invocation", text: str, client: "dict[str, Any]") -> None:
    from scow.cli.inspect_types import inspect_value
    from scow.cli.templates.errors import TemplateError
    from scow.cli.templates.template import compile_format

    try:
        template = compile_format("{{json .}}" if text == "json" else text)
    except TemplateError as exc:
        raise CommandError(exc.message, _BAD_TEMPLATE_STATUS) from exc
    info = invocation.client.get("/info")
    value = inspect_value("info", {**info, "ClientInfo": {**client, "Plugins": [], "Warnings": None}})
    template.write(invocation.out, value)


COMMAND = Command(
    run,
    "[OPTIONS]",
    "Display system-wide information",
    flags=(Flag("format", STRING, INSPECT_FORMAT_HELP, short="f"),),
    arguments=no_arguments,
    spellings=("system info", "info"),
)

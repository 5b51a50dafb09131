"""``scow version``."""

import time

from scow.api.client.client import MAX_API_VERSION
from scow.cli.client_version import client_version
from scow.cli.columns import align
from scow.cli.command import Command, no_arguments
from scow.cli.exits import CommandError
from scow.cli.flags import STRING, Flag
from scow.cli.listing import INSPECT_FORMAT_HELP
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation
    from scow.cli.templates.template import Template

_BAD_TEMPLATE_STATUS = 64
_MIN_WIDTH = 20
_ENGINE = "Engine"


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Prints the versions of both ends; what is known of this one also when the engine does not answer."""
    template = _compiled(flags["format"]) if flags["format"] else None
    failure = None
    server = None
    try:
        server = invocation.client.get("/version")
    except ScowError as exc:
        failure = exc
    client = {**client_version(invocation), "ApiVersion": invocation.client.version}
    if server:
        _complete(server)
    if template:
        from scow.cli.inspect_types import inspect_value
        from scow.cli.templates.errors import TemplateError

        typed = inspect_value("version", {"Client": client, "Server": server})
        try:
            template.write(invocation.out, typed)
        except TemplateError as exc:
            raise CommandError(_with_name(exc.message)) from exc
    else:
        text = client_text(client) + (server_text(server) if server else "")
        invocation.out.write(align([text], min_width=_MIN_WIDTH, padding=1))
    if failure:
        raise failure


def _compiled(text: str) -> "Template":
    from scow.cli.templates.errors import TemplateError
    from scow.cli.templates.template import compile_format

    try:
        return compile_format("{{json .}}" if text == "json" else text)
    except TemplateError as exc:
        raise CommandError(_with_name(exc.message), _BAD_TEMPLATE_STATUS) from exc


def _with_name(message: str) -> str:
    """Docker's template has a name here, which its errors show."""
    return message.replace("template: :", "template: version:").replace('executing ""', 'executing "version"')


def client_text(client: "dict[str, Any]") -> str:
    """The first paragraph, with tabs between names and values."""
    api = client["ApiVersion"]
    if api != MAX_API_VERSION:
        api += f" (downgraded from {MAX_API_VERSION})"
    return (
        f"Client:\n Version:\t{client['Version']}\n API version:\t{api}\n"
        f" Python version:\t{client['GoVersion'].removeprefix('python')}\n"
        f" OS/Arch:\t{client['Os']}/{client['Arch']}\n Context:\t{client['Context']}\n"
    )


def server_text(server: "dict[str, Any]") -> str:
    """The second paragraph: the engine and the programs that it uses."""
    platform = (server.get("Platform") or {}).get("Name") or ""
    lines = ["", f"Server: {platform}".rstrip()]
    for component in server["Components"]:
        details = component.get("Details") or {}
        lines += [f" {component['Name']}:", f"  Version:\t{component['Version']}"]
        if component["Name"] == _ENGINE:
            lines += _engine_lines(details)
        else:
            lines += [f"  {key}:\t{value}" for key, value in sorted(details.items())]
    return "".join(f"{line}\n" for line in lines)


def _engine_lines(details: dict[str, str]) -> list[str]:
    return [
        f"  API version:\t{details.get('ApiVersion', '')} "
        f"(minimum version {details.get('MinAPIVersion', '')})",
        f"  Go version:\t{details.get('GoVersion', '')}",
        f"  Git commit:\t{details.get('GitCommit', '')}",
        f"  Built:\t{details.get('BuildTime', '')}",
        f"  OS/Arch:\t{details.get('Os', '')}/{details.get('Arch', '')}",
        f"  Experimental:\t{details.get('Experimental', '')}",
    ]


def _complete(server: "dict[str, Any]") -> None:
    """Give an engine that lists no components one for itself; dates in the form people read."""
    components = server["Components"] = server.get("Components") or []
    engine = next((found for found in components if found["Name"] == _ENGINE), None)
    if engine is None:
        names = ("ApiVersion", "MinAPIVersion", "GitCommit", "GoVersion", "Os", "Arch", "BuildTime")
        details = {name: server.get(name) or "" for name in names}
        details["Experimental"] = "true" if server.get("Experimental") else "false"
        engine = {"Name": _ENGINE, "Version": server.get("Version") or "", "Details": details}
        components.append(engine)
    details = engine.get("Details") or {}
    if details.get("BuildTime"):
        details["BuildTime"] = _readable_date(details["BuildTime"])


def _readable_date(text: str) -> str:
    """``Thu May  7 21:09:36 2026`` of an RFC 3339 time, anything else as it is."""
    try:
        moment = time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return text
    return time.strftime("%a %b ", moment) + f"{moment.tm_mday:2}" + time.strftime(" %H:%M:%S %Y", moment)


COMMAND = Command(
    run,
    "[OPTIONS]",
    "Show the Docker version information",
    flags=(Flag("format", STRING, INSPECT_FORMAT_HELP, short="f"),),
    arguments=no_arguments,
)

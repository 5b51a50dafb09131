"""``scow events``."""

import time

from scow.cli.command import Command, no_arguments
from scow.cli.exits import CommandError
from scow.cli.flags import FILTER, STRING, Flag
from scow.cli.listing import INSPECT_FORMAT_HELP, filter_query
from scow.cli.timestamps import parse_moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

    Event = dict[str, Any]

_BAD_TEMPLATE_STATUS = 64
_NANO = 1_000_000_000


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Prints events as they happen, until the moment that was asked for or for ever."""
    text_of = _formatter(flags["format"])
    query = filter_query(flags["filter"])
    for name in ("since", "until"):
        if flags[name]:
            query.append((name, parse_moment(flags[name], time.time())))
    with invocation.client.request("GET", "/events", query) as response:
        for event in response.values():
            invocation.out.write(text_of(event) + "\n")


def _formatter(template: str) -> "Callable[[Event], str]":
    if not template:
        return event_line
    from scow.cli.inspect_types import inspect_value
    from scow.cli.templates.errors import TemplateError
    from scow.cli.templates.template import Template

    try:
        compiled = Template("{{json .}}" if template == "json" else template)
        blank = inspect_value("event", {})
        blank.go_type = "*events.Message"  # Docker checks the template on a pointer to one
        compiled.execute(blank)
    except TemplateError as exc:
        raise CommandError(f"Error parsing format: {exc.message}", _BAD_TEMPLATE_STATUS) from exc
    return lambda event: compiled.execute(inspect_value("event", event))


def event_line(event: "Event") -> str:
    """``2024-05-01T12:00:00.000000000+02:00 container start <id> (image=busybox, name=web)``."""
    nanoseconds = event.get("timeNano") or (event.get("time") or 0) * _NANO
    actor = event.get("Actor") or {}
    words = [_moment(nanoseconds)] if nanoseconds else []
    words += [event.get("Type") or "", event.get("Action") or "", actor.get("ID") or ""]
    attributes = actor.get("Attributes") or {}
    if attributes:
        words.append(f"({', '.join(f'{key}={value}' for key, value in sorted(attributes.items()))})")
    return " ".join(words)


def _moment(nanoseconds: int) -> str:
    local = time.localtime(nanoseconds // _NANO)
    zone = time.strftime("%z", local)
    zone = "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}"
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', local)}.{nanoseconds % _NANO:09}{zone}"


COMMAND = Command(
    run,
    "[OPTIONS]",
    "Get real time events from the server",
    flags=(
        Flag("since", STRING, "Show all events created since timestamp"),
        Flag("until", STRING, "Stream events until this timestamp"),
        Flag("filter", FILTER, "Filter output based on conditions provided", short="f"),
        Flag("format", STRING, INSPECT_FORMAT_HELP),
    ),
    arguments=no_arguments,
    spellings=("system events", "events"),
)

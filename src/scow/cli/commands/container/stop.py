"""``scow stop``, and what ``restart`` shares with it."""

from scow.api.client.client import object_path
from scow.cli.command import Command, at_least
from scow.cli.each import report_each
from scow.cli.exits import CommandError
from scow.cli.flags import INT, STRING, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.api.client.client import Client
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

STOP_FLAGS = (
    Flag("signal", STRING, "Signal to send to the container", short="s"),
    Flag("timeout", INT, "Seconds to wait before killing the container", short="t"),
    Flag("time", INT, "", deprecated="use --timeout instead"),
)


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Stops containers side by side, so that their grace periods overlap."""

    def act(client: "Client", name: str) -> None:
        client.post(object_path("container", name, "stop"), stop_query(client, flags))

    report_each(invocation, flags.arguments, act)


def stop_query(client: "Client", flags: "Flags") -> list[tuple[str, str]]:
    """The signal and grace period that were given; a signal only to engines that take one here."""
    given = [name for name in ("timeout", "time") if name in flags.changed]
    if len(given) > 1:
        raise CommandError("conflicting options: cannot specify both --timeout and --time")
    query = [("t", str(flags[name])) for name in given]
    if flags["signal"] and client.supports("1.42"):
        query.append(("signal", flags["signal"]))
    return query


COMMAND = Command(
    run,
    "[OPTIONS] CONTAINER [CONTAINER...]",
    "Stop one or more running containers",
    flags=STOP_FLAGS,
    arguments=at_least(1),
    spellings=("container stop", "stop"),
)

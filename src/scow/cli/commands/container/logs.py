"""``scow logs``."""

import time

from scow.api.client.client import object_path
from scow.api.client.multiplex import Demultiplexer
from scow.cli.attachment import write_frames
from scow.cli.command import Command, exactly
from scow.cli.flags import BOOL, STRING, Flag
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_MOMENT_HELP = 'timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)'


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Copies what a container wrote, stream by stream, or follows it until the container ends."""
    client = invocation.client
    container = client.get(object_path("container", flags.arguments[0], "json"))
    demultiplexer = None if container["Config"]["Tty"] else Demultiplexer()
    with client.request("GET", f"/containers/{container['Id']}/logs", _query(flags)) as response:
        for block in response.blocks:
            if demultiplexer is None:
                invocation.out.write_bytes(block)
            else:
                write_frames(demultiplexer, block, invocation.out, invocation.err)


def _query(flags: "Flags") -> list[tuple[str, str]]:
    query = [("stdout", "1"), ("stderr", "1"), ("tail", flags["tail"])]
    query += [(name, "1") for name in ("timestamps", "details", "follow") if flags[name]]
    for name in ("since", "until"):
        if flags[name]:
            query.append((name, _moment(name, flags[name])))
    return query


def _moment(name: str, text: str) -> str:
    from scow.cli.timestamps import parse_moment

    try:
        return parse_moment(text, time.time())
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f'invalid value for "{name}": {exc.message}') from exc


COMMAND = Command(
    run,
    "[OPTIONS] CONTAINER",
    "Fetch the logs of a container",
    flags=(
        Flag("follow", BOOL, "Follow log output", short="f"),
        Flag("since", STRING, f"Show logs since {_MOMENT_HELP}"),
        Flag("until", STRING, f"Show logs before a {_MOMENT_HELP}"),
        Flag("timestamps", BOOL, "Show timestamps", short="t"),
        Flag("details", BOOL, "Show extra details provided to logs"),
        Flag("tail", STRING, "Number of lines to show from the end of the logs", short="n", default="all"),
    ),
    arguments=exactly(1),
    spellings=("container logs", "logs"),
)

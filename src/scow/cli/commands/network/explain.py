"""``scow network explain``."""

from urllib.parse import quote

from scow.api.client.client import object_path
from scow.cli.command import Command, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Prints the ways of packets to and from a container, or to a port of the host."""
    (what,) = flags.arguments
    number = what.partition("/")[0]
    if number.isascii() and number.isdecimal() and len(number) <= 5:
        path = f"/scow/ports/{quote(what, safe='/')}/explain"
    else:
        path = "/scow" + object_path("container", what, "explain")
    answer = invocation.client.get(path)
    invocation.out.write("".join(f"{line}\n" for line in answer.get("Lines") or ()))


COMMAND = Command(
    run,
    "CONTAINER|PORT[/PROTO]",
    "Show the way of packets to a container or a published port, and which rule decides",
    arguments=exactly(1),
)

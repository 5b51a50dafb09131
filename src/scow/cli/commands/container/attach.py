"""``scow attach``."""

from scow.api.client.client import object_path
from scow.cli.attachment import DETACHED
from scow.cli.command import Command, exactly
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, STRING, Flag
from scow.cli.signals import SignalForwarder, TerminationCounter, WindowSize
from scow.cli.streaming import attach, exit_with
from scow.cli.terminal import require_terminal_input
from scow.cli.waiting import ExitWaiter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Joins the streams of a running container and ends with its exit status."""
    name = flags.arguments[0]
    waiter = ExitWaiter(invocation.client, name)
    config = _running_container(invocation, name)["Config"]
    tty = config["Tty"]
    require_terminal_input(attach_stdin=not flags["no-stdin"], tty=tty)
    if flags["sig-proxy"] and not tty:
        SignalForwarder(invocation, name).install()
    else:
        TerminationCounter(invocation).install()
    attachment = attach(
        invocation,
        name,
        tty=tty,
        stdin=config["OpenStdin"] and not flags["no-stdin"],
        stdout=True,
        stderr=True,
        keys=flags["detach-keys"] or invocation.config.text("detachKeys"),
    )
    try:
        _running_container(invocation, name)  # it may have ended before we were attached
        if tty and invocation.out.is_terminal():
            size = WindowSize(invocation, object_path("container", name, "resize"))
            # A shell draws its prompt anew only when the size really changes.
            size.send(grow=1)
            size.follow()
            attachment.resize_with(size.send)
        if attachment.run() == DETACHED:
            raise CommandError("read escape sequence")
    finally:
        attachment.close()
    status, error = waiter.result()
    if error:
        raise CommandError(error)
    exit_with(status)


def _running_container(invocation: "Invocation", name: str) -> "dict[str, Any]":
    container: dict[str, Any] = invocation.client.get(object_path("container", name, "json"))
    state = container["State"]
    if not state["Running"]:
        raise CommandError("You cannot attach to a stopped container, start it first")
    if state["Paused"]:
        raise CommandError("You cannot attach to a paused container, unpause it first")
    if state["Restarting"]:
        raise CommandError("You cannot attach to a restarting container, wait until it is running")
    return container


COMMAND = Command(
    run,
    "[OPTIONS] CONTAINER",
    "Attach local standard input, output, and error streams to a running container",
    flags=(
        Flag("no-stdin", BOOL, "Do not attach STDIN"),
        Flag("sig-proxy", BOOL, "Proxy all received signals to the process", default=True),
        Flag("detach-keys", STRING, "Override the key sequence for detaching a container"),
    ),
    arguments=exactly(1),
    spellings=("container attach", "attach"),
)

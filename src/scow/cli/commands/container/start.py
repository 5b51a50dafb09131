"""``scow start``, attached or not."""

from scow.api.client.client import object_path
from scow.cli.command import Command, at_least
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, STRING, Flag
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation
    from scow.cli.waiting import ExitWaiter


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Starts containers one after the other; attached, just one, and ends with its exit status."""
    names = flags.arguments
    attached = flags["attach"] or flags["interactive"]
    if len(names) > 1 and attached:
        raise CommandError("you cannot start and attach multiple containers at once")
    if len(names) > 1 and flags["checkpoint"]:
        raise CommandError("you cannot restore multiple containers at once")
    if attached:
        _start_attached(invocation, flags, names[0])
    elif flags["checkpoint"]:
        _start(invocation, flags, names[0])
    else:
        _start_all(invocation, flags, names)


def _start(invocation: "Invocation", flags: "Flags", name: str) -> None:
    query = [(key, flags[key]) for key in ("checkpoint", "checkpoint-dir") if flags[key]]
    invocation.client.post(object_path("container", name, "start"), query)


def _start_all(invocation: "Invocation", flags: "Flags", names: list[str]) -> None:
    failed = []
    for name in names:
        try:
            _start(invocation, flags, name)
            invocation.out.line(name)
        except ScowError as exc:
            invocation.err.line(exc)
            failed.append(name)
    if failed:
        raise CommandError(f"Error: failed to start containers: {', '.join(failed)}")


def _start_attached(invocation: "Invocation", flags: "Flags", name: str) -> None:
    from scow.cli.attachment import DETACHED
    from scow.cli.signals import SignalForwarder, TerminationCounter, WindowSize
    from scow.cli.streaming import attach, exit_with
    from scow.cli.waiting import ExitWaiter, wait_for_status

    container: dict[str, Any] = invocation.client.get(object_path("container", name, "json"))
    container_id, config = container["Id"], container["Config"]
    if config["Tty"]:
        TerminationCounter(invocation).install()
    else:
        SignalForwarder(invocation, container_id).install()
    attachment = attach(
        invocation,
        container_id,
        tty=config["Tty"],
        stdin=flags["interactive"] and config["OpenStdin"],
        stdout=True,
        stderr=True,
        keys=flags["detach-keys"] or invocation.config.text("detachKeys"),
    )
    removed = container["HostConfig"]["AutoRemove"]
    waiter = ExitWaiter(invocation.client, container_id, "removed" if removed else "next-exit")
    try:
        _start_or_wait(invocation, flags, container_id, waiter if removed else None)
        if config["Tty"] and invocation.out.is_terminal():
            size = WindowSize(invocation, f"/containers/{container_id}/resize")
            size.follow()
            attachment.resize_with(size.send)
        outcome = attachment.run()
    finally:
        attachment.close()
    if outcome != DETACHED:
        exit_with(wait_for_status(invocation, waiter))


def _start_or_wait(
    invocation: "Invocation", flags: "Flags", container_id: str, removal: "ExitWaiter | None"
) -> None:
    """Start; when that fails and the engine then removes the container, leave only after it has."""
    try:
        _start(invocation, flags, container_id)
    except ScowError:
        if removal:
            removal.result()
        raise


COMMAND = Command(
    run,
    "[OPTIONS] CONTAINER [CONTAINER...]",
    "Start one or more stopped containers",
    flags=(
        Flag("attach", BOOL, "Attach STDOUT/STDERR and forward signals", short="a"),
        Flag("interactive", BOOL, "Attach container's STDIN", short="i"),
        Flag("detach-keys", STRING, "Override the key sequence for detaching a container"),
        Flag("checkpoint", STRING, "Restore from this checkpoint", experimental=True),
        Flag("checkpoint-dir", STRING, "Use a custom checkpoint storage directory", experimental=True),
    ),
    arguments=at_least(1),
    spellings=("container start", "start"),
)

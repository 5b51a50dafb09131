"""``scow run``: create, attach, wait for the exit, start: in this order, so that nothing is missed."""

from scow.api.client.errors import DaemonError
from scow.cli.command import Command, at_least
from scow.cli.creation import create_container, read_body, with_help
from scow.cli.exits import USAGE_STATUS, CommandError
from scow.cli.flags import BOOL, STRING, Flag
from scow.cli.options.container_config import detach
from scow.cli.options.container_flags import creation_flags
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation
    from scow.cli.waiting import ExitWaiter

_NOT_FOUND_STATUS = 127
_NOT_EXECUTABLE_STATUS = 126
# Docker's client, too, has only the text of the engine's error to go by.
_NOT_FOUND_TEXTS = (
    "executable file not found",
    "no such file or directory",
    "system cannot find the file specified",
)
_NOT_EXECUTABLE_TEXTS = ("permission denied", "is a directory")


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Detached it prints the id; attached it ends with the exit status of the container's process."""
    body = read_body(invocation, flags, "run")
    if not flags["detach"]:
        from scow.cli.terminal import require_terminal_input

        require_terminal_input(attach_stdin=body["AttachStdin"], tty=body["Tty"])
    elif flags["attach"]:
        raise CommandError("conflicting options: cannot specify both --attach and --detach")
    else:
        detach(body)
    try:
        container_id = create_container(invocation, flags, body)
    except (ScowError, OSError) as exc:
        raise _as_exit(invocation, exc) from exc
    if body["AttachStdin"] or body["AttachStdout"] or body["AttachStderr"]:
        _run_attached(invocation, flags, body, container_id)
    else:
        _run_detached(invocation, flags, container_id)


def _run_detached(invocation: "Invocation", flags: "Flags", container_id: str) -> None:
    waiter = None
    if flags["rm"]:  # a start that fails leaves only when the engine has removed the container
        from scow.cli.waiting import ExitWaiter

        waiter = ExitWaiter(invocation.client, container_id, "removed")
    invocation.out.line(container_id)
    _start(invocation, container_id, waiter)


def _run_attached(
    invocation: "Invocation", flags: "Flags", body: "dict[str, Any]", container_id: str
) -> None:
    from scow.cli.attachment import DETACHED
    from scow.cli.signals import SignalForwarder, TerminationCounter, WindowSize
    from scow.cli.streaming import attach, exit_with
    from scow.cli.waiting import ExitWaiter, wait_for_status

    if flags["sig-proxy"]:
        SignalForwarder(invocation, container_id).install()
    else:
        TerminationCounter(invocation).install()
    attachment = attach(
        invocation,
        container_id,
        tty=body["Tty"],
        stdin=body["AttachStdin"],
        stdout=body["AttachStdout"],
        stderr=body["AttachStderr"],
        keys=flags["detach-keys"] or invocation.config.text("detachKeys"),
    )
    waiter = ExitWaiter(invocation.client, container_id, "removed" if flags["rm"] else "next-exit")
    try:
        _start(invocation, container_id, waiter if flags["rm"] else None)
        if body["Tty"] and invocation.out.is_terminal():
            size = WindowSize(invocation, f"/containers/{container_id}/resize")
            size.follow()
            attachment.resize_with(size.send)
        outcome = attachment.run(waiter.fileno())
    finally:
        attachment.close()
    if outcome != DETACHED:
        exit_with(wait_for_status(invocation, waiter))


def _start(invocation: "Invocation", container_id: str, removal: "ExitWaiter | None") -> None:
    try:
        invocation.client.post(f"/containers/{container_id}/start")
    except (ScowError, OSError) as exc:
        if removal and isinstance(exc, DaemonError):
            removal.result()
        raise _as_exit(invocation, exc) from exc


def _as_exit(invocation: "Invocation", exc: ScowError | OSError) -> CommandError:
    """The exit status that the engine's words stand for: 127 not found, 126 not executable, else 125."""
    text = str(exc)
    status = USAGE_STATUS
    if any(words in text for words in _NOT_FOUND_TEXTS):
        status = _NOT_FOUND_STATUS
    elif any(words in text for words in _NOT_EXECUTABLE_TEXTS):
        status = _NOT_EXECUTABLE_STATUS
    return with_help(invocation.program, "run", text, status)


COMMAND = Command(
    run,
    "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    "Create and run a new container from an image",
    flags=(
        *creation_flags("running", '"missing"'),
        Flag("detach", BOOL, "Run container in background and print container ID", short="d"),
        Flag("detach-keys", STRING, "Override the key sequence for detaching a container"),
        Flag("sig-proxy", BOOL, "Proxy received signals to the process", default=True),
    ),
    arguments=at_least(1),
    spellings=("container run", "run"),
    interspersed=False,
    own_help=True,
)

"""``scow exec``."""

from scow.api.client.client import object_path
from scow.api.client.errors import ConnectionFailedError
from scow.cli.command import Command, at_least
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, LIST, STRING, Flag, list_of
from scow.cli.options.environment import environment, validate_env
from scow.cli.terminal import require_terminal_input, terminal_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_LOST_STATUS = 255
"""Docker's -1: the engine went away before it could tell the exit status."""


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Runs a command in a container; attached it ends with the command's exit status."""
    name, *command = flags.arguments
    client = invocation.client
    body = _create_body(invocation, flags, command)
    client.get(
        object_path("container", name, "json")
    )  # a missing container is told before a missing terminal
    if not flags["detach"]:
        require_terminal_input(attach_stdin=body["AttachStdin"], tty=body["Tty"])
    exec_id = client.post(object_path("container", name, "exec"), body=body)["Id"]
    if not exec_id:
        raise CommandError("exec ID empty")
    start = {"Detach": flags["detach"], "Tty": body["Tty"]}
    if body["Tty"]:
        start["ConsoleSize"] = body["ConsoleSize"]
    if flags["detach"]:
        client.post(f"/exec/{exec_id}/start", body=start)
    else:
        _run_attached(invocation, exec_id, body, start)


def _create_body(invocation: "Invocation", flags: "Flags", command: list[str]) -> "dict[str, Any]":
    attached = not flags["detach"]
    body = {
        "User": flags["user"],
        "Privileged": flags["privileged"],
        "Tty": flags["tty"],
        "AttachStdin": attached and flags["interactive"],
        "AttachStdout": attached,
        "AttachStderr": attached,
        "Detach": flags["detach"],
        "DetachKeys": flags["detach-keys"] or invocation.config.text("detachKeys"),
        "Env": environment(flags["env-file"], flags["env"], invocation.environ) or None,
        "WorkingDir": flags["workdir"],
        "Cmd": command,
    }
    if flags["tty"]:
        body["ConsoleSize"] = list(terminal_size(invocation.out.fd))
    return body


def _run_attached(
    invocation: "Invocation", exec_id: str, body: "dict[str, Any]", start: "dict[str, Any]"
) -> None:
    from scow.cli.attachment import DETACHED, Attachment
    from scow.cli.signals import WindowSize

    tty = body["Tty"]
    attachment = Attachment(
        invocation.client.hijack(f"/exec/{exec_id}/start", body=start),
        tty=tty,
        stdin=body["AttachStdin"],
        out=invocation.out,
        err=invocation.err,
        detach_keys=body["DetachKeys"],
        on_resize_failed=lambda: invocation.err.line("failed to resize tty, using default size"),
    )
    try:
        if tty and invocation.out.is_terminal():
            size = WindowSize(invocation, f"/exec/{exec_id}/resize")
            size.follow()
            attachment.resize_with(size.send)
        if attachment.run() == DETACHED:
            raise CommandError("read escape sequence")
    finally:
        attachment.close()
    status = _exit_status(invocation, exec_id)
    if status:
        raise CommandError(status=status)


def _exit_status(invocation: "Invocation", exec_id: str) -> int:
    try:
        return int(invocation.client.get(f"/exec/{exec_id}/json")["ExitCode"] or 0)
    except ConnectionFailedError:
        return _LOST_STATUS


COMMAND = Command(
    run,
    "[OPTIONS] CONTAINER COMMAND [ARG...]",
    "Execute a command in a running container",
    flags=(
        Flag("detach-keys", STRING, "Override the key sequence for detaching a container"),
        Flag("interactive", BOOL, "Keep STDIN open even if not attached", short="i"),
        Flag("tty", BOOL, "Allocate a pseudo-TTY", short="t"),
        Flag("detach", BOOL, "Detached mode: run command in the background", short="d"),
        Flag("user", STRING, 'Username or UID (format: "<name|uid>[:<group|gid>]")', short="u"),
        Flag("privileged", BOOL, "Give extended privileges to the command"),
        Flag("env", list_of(validate_env), "Set environment variables", short="e", since="1.25"),
        Flag("env-file", LIST, "Read in a file of environment variables", since="1.25"),
        Flag("workdir", STRING, "Working directory inside the container", short="w", since="1.35"),
    ),
    arguments=at_least(2),
    spellings=("container exec", "exec"),
    interspersed=False,
)

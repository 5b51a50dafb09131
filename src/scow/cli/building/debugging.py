"""``scow build --debug``: a shell where a step has failed, in a container of what it has left."""

import os

from scow.cli.exits import CommandError
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.building.modern import BuildFailedError
    from scow.cli.invocation import Invocation

_SHELL = "/bin/sh"


def open_shell(invocation: "Invocation", failed: "BuildFailedError") -> None:
    """Say what failed, be a shell until its user leaves it, and remove container and image."""
    client = invocation.client
    invocation.err.line(failed.message)
    failed.message = ""  # it is told
    try:
        config = client.get(f"/images/{failed.left_image}/json").get("Config") or {}
        shell = _shell_of(config.get("Cmd") or [])
        invocation.err.line(f"\n{shell} with the files and the environment of the failed step:")
        _run(invocation, failed.left_image, shell)
    finally:
        try:
            client.delete(f"/images/{failed.left_image}")
        except ScowError as exc:
            invocation.err.line(exc.message)


def _shell_of(command: list[str]) -> str:
    """The one that ran the step, if one did."""
    return command[0] if "-c" in command[1:-1] else _SHELL


def _run(invocation: "Invocation", image: str, shell: str) -> None:
    """As ``scow run`` does; how the shell ends is nobody's business."""
    from scow.cli.parser import parse_flags
    from scow.cli.tree import load_command

    command = load_command("container.run")
    words = ["--rm", "-it" if os.isatty(0) else "-i", "--entrypoint", shell, image]
    try:
        command.run(invocation, parse_flags(command.flags, words, interspersed=False))
    except CommandError as exc:
        if exc.message:
            invocation.err.line(exc.message)

"""A shell in a build: where a step has failed, in a container of what it has left; or in the result.

``scow build --debug`` opens one where a step fails; ``buildx debug --on=error|always --invoke …`` says when,
and what runs there.
"""

import os

from scow.cli.exits import CommandError
from scow.cli.options.csv_fields import split_fields
from scow.errors import InvalidArgumentError, ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.building.modern import BuildFailedError
    from scow.cli.invocation import Invocation

_SHELL = "/bin/sh"
_UNNAMED = ("", "default", "debug-shell", "on-error")
"""Values of ``--invoke`` that name no program."""
_FIELDS = ("entrypoint", "args", "env", "user", "cwd")


class Invoked:
    """What runs in the container: ``entrypoint`` "" for the shell of the step. All by ``--invoke``."""

    __slots__ = ("arguments", "cwd", "entrypoint", "environment", "user")

    def __init__(self) -> None:
        self.entrypoint = ""
        self.arguments: list[str] = []
        self.environment: list[str] = []
        self.user = ""
        self.cwd = ""

    def words(self, image: str, shell: str) -> list[str]:
        """Arguments of ``run``."""
        words = ["--rm", "-it" if os.isatty(0) else "-i", "--entrypoint", self.entrypoint or shell]
        for option, values in (("-e", self.environment), ("-u", [self.user]), ("-w", [self.cwd])):
            words += [word for value in values if value for word in (option, value)]
        return [*words, image, *self.arguments]


def parse_invoked(text: str) -> Invoked:
    """``/bin/bash``, or ``entrypoint=/bin/bash,args=-l,env=A=b,user=1,cwd=/x``. Raises CommandError."""
    found = Invoked()
    if text in _UNNAMED:
        return found
    try:
        fields = [it.partition("=") for it in split_fields(text)]
    except InvalidArgumentError as exc:
        raise CommandError(f"ERROR: {exc.message}") from exc
    if len(fields) == 1 and not fields[0][1]:
        found.entrypoint = text
        return found
    for name, equals, value in fields:
        if not equals or name not in _FIELDS:
            raise CommandError(f'ERROR: unknown key "{name}"')
        if name == "args":
            found.arguments.append(value)
        elif name == "env":
            found.environment.append(value)
        else:
            setattr(found, name, value)
    return found


def open_shell(invocation: "Invocation", failed: "BuildFailedError", invoked: Invoked | None = None) -> None:
    """Say what failed, be a shell until its user leaves it, and remove container and image."""
    client = invocation.client
    invocation.err.line(failed.message)
    failed.message = ""  # it is told
    try:
        invoked = invoked or Invoked()
        shell = _shell_of(client.get(f"/images/{failed.left_image}/json").get("Config") or {})
        program = invoked.entrypoint or shell
        invocation.err.line(f"\n{program} with the files and the environment of the failed step:")
        _run(invocation, invoked.words(failed.left_image, shell))
    finally:
        try:
            client.delete(f"/images/{failed.left_image}")
        except ScowError as exc:
            invocation.err.line(exc.message)


def open_result(invocation: "Invocation", image_id: str, invoked: Invoked) -> None:
    """The same in what a build came to, which stays."""
    invocation.err.line(f"\n{invoked.entrypoint or _SHELL} in the result:")
    _run(invocation, invoked.words(image_id, _SHELL))


def _shell_of(config: dict[str, list[str]]) -> str:
    """The one that ran the step, if one did."""
    command = config.get("Cmd") or []
    return command[0] if "-c" in command[1:-1] else _SHELL


def _run(invocation: "Invocation", words: list[str]) -> None:
    """As ``scow run`` does; how the shell ends is nobody's business."""
    from scow.cli.parser import parse_flags
    from scow.cli.tree import load_command

    command = load_command("container.run")
    try:
        command.run(invocation, parse_flags(command.flags, words, interspersed=False))
    except CommandError as exc:
        if exc.message:
            invocation.err.line(exc.message)

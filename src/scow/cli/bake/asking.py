"""Asking the person at the terminal for the rights that a definition needs."""

import os

from scow.cli.bake.entitlements import Entitlements, asks_for_files, is_of_files_only, told
from scow.cli.exits import CommandError
from scow.cli.go_values import parse_bool, quote
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from scow.cli.invocation import Invocation

_OF_FILES = "BUILDX_BAKE_ENTITLEMENTS_FS"
_OF_REMOTE_FILES = "BAKE_ALLOW_REMOTE_FS_ACCESS"


def ask(
    invocation: "Invocation", asked: Entitlements, close_display: "Callable[[], None]", *, is_remote: bool
) -> None:
    """Returns if the rights are given. Raises CommandError if they are not.

    Standard input is asked if it is a terminal; elsewhere the refusal says which options are missing.
    """
    close_display()
    err, terminal = invocation.err, os.isatty(0)
    _show(invocation, asked, terminal=terminal)
    checks_files = _checks_files(invocation, is_remote=is_remote)
    if not checks_files and is_of_files_only(asked):
        return
    if checks_files and _OF_FILES not in invocation.environ and asks_for_files(asked):
        err.line(f"To disable filesystem entitlements checks, you can set {_OF_FILES}=0 .\n")
    if terminal:
        err.write("Do you want to grant requested privileges and continue? [y/N] ")
        with open(0, encoding="utf-8", errors="replace", closefd=False) as answers:
            if answers.readline().rstrip("\r\n").lower() == "y":
                return
    raise CommandError("ERROR: additional privileges requested")


def refuse(asked: Entitlements) -> None:
    """Where output is for programs nobody is asked. Raises CommandError."""
    _, options = told(asked)
    raise CommandError(
        f'ERROR: additional privileges requested: pass "{" ".join(options)}" to grant requested privileges'
    )


def _show(invocation: "Invocation", asked: Entitlements, *, terminal: bool) -> None:
    lines, options = told(asked)
    wanted = " ".join(options)
    begin = "In order to not see this message in the future pass" if terminal else "Pass"
    err = invocation.err
    err.line("Your build is requesting privileges for following possibly insecure capabilities:\n")
    for line in lines:
        err.line(line)
    err.line(f"\n{begin} {quote(wanted)} to grant requested privileges.")
    _show_command(invocation, wanted)


def _show_command(invocation: "Invocation", options: str) -> None:
    words = [invocation.program, *invocation.argv]
    if "bake" in words:
        at = words.index("bake") + 1
        command = " ".join([*words[:at], options, *words[at:]])
        invocation.err.line(f"\nYour full command with requested privileges:\n\n{command}\n")


def _checks_files(invocation: "Invocation", *, is_remote: bool) -> bool:
    found = True
    if is_remote and (text := invocation.environ.get(_OF_REMOTE_FILES)) is not None:
        found = not _switch(_OF_REMOTE_FILES, text)
    if (text := invocation.environ.get(_OF_FILES)) is not None:
        found = _switch(_OF_FILES, text)
    return found


def _switch(name: str, text: str) -> bool:
    try:
        return parse_bool(text)
    except InvalidArgumentError as exc:
        raise CommandError(f'ERROR: failed to parse {name} value "{text}": {exc.message}') from exc

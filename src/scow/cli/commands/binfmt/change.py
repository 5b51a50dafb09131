"""``scow binfmt install`` and ``rm``."""

from scow.cli.command import Command, at_least
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, Flag
from scow.cli.options.emulators import emulating_client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def install(invocation: "Invocation", flags: "Flags") -> None:
    """Registers interpreters and tells of each what is the case now."""
    _change(invocation, "install", {"Architectures": flags.arguments, "Force": flags["force"]})


def remove(invocation: "Invocation", flags: "Flags") -> None:
    """Takes registrations back."""
    _change(invocation, "remove", {"Architectures": flags.arguments})


def _change(invocation: "Invocation", verb: str, wanted: "dict[str, Any]") -> None:
    """Raises CommandError when something did not succeed; the others are done all the same."""
    answer = emulating_client(invocation).post(f"/scow/binfmt/{verb}", body=wanted)
    for change in answer["Changes"]:
        platforms = ",".join(change["Platforms"])
        named = f"{change['Name']} ({platforms})" if platforms else change["Name"]
        out = invocation.err if change["Failed"] else invocation.out
        out.line(f"{named}: {change['Outcome']}")
    if any(change["Failed"] for change in answer["Changes"]):
        raise CommandError


INSTALL = Command(
    install,
    "[OPTIONS] [all|ARCH...]",
    "Let the engine's machine run programs of other machines",
    long=(
        "Register interpreters of other machines' programs with the kernel of the engine's machine:\n"
        "all that the package qemu-user-static has brought there, or those that are named."
    ),
    flags=(Flag("force", BOOL, "Replace other interpreters of the same programs", short="f"),),
    arguments=lambda _: None,
)
REMOVE = Command(
    remove,
    "all|ARCH [ARCH...]",
    "Remove interpreters of other machines' programs",
    arguments=at_least(1),
    spellings=("binfmt rm", "binfmt remove", "binfmt uninstall"),
)

"""``scow buildx debug build``."""

from scow.cli.building.debugging import open_result, open_shell, parse_invoked
from scow.cli.building.flags import FLAGS
from scow.cli.command import Command
from scow.cli.commands.image.build import COMMAND as BUILD
from scow.cli.commands.image.build import build
from scow.cli.commands.imagetools.create import BUILDER
from scow.cli.exits import CommandError
from scow.cli.flags import STRING, Flag
from scow.cli.parser import parse_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.building.modern import BuildFailedError
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_ERROR, _ALWAYS = "error", "always"


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Builds, with a shell where a step fails, or in the result."""
    words = flags.arguments
    if not words or words[0] != "build":
        raise CommandError(f"ERROR: {invocation.program} buildx debug: 'build' must follow")
    if flags["on"] not in (_ERROR, _ALWAYS):
        raise CommandError(f'ERROR: invalid --on "{flags["on"]}": expected {_ALWAYS} or {_ERROR}')
    # A program to run means the result, too, unless only failures are asked for.
    always = flags["on"] == _ALWAYS or (bool(flags["invoke"]) and "on" not in flags.changed)
    invoked = parse_invoked(flags["invoke"])
    wanted = parse_flags(FLAGS, words[1:])
    if len(wanted.arguments) != 1:
        raise CommandError(f"'{invocation.program} buildx debug build' requires 1 argument")
    wanted["debug"] = True
    wanted["builder"] = wanted["builder"] or flags["builder"]

    def enter(failed: "BuildFailedError") -> None:
        open_shell(invocation, failed, invoked)

    result = build(invocation, wanted, enter)
    image_id = result.get("containerimage.config.digest") or result.get("containerimage.digest")
    if not always:
        return
    if not image_id:
        raise CommandError("ERROR: the result is no image of the engine's, which --on=always opens")
    open_result(invocation, str(image_id), invoked)


COMMAND = Command(
    run,
    f"[OPTIONS] build {BUILD.synopsis}",
    "Start debugger (EXPERIMENTAL)",
    flags=(
        BUILDER,
        Flag("invoke", STRING, "Launch a monitor with executing specified command (EXPERIMENTAL)"),
        Flag(
            "on",
            STRING,
            "When to launch the monitor ([always, error]) (EXPERIMENTAL)",
            default=_ERROR,
        ),
    ),
    arguments=lambda _count: None,
    interspersed=False,
)

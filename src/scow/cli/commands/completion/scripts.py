"""``scow completion bash``, ``fish`` and ``zsh``."""

from scow.cli.command import Command, no_arguments
from scow.cli.flags import BOOL, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def _print(invocation: "Invocation", flags: "Flags") -> None:
    """Prints the script for the shell that the command is named after."""
    from scow.cli.completion.scripts import script

    shell = invocation.command_name.rpartition(" ")[2]
    invocation.out.write(script(shell, invocation.program, described=not flags["no-descriptions"]))


def _command(shell: str, use: str) -> Command:
    short = f"Generate the autocompletion script for {shell}"
    return Command(
        _print,
        "[OPTIONS]",
        short,
        long=f"{short}.\n\nTo load it in a running shell:\n\n\t{use}",
        flags=(Flag("no-descriptions", BOOL, "disable completion descriptions"),),
        arguments=no_arguments,
    )


BASH = _command("bash", "source <(scow completion bash)")
FISH = _command("fish", "scow completion fish | source")
ZSH = _command("zsh", "source <(scow completion zsh)")

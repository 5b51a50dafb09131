"""``scow binfmt ls``."""

from scow.cli.command import Command, no_arguments
from scow.cli.flags import BOOL, STRING, Flag
from scow.cli.listing import FORMAT_HELP, Layout, print_listing
from scow.cli.options.emulators import emulating_client
from scow.cli.templates.values import Adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_HEADERS = {
    "Name": "NAME",
    "Platforms": "PLATFORMS",
    "Status": "STATUS",
    "Interpreter": "INTERPRETER",
    "Flags": "FLAGS",
}
_LAYOUT = Layout(_HEADERS, ("Name", "Platforms", "Status", "Interpreter"), quiet="Name")


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Lists what the kernel of the engine's machine has, then what could be installed."""
    found = emulating_client(invocation).get("/scow/binfmt")
    if found["SwitchedOff"]:
        invocation.err.line("WARNING: all of them are switched off (/proc/sys/fs/binfmt_misc/status)")
    print_listing(invocation, map(_row, found["Emulators"]), _LAYOUT, flags["format"], quiet=flags["quiet"])


def _row(emulator: "dict[str, Any]") -> Adapter:
    return Adapter(
        "*formatter.emulatorContext",
        {
            "Name": emulator["Name"],
            "Platforms": ",".join(emulator["Platforms"]),
            "Status": emulator["Status"],
            "Interpreter": emulator["Interpreter"],
            "Flags": emulator["Flags"],
        },
    )


COMMAND = Command(
    run,
    "[OPTIONS]",
    "List interpreters of other machines' programs",
    flags=(
        Flag("quiet", BOOL, "Only display names", short="q"),
        Flag("format", STRING, FORMAT_HELP),
    ),
    arguments=no_arguments,
    spellings=("binfmt ls", "binfmt list"),
)

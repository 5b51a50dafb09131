"""``scow buildx version``."""

from scow import __version__
from scow.cli.builders import BUILDX_VERSION
from scow.cli.command import Command, no_arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """In the form that set-up scripts take apart: whose commands, their version, whose work."""
    invocation.out.line(f"github.com/docker/buildx v{BUILDX_VERSION}+scow-{__version__} scow")


COMMAND = Command(run, "", "Show buildx version information", arguments=no_arguments)

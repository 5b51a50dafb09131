"""What this program says of itself in ``version`` and ``info``."""

import os
import sys

from scow import __version__
from scow.api.client.client import MAX_API_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.invocation import Invocation

COMPATIBLE_VERSION = "28.2.2"
"""The Docker command line that this one behaves as, and gives as its version when it is called
docker or podman."""
_GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


def client_version(invocation: "Invocation") -> dict[str, str]:
    """The ``Client`` object of ``version --format json``, without the negotiated API version."""
    machine = os.uname().machine
    return {
        "Version": __version__ if invocation.program == "scow" else COMPATIBLE_VERSION,
        "DefaultAPIVersion": MAX_API_VERSION,
        "GitCommit": f"scow-{__version__}",
        "GoVersion": f"python{sys.version.partition(' ')[0]}",
        "Os": "linux",
        "Arch": _GO_ARCHITECTURES.get(machine, machine),
        "Context": invocation.context_name(),
    }


def version_line(program: str) -> str:
    """``--version``; scripts that call docker compare the number with Docker's."""
    if program == "scow":
        return f"scow version {__version__}"
    return f"{program.capitalize()} version {COMPATIBLE_VERSION}, build scow-{__version__}"

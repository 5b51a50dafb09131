"""Asking before something is removed."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.invocation import Invocation


def confirm(invocation: "Invocation", question: str) -> bool:
    """True for ``y`` or ``Y`` on standard input; its end is a no."""
    invocation.out.write(question + " [y/N] ")
    return sys.stdin.readline().strip().lower() == "y"

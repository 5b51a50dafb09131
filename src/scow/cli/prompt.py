"""Asking before something is removed."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.invocation import Invocation


def confirm(invocation: "Invocation", question: str) -> bool:
    """True for ``y`` or ``Y`` on standard input; its end is a no."""
    invocation.out.write(question + " [y/N] ")
    with open(0, encoding="utf-8", errors="replace", closefd=False) as answers:
        return answers.readline().strip().lower() == "y"

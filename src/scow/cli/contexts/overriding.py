"""What wins over the context that was chosen with ``context use``."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.invocation import Invocation


def overriding_variable(invocation: "Invocation") -> str:
    """The name of the variable that says another engine, "" if none does."""
    names = ("SCOW_HOST", "DOCKER_HOST")
    return next((name for name in names if invocation.environ.get(name)), "")

"""How a command ends other than well: a message for standard error and an exit status."""

from scow.errors import ScowError

USAGE_STATUS = 125
"""Wrong options, and everything that ``run`` and ``create`` fail with before the container's own program."""


class CommandError(ScowError):
    """Ends the command; an empty message prints nothing."""

    def __init__(self, message: str = "", status: int = 1) -> None:
        super().__init__(message)
        self.status = status


def join_errors(errors: list[ScowError]) -> None:
    """Raise one CommandError with a line for each of ``errors``; return when there is none."""
    if errors:
        raise CommandError("\n".join(error.message for error in errors))

"""What a command is: how it is used, its options, its number of arguments, and the function that runs it."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from scow.cli.flags import Flag, Flags
    from scow.cli.invocation import Invocation

    Run = Callable[[Invocation, Flags], None]
    ArgumentCheck = Callable[[int], "tuple[str, str] | None"]


class Command:
    """One verb. ``synopsis`` follows the command's name in usage lines; ``spellings`` are all its names.

    With ``own_help`` the command lists ``--help`` itself and has another use for ``-h``. ``since`` is the API
    version that the engine must have; an ``experimental`` one is for engines that allow such things.
    """

    __slots__ = (
        "arguments",
        "experimental",
        "flags",
        "interspersed",
        "long",
        "own_help",
        "run",
        "short",
        "since",
        "spellings",
        "synopsis",
    )

    def __init__(
        self,
        run: "Run",
        synopsis: str,
        short: str,
        *,
        flags: "tuple[Flag, ...]" = (),
        arguments: "ArgumentCheck",
        spellings: tuple[str, ...] = (),
        long: str = "",
        interspersed: bool = True,
        own_help: bool = False,
        since: str = "",
        experimental: bool = False,
    ) -> None:
        self.run = run
        self.synopsis = synopsis
        self.short = short
        self.flags = flags
        self.arguments = arguments
        self.spellings = spellings
        self.long = long or short
        self.interspersed = interspersed
        self.own_help = own_help
        self.since = since
        self.experimental = experimental


def no_arguments(count: int) -> "tuple[str, str] | None":
    """None when ``count`` is right, else Docker's complaint and the word that begins its hint."""
    return ("accepts no arguments", "Run") if count else None


def any_number(count: int) -> "tuple[str, str] | None":
    """No complaint about any number of arguments."""
    return None


def exactly(number: int) -> "ArgumentCheck":
    """Just so many arguments."""

    def check(count: int) -> "tuple[str, str] | None":
        return None if count == number else (f"requires {number} {_arguments(number)}", "Run")

    return check


def at_least(number: int) -> "ArgumentCheck":
    """So many arguments or more."""

    def check(count: int) -> "tuple[str, str] | None":
        # "See", not "Run", is what Docker has here.
        return None if count >= number else (f"requires at least {number} {_arguments(number)}", "See")

    return check


def at_most(number: int) -> "ArgumentCheck":
    """So many arguments or fewer."""

    def check(count: int) -> "tuple[str, str] | None":
        return None if count <= number else (f"requires at most {number} {_arguments(number)}", "Run")

    return check


def between(low: int, high: int) -> "ArgumentCheck":
    """A number of arguments in a range, both ends included."""

    def check(count: int) -> "tuple[str, str] | None":
        if low <= count <= high:
            return None
        return f"requires at least {low} and at most {high} {_arguments(high)}", "Run"

    return check


def _arguments(number: int) -> str:
    return "argument" if number == 1 else "arguments"

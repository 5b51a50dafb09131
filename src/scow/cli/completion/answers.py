"""What can be said to a shell: values with a word about each, and what to do with them.

Directives are cobra's numbers, so that its scripts and ours understand one another.
"""

DEFAULT, ERROR, NO_SPACE, NO_FILES = 0, 1, 2, 4
DIRECTIVE_NAMES = {
    ERROR: "ShellCompDirectiveError",
    NO_SPACE: "ShellCompDirectiveNoSpace",
    NO_FILES: "ShellCompDirectiveNoFileComp",
}


class Answer:
    """``values`` may hold a tab and a description each; the shell leaves out those that do not fit."""

    __slots__ = ("directive", "values")

    def __init__(self, values: list[str], directive: int = NO_FILES) -> None:
        self.values = values
        self.directive = directive


NOTHING = Answer([])
FILES = Answer([], DEFAULT)
FAILED = Answer([], ERROR)


def directive_text(directive: int) -> str:
    """The names behind the bits, as cobra writes them on standard error."""
    names = [name for bit, name in DIRECTIVE_NAMES.items() if directive & bit]
    return ", ".join(names) or "ShellCompDirectiveDefault"


def prefixed(prefix: str, answer: Answer) -> Answer:
    """Each value behind ``prefix``."""
    return Answer([prefix + value for value in answer.values], answer.directive)


def suffixed(answer: Answer, suffix: str) -> Answer:
    """Each value in front of ``suffix``, behind which more is to come."""
    return Answer([value + suffix for value in answer.values], NO_SPACE)

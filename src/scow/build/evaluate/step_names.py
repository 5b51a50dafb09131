"""What a step is called while it is done: ``[stage 2/5] RUN echo hello``."""

import math

from scow.build.dockerfile import instructions as it
from scow.build.dockerfile.heredoc import Heredoc, parse_heredoc
from scow.build.dockerfile.instructions import Instruction
from scow.build.evaluate.variables import Scope
from scow.errors import InvalidArgumentError
from scow.spec.shell_words import Lexing, expand


def step_place(label: str, number: int, total: int) -> str:
    """Numbers stand below each other, for as many steps as there are."""
    width = 1 + int(math.log10(total))
    return f"[{label}{number:>{width}}/{total}]"


def step_text(instruction: Instruction, scope: Scope) -> str:
    """The line as it is written, with its variables as they are now.

    A program's keeps its quotes, and variables that nobody has set: they are the shell's.
    """
    text = f"{instruction.word.upper()} {instruction.text}".rstrip()
    lexing = Lexing(escape=scope.escape)
    if isinstance(instruction, it.Run):
        text += _summary(instruction.command.words, instruction.heredocs)
        lexing = Lexing(escape=scope.escape, keep_quotes=True, keep_unset=True)
    try:
        return expand(text, scope.values(), lexing)
    except InvalidArgumentError:
        return text


def _summary(words: tuple[str, ...], heredocs: tuple[Heredoc, ...]) -> str:
    """The first line of the document that is all that is run."""
    if not heredocs or parse_heredoc(words[0]) is None:
        return ""
    first, *rest = heredocs[0].content.strip().splitlines() or [""]
    return f" ({first}{'...' if rest else ''})"

"""What a step is called while it is done: ``[stage 2/5] RUN echo hello``."""

import math

from scow.build.dockerfile import instructions as it
from scow.build.dockerfile.heredoc import Heredoc, parse_heredoc
from scow.build.dockerfile.instructions import Instruction
from scow.build.dockerfile.parser import Dockerfile
from scow.build.evaluate.options import Options
from scow.build.evaluate.variables import Scope
from scow.errors import InvalidArgumentError
from scow.spec.platform import Platform
from scow.spec.shell_words import Lexing, expand


def step_place(label: str, number: int, total: int) -> str:
    """Numbers stand below each other, for as many steps as there are."""
    width = 1 + int(math.log10(total))
    return f"[{label}{number:>{width}}/{total}]"


def stage_label(dockerfile: Dockerfile, options: Options, index: int, platform: Platform) -> str:
    """What steps of a stage are called by, with a space after it; "" where there is nothing to tell apart."""
    label = f"{_shown_platform(platform, options.platform)} " if options.shows_platform else ""
    if not _has_many_file_systems(dockerfile):
        return label
    return f"{label}{dockerfile.stages[index].name or f'stage-{index}'} "


def _shown_platform(stage: Platform, target: Platform) -> str:
    """A stage's, and what the build is for where that is another."""
    return str(stage) if stage == target else f"{stage}->{target.architecture}"


def _has_many_file_systems(dockerfile: Dockerfile) -> bool:
    """Whether there are others than that of the only stage."""
    stages = dockerfile.stages
    return len(stages) > 1 or any(
        (isinstance(step, it.Copy) and step.from_) or (isinstance(step, it.Run) and step.mounts)
        for step in stages[0].instructions
    )


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

"""Who looks on while a Dockerfile is evaluated: the build checks."""

from collections.abc import Iterable
from typing import Protocol

from scow.build.dockerfile.instructions import Instruction, Stage
from scow.build.evaluate.base import BaseImage
from scow.build.evaluate.stage_state import StageState
from scow.build.evaluate.variables import Scope, Unset
from scow.spec.platform import Platform


class StepObserver(Protocol):
    """Of one stage."""

    def check(self, instruction: Instruction, state: StageState) -> None:
        """It comes next; ``state`` is what it will change. What there is to say is kept."""

    def check_variables(self, instruction: Instruction, unset: Iterable[Unset]) -> None:
        """It has used variables that nobody had declared."""

    def tell(self, instruction: Instruction) -> None:
        """It has been evaluated: what was kept may be said."""


class Observer(Protocol):
    """Of all stages."""

    def check_from(self, stage: Stage, scope: Scope) -> None:
        """``scope`` is that of what stands before the first FROM."""

    def check_image(self, stage: Stage, base: BaseImage, wanted: Platform) -> None:
        """What a stage begins as has been found."""

    def steps_of(self, index: int, continues: int | None) -> StepObserver:
        """Stage ``index`` begins, as the stage ``continues`` ended or as an image."""

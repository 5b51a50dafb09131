"""One stage of a Dockerfile, evaluated instruction by instruction."""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Protocol

from scow.build.dockerfile import instructions as it
from scow.build.dockerfile.instructions import Instruction
from scow.build.dockerfile.parser import Dockerfile
from scow.build.dockerfile.reading import read_trigger
from scow.build.evaluate import file_steps
from scow.build.evaluate.base import SCRATCH
from scow.build.evaluate.config_steps import apply_config_step
from scow.build.evaluate.mistakes import MistakesAt
from scow.build.evaluate.observing import StepObserver
from scow.build.evaluate.options import Options
from scow.build.evaluate.stage_state import Made, StageState
from scow.build.evaluate.step_names import stage_label, step_place, step_text
from scow.build.evaluate.variables import Unset
from scow.build.graph.ops import Op, Outside, Vertex
from scow.errors import InvalidArgumentError

_IN_A_TURN = 50
"""So many instructions are a few milliseconds."""


class Whole(Protocol):
    """What a stage needs of the Dockerfile that it is a part of."""

    @property
    def dockerfile(self) -> Dockerfile: ...

    @property
    def options(self) -> Options: ...

    async def find_sources(
        self, instruction: Instruction, index: int, state: StageState
    ) -> dict[str, Vertex | Outside]:
        """What an instruction names by ``--from`` or ``from=``, found; "" is the context."""


class StageEvaluation:
    """One stage while its instructions are evaluated. ``triggers`` of its base come first."""

    def __init__(
        self,
        whole: Whole,
        index: int,
        state: StageState,
        triggers: list[str],
        *,
        continues: int | None = None,
        observer: StepObserver | None = None,
    ) -> None:
        """``continues`` is the index of the stage that this one begins as, ``None`` for an image."""
        self._whole = whole
        self._observer = observer
        self.index = index
        self.continues = continues
        self.state = state
        self.stage = whole.dockerfile.stages[index]
        escape = whole.dockerfile.directives.escape
        with MistakesAt(whole.dockerfile.source, self.stage.location):
            self.triggers = [read_trigger(text, self.stage.location, escape) for text in triggers]
        self._label = stage_label(whole.dockerfile, whole.options, index, state.platform)
        self._no_cache = whole.options.is_without_cache(self.stage, index)
        self._number = int(continues is None and state.base is not SCRATCH)
        self._total = self._number + sum(map(file_steps.is_file_step, self.instructions))

    @property
    def instructions(self) -> list[Instruction]:
        """Everything to be applied, in order."""
        return [*self.triggers, *self.stage.instructions]

    async def apply(self, instruction: Instruction) -> Made:
        """Evaluate one. Raises DockerfileError, and what finding an image raises."""
        state, observer = self.state, self._observer
        state.scope.unset.clear()
        if observer is not None:
            observer.check(instruction, state)
        try:
            with MistakesAt(self._whole.dockerfile.source, instruction.location, instruction.word):
                text = apply_config_step(state, instruction)
                made = Made(text) if text is not None else await self._apply_file_step(instruction)
        finally:
            if observer is not None:
                observer.check_variables(instruction, self._unset(instruction))
        if observer is not None:
            observer.tell(instruction)
        if not (self._whole.options.as_buildkit and isinstance(instruction, it.Onbuild)):
            state.made.append(made)
        return made

    def _unset(self, instruction: Instruction) -> Iterable[Unset]:
        """Once for each word; those of a step that changes files are filled in several times here."""
        found = self.state.scope.unset
        return dict.fromkeys(found) if file_steps.is_file_step(instruction) else found

    async def finish(self) -> StageState:
        """Evaluate all of it, from the beginning on. Others have their turn now and then."""
        for number, instruction in enumerate(self.instructions, 1):
            await self.apply(instruction)
            if not number % _IN_A_TURN:
                await asyncio.sleep(0)
        return self.state

    async def _apply_file_step(self, instruction: Instruction) -> Made:
        state = self.state
        sources = await self._whole.find_sources(instruction, self.index, state)
        vertex = partial(self._vertex, instruction)
        match instruction:
            case it.Run():
                return file_steps.run(state, instruction, sources.__getitem__, vertex)
            case it.Workdir():
                return file_steps.workdir(
                    state, instruction, vertex, root_is_step=not self._whole.options.as_buildkit
                )
            case it.Copy():
                return file_steps.copy(state, instruction, sources.__getitem__, vertex)
        raise InvalidArgumentError(f"{instruction.word} cannot stand here")

    def _vertex(
        self, instruction: Instruction, op: Op, *, base: Vertex, sources: tuple[Vertex | Outside, ...] = ()
    ) -> Vertex:
        self._number += 1
        place = step_place(self._label, self._number, self._total)
        trigger = "ONBUILD " if instruction in self.triggers else ""
        return Vertex(
            op,
            base,
            sources,
            name=f"{place} {trigger}{step_text(instruction, self.state.scope)}",
            stage=self.stage.name,
            first_line=instruction.location.start,
            last_line=instruction.location.end,
            no_cache=self._no_cache,
            platform=self.state.platform,
        )

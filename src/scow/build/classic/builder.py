"""The classic builder: instruction by instruction, each an image on the one before.

What changes files goes through the graph's solver, one vertex at a time, so that its results are in the same
cache as everybody's. What only changes the config makes an image, and nothing runs for it.
"""

import posixpath
from collections.abc import Mapping

from scow.build.classic import messages
from scow.build.classic.created_by import created_by
from scow.build.classic.step_images import Step, StepImages
from scow.build.classic.step_solver import StepSolver
from scow.build.dockerfile import instructions as it
from scow.build.dockerfile.instructions import Instruction, Pair
from scow.build.dockerfile.source import DockerfileError
from scow.build.evaluate.evaluator import Evaluator
from scow.build.evaluate.stage_evaluation import StageEvaluation
from scow.build.evaluate.stage_state import Made
from scow.build.evaluate.variables import PROXY_ARGUMENTS
from scow.build.graph.ops import BaseOp, CopyOp, Vertex
from scow.errors import InvalidArgumentError, ScowError
from scow.spec.engine_api.build import BuildRequest


class ClassicBuild:
    """One build: what ``request`` asks for, as ``evaluator`` reads its Dockerfile."""

    def __init__(
        self, request: BuildRequest, evaluator: Evaluator, solver: StepSolver, images: StepImages
    ) -> None:
        self._request = request
        self._evaluator = evaluator
        self._solver = solver
        self._images = images
        self._say = solver.say
        self._number = 0
        self._total = 0
        self._steps: dict[int, Step] = {}

    async def run(self) -> str:
        """Build everything up to the target; the id of its image. Raises ScowError."""
        target = self._evaluator.target_index()
        stages = self._evaluator.dockerfile.stages[: target + 1]
        self._total = sum(1 + len(stage.instructions) for stage in stages) + bool(self._request.labels)
        for index in range(target + 1):
            self._steps[index] = await self._stage(index, is_target=index == target)
            if self._steps[index].id:
                self._say(messages.image_id(self._steps[index].id))
        if not self._steps[target].id:
            raise ScowError("No image was generated. Is your Dockerfile empty?")
        self._warn_of_unused()
        return self._steps[target].id

    async def _stage(self, index: int, *, is_target: bool) -> Step:
        stage = self._evaluator.dockerfile.stages[index]
        self._headline(f"{stage.word} {stage.text}")
        with _placeless():
            evaluation = await self._evaluator.begin(index)
        step = await self._base(evaluation)
        self._say(messages.image(step.id))
        if count := len(evaluation.triggers):
            self._say(messages.stream(f"# Executing {count} build trigger{'s' if count > 1 else ''}\n"))
        for instruction in evaluation.triggers:
            step = await self._apply(evaluation, instruction, step)
        last = [_label_instruction(self._request.labels, stage)] if is_target and self._request.labels else []
        for instruction in (*stage.instructions, *last):
            self._headline(f"{instruction.word} {instruction.text}")
            step = await self._apply(evaluation, instruction, step)
        self._evaluator.keep(index, evaluation.state)
        return step

    def _headline(self, text: str) -> None:
        self._number += 1
        for message in messages.step(self._number, self._total, text):
            self._say(message)

    async def _base(self, evaluation: StageEvaluation) -> Step:
        """An earlier stage's last step, or an image."""
        if evaluation.continues is not None:
            return self._steps[evaluation.continues]
        await self._solver.base(evaluation.state.vertex)
        return self._images.base(evaluation.state)

    async def _apply(self, evaluation: StageEvaluation, instruction: Instruction, before: Step) -> Step:
        _check_sources(instruction)
        with _placeless():
            made = await self._made(evaluation, instruction)
        if made.vertex is None:
            step, cached = self._config_step(evaluation, made, before)
        else:
            step, cached = await self._file_step(evaluation, instruction, made, made.vertex, before)
        if cached:
            self._say(messages.using_cache())
        self._say(messages.image(step.id))
        return step

    async def _made(self, evaluation: StageEvaluation, instruction: Instruction) -> Made:
        try:
            return await evaluation.apply(instruction)
        except DockerfileError:
            raise
        except ScowError as exc:
            if isinstance(instruction, it.Copy) and instruction.from_:
                exc.message = f"invalid from flag value {instruction.from_}: {exc.message}"
            raise

    def _config_step(self, evaluation: StageEvaluation, made: Made, before: Step) -> tuple[Step, bool]:
        """The image with another config."""
        state, images = evaluation.state, self._images
        text = created_by(made, state, "", "")
        found = images.find_in_history(state, text, before) or images.find(
            state, text, before, before.chain_id
        )
        return (found, True) if found else (images.make(state, text, before, before.chain_id), False)

    async def _file_step(
        self,
        evaluation: StageEvaluation,
        instruction: Instruction,
        made: Made,
        vertex: Vertex,
        before: Step,
    ) -> tuple[Step, bool]:
        state, images = evaluation.state, self._images
        copies = isinstance(vertex.op, CopyOp)
        if not copies:
            text = created_by(made, state, "", "")
            if found := images.find_in_history(state, text, before):
                state.vertex = Vertex(BaseOp("an image's history", found.chain_id))
                return found, True
        result = await self._solver.step(vertex, instruction, state, before)
        target = instruction.target if isinstance(instruction, it.Copy) else ""
        text = created_by(made, state, result.content, target)
        if copies and (found := images.find_in_history(state, text, before)):
            state.vertex = Vertex(BaseOp("an image's history", found.chain_id))
            return found, True
        if result.cached and (found := images.find(state, text, before, result.chain_id)):
            return found, True
        step = images.make(
            state, text, before, result.chain_id, created_ns=result.created_ns, empty=result.empty
        )
        return step, result.cached

    def _warn_of_unused(self) -> None:
        known = self._evaluator.declared_arguments() | PROXY_ARGUMENTS
        if unused := sorted(set(self._request.build_args) - known):
            shown = " ".join(unused)
            self._say(messages.stream(f"[Warning] One or more build-args [{shown}] were not consumed\n"))


class _placeless:
    """Docker's classic builder tells a mistake that it meets on its way without its line."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, exc: BaseException | None, *rest: object) -> None:
        if isinstance(exc, DockerfileError):
            raise InvalidArgumentError(exc.what) from exc


def _check_sources(instruction: Instruction) -> None:
    """Raises ScowError for a source that leads out of the context, which BuildKit takes for its root."""
    if not isinstance(instruction, it.Copy) or instruction.from_:
        return
    for source in instruction.sources:
        if "://" not in source and posixpath.normpath(source.lstrip("/")).startswith(".."):
            raise ScowError(
                f"{instruction.word.upper()} failed: forbidden path outside the build context: {source} ()"
            )


def _label_instruction(labels: Mapping[str, str], stage: it.Stage) -> it.Label:
    """``--label`` as one more instruction; nothing in the values is a variable."""
    pairs = tuple(Pair(name=_quoted(name), value=_quoted(value)) for name, value in sorted(labels.items()))
    text = " ".join(f"{name}={value}" for name, value in sorted(labels.items()))
    return it.Label(location=stage.location, word="LABEL", text=text, pairs=pairs)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"

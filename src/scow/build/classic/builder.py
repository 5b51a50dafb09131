"""The classic builder: instruction by instruction, each an image on the one before.

What changes files goes through the graph's solver, one vertex at a time, so that its results are in the same
cache as everybody's. What only changes the config makes an image, and nothing runs for it.
"""

import codecs
import posixpath
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from scow.build.classic import messages
from scow.build.classic.created_by import created_by
from scow.build.classic.left_programs import LeftPrograms
from scow.build.classic.messages import Message
from scow.build.classic.step_images import Step, StepImages
from scow.build.dockerfile import instructions as it
from scow.build.dockerfile.instructions import Instruction, Pair
from scow.build.dockerfile.source import DockerfileError
from scow.build.evaluate.evaluator import Evaluator
from scow.build.evaluate.stage_evaluation import StageEvaluation
from scow.build.evaluate.stage_state import Made, StageState
from scow.build.evaluate.variables import PROXY_ARGUMENTS
from scow.build.execute.fetching import NotFetchedError
from scow.build.graph.job import Job, Result
from scow.build.graph.ops import BaseOp, CopyOp, RunOp, Vertex
from scow.build.graph.progress import STDERR, STDOUT, Output, Progress, RunIn
from scow.build.graph.solver import Solver
from scow.errors import InvalidArgumentError, NotFoundError, ScowError
from scow.tasks import TaskOwner

Say = Callable[[Message], None]


@dataclass(slots=True)
class ClassicBuild:
    """One build; ``given`` are names of its ``--build-arg``. ``left`` hears of every program."""

    evaluator: Evaluator
    solver: Solver
    step_images: StepImages
    job: Job
    tasks: TaskOwner
    say: Say
    left: LeftPrograms
    labels: Mapping[str, str] = field(default_factory=dict)
    given: Sequence[str] = ()
    _number: int = 0
    _total: int = 0
    _steps: dict[int, Step] = field(default_factory=dict)

    async def run(self) -> str:
        """Build everything up to the target; the id of its image. Raises ScowError."""
        target = self.evaluator.target_index()
        stages = self.evaluator.dockerfile.stages[: target + 1]
        self._total = sum(1 + len(stage.instructions) for stage in stages) + bool(self.labels)
        for index in range(target + 1):
            self._steps[index] = await self._stage(index, is_target=index == target)
            if self._steps[index].id:
                self.say(messages.image_id(self._steps[index].id))
        if not self._steps[target].id:
            raise ScowError("No image was generated. Is your Dockerfile empty?")
        self._warn_of_unused()
        return self._steps[target].id

    async def _stage(self, index: int, *, is_target: bool) -> Step:
        stage = self.evaluator.dockerfile.stages[index]
        self._headline(f"{stage.word} {stage.text}")
        with _placeless():
            evaluation = await self.evaluator.begin(index)
        step = await self._base(evaluation)
        self.say(messages.image(step.id))
        if count := len(evaluation.triggers):
            self.say(messages.stream(f"# Executing {count} build trigger{'s' if count > 1 else ''}\n"))
        for instruction in evaluation.triggers:
            step = await self._apply(evaluation, instruction, step)
        last = [_label_instruction(self.labels, stage)] if is_target and self.labels else []
        for instruction in (*stage.instructions, *last):
            self._headline(f"{instruction.word} {instruction.text}")
            step = await self._apply(evaluation, instruction, step)
        self.evaluator.keep(index, evaluation.state)
        return step

    def _headline(self, text: str) -> None:
        self._number += 1
        for message in messages.step(self._number, self._total, text):
            self.say(message)

    async def _base(self, evaluation: StageEvaluation) -> Step:
        """An earlier stage's last step, or an image."""
        if evaluation.continues is not None:
            return self._steps[evaluation.continues]
        await self.solver.solve(evaluation.state.vertex, self.job, self.tasks)
        return self.step_images.base(evaluation.state)

    async def _apply(self, evaluation: StageEvaluation, instruction: Instruction, before: Step) -> Step:
        _check_sources(instruction)
        with _placeless():
            made = await self._made(evaluation, instruction)
        if made.vertex is None:
            step, cached = self._config_step(evaluation, made, before)
        else:
            step, cached = await self._file_step(evaluation, instruction, made, made.vertex, before)
        if cached:
            self.say(messages.using_cache())
        self.say(messages.image(step.id))
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
        state, images = evaluation.state, self.step_images
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
        state, images = evaluation.state, self.step_images
        copies = isinstance(vertex.op, CopyOp)
        if not copies:
            text = created_by(made, state, "", "")
            if found := images.find_in_history(state, text, before):
                state.vertex = Vertex(BaseOp("an image's history", found.chain_id))
                return found, True
        teller = _Teller(vertex, self.say)
        try:
            result = await self._solved(vertex, instruction, teller)
        except ScowError as exc:
            self._program_ended(teller, state, before, exc)
            raise
        self._program_ended(teller, state, before, result)
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

    def _program_ended(
        self, teller: "_Teller", state: StageState, before: Step, outcome: Result | ScowError
    ) -> None:
        """Its container goes, or is left for somebody to look at."""
        key, op = teller.container_id, teller.vertex.op
        if not key or not isinstance(op, RunOp):
            return
        if self.left.goes(outcome):
            self.say(messages.removed(key))
        else:
            self.left.keep(key, teller.started_ns, op, state, before, outcome)

    async def _solved(self, vertex: Vertex, instruction: Instruction, teller: "_Teller") -> Result:
        self.job.tell = teller
        word = instruction.word.upper()
        try:
            return await self.solver.solve(vertex, self.job, self.tasks)
        except NotFoundError as exc:
            if isinstance(instruction, it.Copy):
                where = "" if instruction.from_ else " in build context or excluded by .dockerignore"
                path = exc.message.lstrip("/")
                raise ScowError(
                    f"{word} failed: file not found{where}: stat {path}: file does not exist"
                ) from exc
            raise
        except NotFetchedError as exc:
            reason = f"failed to GET {exc.url} with status {exc.status}" if exc.status else exc.message
            raise ScowError(f"{word} failed: {reason}") from exc
        except InvalidArgumentError as exc:
            if isinstance(instruction, it.Copy):
                raise ScowError(f"{word} failed: {exc.message}") from exc
            raise

    def _warn_of_unused(self) -> None:
        known = self.evaluator.declared_arguments() | PROXY_ARGUMENTS
        if unused := sorted(set(self.given) - known):
            shown = " ".join(unused)
            self.say(messages.stream(f"[Warning] One or more build-args [{shown}] were not consumed\n"))


class _Teller:
    """Turns what the solver tells of one vertex into messages."""

    def __init__(self, vertex: Vertex, say: Say) -> None:
        self.vertex = vertex
        self._say = say
        self.container_id = ""
        self.started_ns = 0
        self._texts = {
            stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in (STDOUT, STDERR)
        }

    def __call__(self, event: Progress) -> None:
        if event.vertex is not self.vertex:
            return
        if isinstance(event, RunIn):
            self.container_id = event.container_id
            self.started_ns = time.time_ns()
            self._say(messages.running_in(event.container_id))
        # Programs print pieces of letters, too: the rest of one comes with the next piece.
        elif isinstance(event, Output) and (text := self._texts[event.stream].decode(event.data)):
            self._say(messages.output(event.stream, text))


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

"""What an instruction of a classic build does: solved as a vertex, told in Docker's words as it goes on."""

import codecs
import time
from collections.abc import Callable
from dataclasses import dataclass

from scow.build.classic import messages
from scow.build.classic.left_programs import LeftPrograms
from scow.build.classic.messages import Message
from scow.build.classic.step_images import Step
from scow.build.dockerfile.instructions import Copy, Instruction
from scow.build.evaluate.stage_state import StageState
from scow.build.execute.fetching import NotFetchedError
from scow.build.graph.job import Job, Result
from scow.build.graph.ops import RunOp, Vertex
from scow.build.graph.progress import STDERR, STDOUT, Output, Progress, RunIn
from scow.build.graph.solver import Solver
from scow.errors import InvalidArgumentError, NotFoundError, ScowError
from scow.tasks import TaskOwner

Say = Callable[[Message], None]


@dataclass(frozen=True, slots=True)
class StepSolver:
    """For one build: its ``job`` is solved one vertex at a time, ``left`` hears of every program."""

    solver: Solver
    job: Job
    tasks: TaskOwner
    left: LeftPrograms
    say: Say

    async def base(self, vertex: Vertex) -> None:
        """Have what a stage begins as. Raises ScowError."""
        await self.solver.solve(vertex, self.job, self.tasks)

    async def step(self, vertex: Vertex, instruction: Instruction, state: StageState, before: Step) -> Result:
        """Do what an instruction asks for, on the image of the step ``before``. Raises ScowError."""
        teller = Teller(vertex, self.say)
        self.job.tell = teller
        try:
            result = await self._solved(vertex, instruction)
        except ScowError as exc:
            self._program_ended(teller, state, before, exc)
            raise
        self._program_ended(teller, state, before, result)
        return result

    def _program_ended(
        self, teller: "Teller", state: StageState, before: Step, outcome: Result | ScowError
    ) -> None:
        """Its container goes, or is left for somebody to look at."""
        key, op = teller.container_id, teller.vertex.op
        if not key or not isinstance(op, RunOp):
            return
        if self.left.goes(outcome):
            self.say(messages.removed(key))
        else:
            self.left.keep(key, teller.started_ns, op, state, before, outcome)

    async def _solved(self, vertex: Vertex, instruction: Instruction) -> Result:
        """Failures are told in the classic builder's words."""
        word = instruction.word.upper()
        try:
            return await self.solver.solve(vertex, self.job, self.tasks)
        except NotFoundError as exc:
            if isinstance(instruction, Copy):
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
            if isinstance(instruction, Copy):
                raise ScowError(f"{word} failed: {exc.message}") from exc
            raise


class Teller:
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

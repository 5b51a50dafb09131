"""How a RUN is run: a Protocol that the engine fills in."""

import json
from typing import Protocol

from scow.errors import ScowError
from scow.runtime.program_run import Ended, OutputSink, RunRequest


class Executor(Protocol):
    """Runs programs in containers of the engine."""

    async def run(self, request: RunRequest, output: OutputSink) -> Ended:
        """Run to the end of the program and of all that it started.

        Cancelling kills it. Nothing of it is left when this returns or raises. Raises ScowError if it
        could not be started.
        """


class RunFailedError(ScowError):
    """A program ended with another code than 0. ``key`` was the container.

    ``chain_id`` is what it left, as layers that its job's lease holds, where the job keeps that.
    """

    def __init__(self, args: tuple[str, ...], ended: Ended, key: str, chain_id: str | None = None) -> None:
        shown = json.dumps(" ".join(args), ensure_ascii=False)
        # BuildKit names the cause instead of the code (runcexecutor's detectOOM).
        why = "cannot allocate memory" if ended.out_of_memory else f"exit code: {ended.code}"
        super().__init__(f"process {shown} did not complete successfully: {why}")
        self.argv = args
        self.code = ended.code
        self.key = key
        self.chain_id = chain_id

"""Which containers of a classic build stay (``--rm``, ``--force-rm``), and what there is to know of them."""

import time
from dataclasses import dataclass, field

import msgspec

from scow.build.classic.step_images import Step
from scow.build.evaluate.stage_state import StageState
from scow.build.graph.executor import RunFailedError
from scow.build.graph.job import Result
from scow.build.graph.ops import RunOp
from scow.build.graph.settings import Settings
from scow.errors import ScowError
from scow.runtime.program_run import LeftProgram
from scow.spec.engine_api.container import ContainerConfig, HealthConfig


@dataclass(slots=True)
class LeftPrograms:
    """``remove``: containers of steps that went well go; ``force_remove``: all of them do."""

    settings: Settings
    remove: bool = True
    force_remove: bool = False
    kept: list[LeftProgram] = field(default_factory=list)

    def goes(self, outcome: Result | ScowError) -> bool:
        """Whether the container of a program goes that ended so."""
        return self.force_remove or (self.remove and isinstance(outcome, Result))

    def keep(
        self,
        key: str,
        started_ns: int,
        op: RunOp,
        state: StageState,
        before: Step,
        outcome: Result | ScowError,
    ) -> None:
        """Program ``op`` ended so in container ``key``, on the image of the step ``before``."""
        if not before.id:
            return  # a container needs an image
        code: int | None = None
        chain_id = outcome.chain_id if isinstance(outcome, Result | RunFailedError) else None
        if isinstance(outcome, RunFailedError):
            code = outcome.code
        elif isinstance(outcome, Result):
            code = 0
        settings = self.settings
        self.kept.append(
            LeftProgram(
                key=key,
                image_id=before.id,
                config=_config(key, op, state, before, settings),
                args=op.args,
                network=op.network if op.network != "default" else settings.network,
                hosts=settings.hosts,
                limits=settings.limits,
                security_options=settings.security_options,
                exit_code=code,
                chain_id=chain_id if chain_id != before.chain_id else None,
                started_ns=started_ns,
                ended_ns=time.time_ns(),
            )
        )


def _config(key: str, op: RunOp, state: StageState, before: Step, settings: Settings) -> ContainerConfig:
    """As Docker's builder makes it: the program alone, no entry point and no health check."""
    return msgspec.structs.replace(
        state.config,
        hostname=key[:12],
        cmd=list(op.args),
        entrypoint=None,
        env=[*settings.proxies, *op.env],
        healthcheck=HealthConfig(test=["NONE"]),
        image=before.id,
    )

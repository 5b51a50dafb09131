"""A step that is to be done: what each kind of it is given."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from scow.build.execute.inputs import Inputs
from scow.build.graph.ops import Vertex
from scow.build.graph.settings import Settings
from scow.image.leases import Lease

if TYPE_CHECKING:
    from scow.build.graph.job import Job


class Listener(Protocol):
    """Who hears of a step while it goes on."""

    def output(self, stream: int, data: bytes) -> None: ...

    def runs_in(self, container_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Step:
    """``vertex`` is done for ``job``, with what was found of it; ``lease`` holds what it comes to."""

    lease: Lease
    vertex: Vertex
    job: "Job"
    inputs: Inputs
    listener: Listener

    @property
    def settings(self) -> Settings:
        """The vertex's own, or those of all that the job does."""
        return self.vertex.settings or self.job.settings

"""What each kind of step needs, and what it does: the solver's hands."""

import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scow.build.execute import copy_step, file_step, run_step
from scow.build.execute.downloads import Downloads
from scow.build.execute.gathering import Gathering
from scow.build.execute.inputs import Inputs
from scow.build.execute.owners import owner_of
from scow.build.execute.run_step import RunPlaces
from scow.build.execute.stacking import Stacking
from scow.build.execute.step import Step
from scow.build.graph.cache import Cache
from scow.build.graph.executor import Executor
from scow.build.graph.ops import CopyOp, DiffOp, FileOp, MakeFolderOp, MergeOp, RunOp, Vertex
from scow.errors import InvalidArgumentError
from scow.image.layer_intake import NewLayer
from scow.image.leases import Lease
from scow.image.store import ImageStore
from scow.image.threads import run_to_end
from scow.linux.rootpath import make_dirs_in_root

if TYPE_CHECKING:
    from scow.build.graph.job import Job, Result


@dataclass(frozen=True, slots=True)
class Made:
    """What a step came to; ``others`` are a program's further results."""

    layer: NewLayer
    others: tuple[NewLayer, ...] = ()


class Steps:
    """One for all builds. ``folder`` is for layers on their way."""

    def __init__(
        self,
        images: ImageStore,
        cache: Cache,
        executor: Executor,
        places: RunPlaces,
        downloads: Downloads,
        folder: Path,
    ) -> None:
        self._images = images
        self._folder = folder
        self._cache = cache
        self._executor = executor
        self._places = places
        self._downloads = downloads

    async def inputs(
        self, vertex: Vertex, job: "Job", results: "Mapping[Vertex, Result]", stack: AsyncExitStack
    ) -> Inputs:
        """Look up what decides the result. What is opened is closed with ``stack``.

        Raises NotFoundError for files that are not there, InvalidArgumentError, ScowError.
        """
        base = results[vertex.base].chain_id if vertex.base is not None else None
        if isinstance(vertex.op, CopyOp):
            gathering = Gathering(self._cache, self._downloads, job, stack)
            settings = vertex.settings or job.settings
            return await copy_step.inputs(gathering, vertex, vertex.op, settings, base, results)
        if isinstance(vertex.op, FileOp):
            gathering = Gathering(self._cache, self._downloads, job, stack)
            return await file_step.inputs(gathering, vertex, vertex.op, base, results)
        if isinstance(vertex.op, RunOp):
            return await run_step.inputs(vertex, vertex.op, job, base, results)
        if isinstance(vertex.op, MergeOp | DiffOp):
            stacks = [results[it].chain_id for it in vertex.sources if isinstance(it, Vertex)]
            return Inputs(base, contents=tuple(map(str, stacks)), chains=tuple(enumerate(stacks)))
        return Inputs(base)

    async def run(self, step: Step) -> Made:
        """Do it. Raises ScowError, ``OSError``; then nothing is left of it."""
        lease, inputs = step.lease, step.inputs
        match step.vertex.op:
            case RunOp() as op:
                return Made(*await run_step.Running(self._executor, self._places, step).run(op))
            case CopyOp() as op:
                return Made(await copy_step.copy(lease, op, inputs, step.settings))
            case MakeFolderOp() as op:
                return Made(await _make_folder(lease, op, inputs.base))
            case FileOp() as op:
                return Made(await file_step.apply(lease, op, inputs))
            case MergeOp():
                return Made(await Stacking(self._images, lease, self._folder).merged(inputs))
            case DiffOp():
                return Made(await Stacking(self._images, lease, self._folder).difference(inputs))
            case op:
                raise AssertionError(f"{op} is not done, it is there")


async def _make_folder(lease: Lease, op: MakeFolderOp, base: str | None) -> NewLayer:
    active = await lease.prepare(base)
    root = await lease.mount(active)
    try:
        await run_to_end(_make_folders, root, op)
    except NotADirectoryError as exc:
        raise InvalidArgumentError(f"mkdir {op.path}: not a directory") from exc
    return await lease.commit(active)


def _make_folders(root: Path, op: MakeFolderOp) -> None:
    root_fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        owner = owner_of(root_fd, op.user, lenient=True) if op.user else (0, 0)
        os.close(make_dirs_in_root(root_fd, op.path, 0o755, *owner))
    finally:
        os.close(root_fd)

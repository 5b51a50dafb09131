"""RUN as a step: mounts laid out, the program run, its changes made a layer."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scow.build.execute.cache_mounts import CacheMounts
from scow.build.execute.content_digest import content_digest
from scow.build.execute.inputs import Inputs
from scow.build.execute.mount_points import missing_mount_points, remove_made
from scow.build.execute.program_mounts import HEREDOCS, ProgramMounts, mount_target
from scow.build.execute.selection import Selection, select
from scow.build.execute.stacking import unchanged
from scow.build.execute.step import Step
from scow.build.foreign_platforms import RunnablePlatforms
from scow.build.graph.executor import Executor, RunFailedError
from scow.build.graph.ops import Mount, RunOp, Vertex
from scow.build.graph.progress import STDERR
from scow.build.graph.settings import USUAL_HOSTNAME, Settings
from scow.errors import InvalidArgumentError, ScowError
from scow.image.layer_intake import NewLayer
from scow.image.leases import ActiveSnapshot
from scow.image.threads import run_to_end
from scow.runtime.container_ids import new_id
from scow.runtime.program_run import Bound, Ended, InMemory, ProgramNotStartedError, RunRequest

if TYPE_CHECKING:
    from scow.build.graph.job import Job, Result


@dataclass(frozen=True, slots=True)
class RunPlaces:
    """Where what programs get besides their file system lies.

    ``caches`` outlive everything; ``volatile`` is on this boot's disk, what is secret is in memory below it.
    """

    caches: CacheMounts
    volatile: Path
    runnable: RunnablePlatforms


async def inputs(
    vertex: Vertex, op: RunOp, job: "Job", base: str | None, results: "Mapping[Vertex, Result]"
) -> Inputs:
    """What a RUN's result depends on besides its words: the files that it mounts."""
    contents, selections = [], []
    chains = [
        (index, results[source].chain_id)
        for index, source in enumerate(vertex.sources)
        if isinstance(source, Vertex)
    ]
    for wanted in op.mounts:
        if wanted.kind in ("bind", "cache") and wanted.from_ >= 0:
            contents.append(f"{dict(chains)[wanted.from_]}")
        elif wanted.kind == "bind" and wanted.context:
            selection, digest = await _from_context(wanted, job)
            selections.append(selection)
            contents.append(digest)
    return Inputs(
        base,
        contents=(*contents, *_surroundings(op, vertex.settings or job.settings)),
        selections=tuple(selections),
        chains=tuple(chains),
        outlive_job=not selections and all(it.kind not in ("secret", "ssh") for it in op.mounts),
    )


def _surroundings(op: RunOp, settings: Settings) -> list[str]:
    """What a build says of all its programs and is not the usual.

    As in BuildKit's keys: hosts by their names alone, for addresses change, and no proxies.
    """
    limits = settings.limits
    network = settings.network if op.network == "default" else "default"
    said = [f"network {network}"] if network != "default" else []
    said += [f"host {it.partition(':')[0]}" for it in settings.hosts]
    said += [f"hostname {settings.hostname}"] if settings.hostname not in ("", USUAL_HOSTNAME) else []
    said += [f"security {it}" for it in settings.security_options]
    said += [f"ulimit {name}={soft}:{hard}" for name, soft, hard in limits.ulimits]
    said += [f"shm {limits.shm_bytes}"] if limits.shm_bytes else []
    return said + ([f"cgroup {limits.cgroup_parent}"] if limits.cgroup_parent else [])


async def _from_context(wanted: Mount, job: "Job") -> tuple[Selection, str]:
    tree = job.contexts.get(wanted.context)
    if tree is None:
        raise InvalidArgumentError(f"the build has no context {wanted.context!r}")
    async with job.context_lock(wanted.context):
        selection = await run_to_end(select, tree, [wanted.source or "/"])
        return selection, await run_to_end(content_digest, selection, with_owners=False)


class Running:
    """One RUN while it goes on."""

    def __init__(self, executor: Executor, places: RunPlaces, step: Step) -> None:
        self._executor = executor
        self._places = places
        self._step = step
        self._lease = step.lease
        self._listener = step.listener
        self._mounts = ProgramMounts(places.caches, places.volatile, step)

    async def run(self, op: RunOp) -> tuple[NewLayer, tuple[NewLayer, ...]]:
        """What it left where it ran, and on mounts whose content is kept, in their order.

        Raises RunFailedError for an exit code that is a failure, ScowError. The listener is told when
        programs of its platform could not have run.
        """
        active = await self._lease.prepare(self._step.inputs.base, mount_points=True)
        root = await self._lease.mount(active)
        # Not the snapshot's: that becomes a layer, beside which the container may have to stay.
        key = new_id()
        async with AsyncExitStack() as stack:
            mounts = await self._mounts.lay_out(op, stack)
            targets = [mount_target(op, it) for it in op.mounts] + ([HEREDOCS] if op.files else [])
            missing = await run_to_end(missing_mount_points, str(root), targets)
            request = self._request(op, key, root, mounts)
            self._listener.runs_in(key)
            ended = await self._ended(request)
        if ended.code not in op.exit_codes:
            platform = self._step.vertex.platform
            if platform is not None and (hint := await run_to_end(self._places.runnable.hint, platform)):
                self._listener.output(2, f"{hint}\n".encode())
            raise RunFailedError(op.args, ended, key, await self._left(active))
        others = tuple([await self._lease.commit(it) for it in self._mounts.kept])
        if not op.keeps:
            await self._lease.discard(active)
            return unchanged(self._step.inputs.base), others
        await run_to_end(remove_made, str(root), missing)
        return await self._lease.commit(active), others

    def _request(self, op: RunOp, key: str, root: Path, mounts: Sequence[Bound | InMemory]) -> RunRequest:
        settings = self._step.settings
        return RunRequest(
            key=key,
            root=root,
            args=op.args,
            env=(*_environment(op, settings), *self._mounts.variables),
            cwd=op.cwd,
            user=op.user,
            network=op.network if op.network != "default" else settings.network,
            insecure=op.insecure,
            mounts=tuple(mounts),
            hosts=settings.hosts,
            limits=settings.limits,
            security_options=settings.security_options,
            read_only_root=op.read_only,
            hostname=settings.hostname,
        )

    async def _ended(self, request: RunRequest) -> Ended:
        """To BuildKit the runtime is the program that failed where it could not start one."""
        try:
            return await self._executor.run(request, self._listener.output)
        except ProgramNotStartedError as exc:
            if not self._step.settings.as_buildkit:
                raise
            self._listener.output(STDERR, f"runc run failed: {exc.reason}\n".encode())
            return Ended(1)
        except ScowError as exc:
            if not self._step.settings.as_buildkit:
                raise
            program = json.dumps(" ".join(request.args), ensure_ascii=False)
            what = f"process {program} did not complete successfully: {exc.message}"
            raise ScowError(what) from exc

    async def _left(self, active: ActiveSnapshot) -> str | None:
        """What the program has made, if that is to be kept."""
        if not self._step.job.keeps_failed:
            return None
        layer = await self._lease.commit(active)
        self._step.job.lease.hold(layer.chain_id)
        return layer.chain_id


def _environment(op: RunOp, settings: Settings) -> Iterator[str]:
    """Variables and proxies; of two of one name BuildKit takes the proxy, the classic builder not."""
    if not settings.as_buildkit:
        yield from (*settings.proxies, *op.env)
        return
    names = {it.partition("=")[0] for it in settings.proxies}
    yield from (it for it in op.env if it.partition("=")[0] not in names)
    yield from settings.proxies

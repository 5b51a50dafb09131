"""The graph of one build solved: with what is cached here and elsewhere, for all that the build wants."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress

from scow.build.cache_transfer.imported import Imported
from scow.build.cache_transfer.importing import CacheImports
from scow.build.cache_transfer.mounts import mounts_of
from scow.build.frontend.logins import login_of
from scow.build.frontend.told import Telling
from scow.build.frontend.wanted import all_vertices
from scow.build.graph.job import Job, LayersMissingError, Result
from scow.build.graph.ops import Vertex
from scow.build.graph.settings import Settings
from scow.build.trees.tree import Tree
from scow.build.workshop import Workshop
from scow.errors import ScowError
from scow.image.leases import Lease
from scow.spec.frontend_build import Exchange, FrontendRequest
from scow.tasks import TaskOwner


class Solving:
    """For one build. ``lease`` holds what it comes to, ``tasks`` owns its steps, ``stack`` what is opened."""

    def __init__(
        self,
        workshop: Workshop,
        request: FrontendRequest,
        telling: Telling,
        lease: Lease,
        tasks: TaskOwner,
        stack: AsyncExitStack,
        settings: Settings,
        *,
        use_cache: bool,
    ) -> None:
        self._workshop = workshop
        self._request = request
        self._telling = telling
        self._lease = lease
        self._tasks = tasks
        self._stack = stack
        self._settings = settings
        self._use_cache = use_cache
        self._imported = Imported(workshop.images, workshop.folder)

    async def results(
        self, targets: Sequence[Vertex], trees: Mapping[str, Tree], imports: Iterable[Exchange]
    ) -> Mapping[Vertex, Result]:
        """All that ``targets`` are made of. ``trees`` are contexts. Raises ScowError."""
        await self._import_caches(imports)
        await self._import_mounts(mounts_of(vertex for it in targets for vertex in all_vertices(it)))
        job = self._job(trees)
        try:
            return await self._solved(targets, job)
        except LayersMissingError:
            # An imported result has no layers: it is made again.
            job.tell = lambda _: None
            self._imported.only_whole()
            return await self._solved(targets, self._job(trees))

    async def _import_caches(self, imports: Iterable[Exchange]) -> None:
        by_words = {(it.kind, *sorted(it.attributes.items())): it for it in imports}
        if not by_words or not self._use_cache:
            return
        caches = CacheImports(
            self._workshop.images,
            self._workshop.directory,
            self._request.client,
            login_of(self._request.client),
            self._telling,
            self._stack,
        )
        await caches.load(list(by_words.values()), self._imported)

    async def _import_mounts(self, used: Sequence[str]) -> None:
        """Cache mounts of the steps, if a cache brought them; one that cannot be had begins empty."""
        for mount_id in self._imported.mounts_among(used):
            with suppress(ScowError), self._telling.internal(f"importing cache mount {mount_id}"):
                await self._imported.fill_mount(mount_id, self._workshop.mounts)

    def _job(self, trees: Mapping[str, Tree]) -> Job:
        return Job(
            lease=self._lease,
            tell=self._telling,
            settings=self._settings,
            contexts=trees,
            secrets=self._request.client,
            use_cache=self._use_cache,
            keeps_failed=self._request.keeps_failed,
            imports=self._imported,
        )

    async def _solved(self, targets: Sequence[Vertex], job: Job) -> Mapping[Vertex, Result]:
        workshop = self._workshop
        try:
            tops = await asyncio.gather(
                *(workshop.solver.solve(target, job, self._tasks) for target in targets)
            )
            for top in tops:
                if not self._lease.has(top.chain_id):
                    await self._imported.bring(top.chain_id, self._lease)
            await self._imported.keep_used(workshop.cache, self._lease)
            for done in job.doubtful:
                job.tell(done)
        finally:
            await asyncio.gather(*job.keeps, workshop.cache.settle(), return_exceptions=True)
        return {
            vertex: future.result()
            for vertex, future in job.results.items()
            if future.done() and not future.cancelled() and future.exception() is None
        }

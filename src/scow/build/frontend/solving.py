"""The graph of one build solved: with what is cached here and elsewhere, for all that the build wants."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from scow.build.cache_transfer.imported import Imported
from scow.build.cache_transfer.importing import CacheImports
from scow.build.cache_transfer.mounts import mounts_of
from scow.build.frontend.logins import login_of
from scow.build.frontend.wanted import all_vertices
from scow.build.frontend.workbench import Workbench
from scow.build.graph.job import Job, LayersMissingError, Result
from scow.build.graph.ops import Vertex
from scow.build.trees.tree import Tree
from scow.errors import ScowError
from scow.spec.frontend_build import Exchange


class Solving:
    """For one build, whose lease holds what it comes to."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._use_cache = not bench.options.no_cache
        self._imported = Imported(bench.workshop.images, bench.workshop.folder)

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
        bench = self._bench
        workshop, client = bench.workshop, bench.client
        caches = CacheImports(
            workshop.images, workshop.directory, client, login_of(client), bench.telling, bench.stack
        )
        await caches.load(list(by_words.values()), self._imported)

    async def _import_mounts(self, used: Sequence[str]) -> None:
        """Cache mounts of the steps, if a cache brought them; one that cannot be had begins empty."""
        for mount_id in self._imported.mounts_among(used):
            with suppress(ScowError), self._bench.telling.internal(f"importing cache mount {mount_id}"):
                await self._imported.fill_mount(mount_id, self._bench.workshop.mounts)

    def _job(self, trees: Mapping[str, Tree]) -> Job:
        bench = self._bench
        return Job(
            lease=bench.lease,
            tell=bench.telling,
            settings=bench.options.settings,
            contexts=trees,
            secrets=bench.client,
            use_cache=self._use_cache,
            keeps_failed=bench.request.keeps_failed,
            imports=self._imported,
        )

    async def _solved(self, targets: Sequence[Vertex], job: Job) -> Mapping[Vertex, Result]:
        workshop, lease = self._bench.workshop, self._bench.lease
        try:
            tops = await asyncio.gather(
                *(workshop.solver.solve(target, job, self._bench.tasks) for target in targets)
            )
            for top in tops:
                if not lease.has(top.chain_id):
                    await self._imported.bring(top.chain_id, lease)
            await self._imported.keep_used(workshop.cache, lease)
            for done in job.doubtful:
                job.tell(done)
        finally:
            await asyncio.gather(*job.keeps, workshop.cache.settle(), return_exceptions=True)
        return {
            vertex: future.result()
            for vertex, future in job.results.items()
            if future.done() and not future.cancelled() and future.exception() is None
        }

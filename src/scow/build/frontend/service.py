"""Builds as BuildKit's clients ask for them: everything is evaluated, then the graph is solved."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack

import msgspec

from scow.build.dockerfile.lint import is_wanted, lint
from scow.build.dockerfile.lint_rules import LintWarning
from scow.build.dockerfile.parser import Dockerfile, parse_dockerfile
from scow.build.dockerfile.source import DockerfileError
from scow.build.evaluate.evaluator import MAIN_CONTEXT, Evaluator, Options
from scow.build.evaluate.stage_state import StageState
from scow.build.evaluate.variables import platform_arguments
from scow.build.frontend.cache_view import cache_records, prune_cache
from scow.build.frontend.contexts import Contexts
from scow.build.frontend.exporters import BuiltImage, Exports
from scow.build.frontend.options import FrontendOptions, read_options
from scow.build.frontend.resolving import ClientImages
from scow.build.frontend.told import Telling
from scow.build.frontend.wanted import all_vertices, context_paths
from scow.build.graph.job import Job, Result
from scow.build.graph.ops import CopyOp, Vertex
from scow.build.image_config import ImageParts, buildkit_history, encode_config, rfc3339
from scow.build.trees.tree import Tree
from scow.build.workshop import Workshop
from scow.errors import InvalidArgumentError, NotFoundError, ScowError, UnsupportedError
from scow.image.leases import Lease
from scow.spec.build_progress import Place
from scow.spec.frontend_build import CachePrune, CacheRecord, Exchange, FrontendRequest
from scow.spec.ignore_rules import IgnoreRules
from scow.spec.platform import Platform
from scow.tasks import TaskOwner

_NANOSECONDS = 1_000_000_000


class FrontendService:
    """See ``scow.spec.frontend_build.FrontendBuilds``."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    def platforms(self) -> tuple[Platform, ...]:
        """See ``FrontendBuilds``."""
        return (self._workshop.platform,)

    async def records(self, filters: tuple[str, ...] = ()) -> list[CacheRecord]:
        """See ``FrontendBuilds``."""
        await self._workshop.cache.load()
        return cache_records(self._workshop.cache, self._workshop.images, filters)

    async def prune(self, prune: CachePrune) -> list[CacheRecord]:
        """See ``FrontendBuilds``."""
        await self._workshop.cache.load()
        return await prune_cache(self._workshop.cache, self._workshop.images, prune, time.time_ns())

    async def solve(self, request: FrontendRequest, trees: Mapping[str, Tree] | None = None) -> "BuiltResult":
        """See ``FrontendBuilds``. ``trees`` are folders of the client that need not be asked for."""
        await self._workshop.cache.load()
        options = read_options(request.options)
        if len(options.platforms) > 1:
            raise UnsupportedError("builds for several platforms at once are not supported")
        telling = Telling(request.tell)
        async with AsyncExitStack() as stack:
            lease = await stack.enter_async_context(self._workshop.images.lease())
            tasks = await stack.enter_async_context(TaskOwner("steps of a build"))
            build = _Build(self._workshop, request, options, telling, lease, tasks, stack, trees or {})
            image = await build.run()
            workshop = self._workshop
            exports = Exports(
                workshop.images, workshop.registries, lease, request.client, telling, workshop.tell_image
            )
            return BuiltResult(image, exports, stack.pop_all())


class BuiltResult:
    """See ``scow.spec.frontend_build.Built``."""

    def __init__(self, image: BuiltImage, exports: Exports, stack: AsyncExitStack) -> None:
        self._image = image
        self._exports = exports
        self._stack = stack

    @property
    def metadata(self) -> Mapping[str, bytes]:
        return {"containerimage.config": self._image.raw_config}

    async def export(self, exporters: tuple[Exchange, ...], caches: tuple[Exchange, ...]) -> dict[str, str]:
        for cache in caches:
            if cache.kind != "inline":
                raise UnsupportedError(f"cache export {cache.kind} is not supported")
        response: dict[str, str] = {}
        for wanted in exporters:
            response |= await self._exports.export(self._image, wanted)
        return response

    async def aclose(self) -> None:
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()


def check_syntax(syntax: str) -> None:
    """``# syntax=``: Docker's own front end is built in. Raises UnsupportedError for any other."""
    name = syntax.removeprefix("docker.io/").partition("@")[0].partition(":")[0]
    if name not in ("", "docker/dockerfile", "docker/dockerfile-upstream"):
        raise UnsupportedError(f"front end {syntax} is not run here: docker/dockerfile is built in")


def lint_of(dockerfile: Dockerfile, platform: Platform, ignored: IgnoreRules) -> list[LintWarning]:
    """The build checks of a Dockerfile."""
    return lint(dockerfile, predefined=platform_arguments(platform, platform, ""), ignored=ignored)


class _Build:
    """One build for one platform."""

    def __init__(
        self,
        workshop: Workshop,
        request: FrontendRequest,
        options: FrontendOptions,
        telling: Telling,
        lease: Lease,
        tasks: TaskOwner,
        stack: AsyncExitStack,
        trees: Mapping[str, Tree],
    ) -> None:
        self._workshop = workshop
        self._request = request
        self._options = options
        self._telling = telling
        self._lease = lease
        self._tasks = tasks
        self._contexts = Contexts(
            request.client, options, workshop.downloads, workshop.folder, telling, stack, trees
        )
        self._source: tuple[str, bytes] = ("", b"")

    async def run(self) -> BuiltImage:
        """Raises ScowError, with the ``place`` in the Dockerfile that it is about where there is one."""
        text = await self._contexts.dockerfile()
        self._source = (self._options.filename, text.encode("utf-8", "surrogateescape"))
        if not text.strip():
            raise InvalidArgumentError("the Dockerfile cannot be empty")
        try:
            dockerfile = parse_dockerfile(text, self._options.filename)
            check_syntax(dockerfile.directives.syntax)
            self._warn(dockerfile)
            state, results = await self._evaluated(dockerfile)
        except DockerfileError as exc:
            self._place(exc, exc.location.start, exc.location.end)
            raise
        except ScowError as exc:
            failed = self._telling.failed
            if failed is None:
                raise
            error: ScowError = exc
            if isinstance(exc, NotFoundError) and isinstance(failed.op, CopyOp):
                error = NotFoundError(f'failed to compute cache key: "/{exc.message.lstrip("/")}": not found')
            if failed.first_line:
                self._place(error, failed.first_line, failed.last_line)
            raise error from exc
        return BuiltImage(self._config(state, results), results[state.vertex].chain_id)

    def _warn(self, dockerfile: Dockerfile) -> None:
        """What is not wrong, and not as it should be. Raises InvalidArgumentError if that is forbidden."""
        warnings = lint_of(dockerfile, self._workshop.platform, IgnoreRules())
        for warning in warnings:
            self._telling.warning(warning, Place(*self._source, warning.location.start, warning.location.end))
        if warnings and dockerfile.directives.check_error:
            raise InvalidArgumentError(
                "lint violation found for rules: " + ", ".join(sorted({it.rule for it in warnings}))
            )

    def _warn_of_undefined(self, evaluator: Evaluator, dockerfile: Dockerfile) -> None:
        if is_wanted("UndefinedVar", dockerfile.directives):
            for location, name in dict.fromkeys(evaluator.undefined):
                warning = LintWarning("UndefinedVar", f"Usage of undefined variable '${name}'", location)
                self._telling.warning(warning, Place(*self._source, location.start, location.end))

    def _place(self, error: ScowError, first_line: int, last_line: int) -> None:
        error.place = Place(*self._source, first_line, last_line)  # type: ignore[attr-defined]

    async def _evaluated(self, dockerfile: Dockerfile) -> tuple[StageState, dict[Vertex, Result]]:
        workshop, options = self._workshop, self._options
        meanings, trees = await self._contexts.named()
        images = ClientImages(
            workshop.images,
            workshop.registries,
            self._request.client,
            self._telling,
            always_pull=options.pull,
        )
        evaluator = Evaluator(dockerfile, self._evaluator_options(meanings), images)
        target = evaluator.target_index()
        for index in evaluator.needed(target):
            state = await (await evaluator.begin(index)).finish()
        self._warn_of_undefined(evaluator, dockerfile)
        paths = context_paths(state.vertex, MAIN_CONTEXT)
        if paths is not None:
            trees[MAIN_CONTEXT] = await self._contexts.main(paths)
        self._telling.bases(all_vertices(state.vertex))
        return state, await self._solved(state, trees)

    def _evaluator_options(self, meanings: Mapping[str, str]) -> Options:
        options = self._options
        return Options(
            build_arguments=options.build_arguments,
            build_platform=self._workshop.platform,
            platform=options.platforms[0] if options.platforms else self._workshop.platform,
            target=options.target,
            contexts=meanings,
            no_cache_stages=options.no_cache_stages,
        )

    async def _solved(self, state: StageState, trees: Mapping[str, Tree]) -> dict[Vertex, Result]:
        """All that ``state`` is made of."""
        job = Job(
            lease=self._lease,
            tell=self._telling,
            settings=self._options.settings,
            contexts=trees,
            secrets=self._request.client,
            use_cache=not self._options.no_cache,
        )
        try:
            await self._workshop.solver.solve(state.vertex, job, self._tasks)
        finally:
            await asyncio.gather(*job.keeps, self._workshop.cache.settle(), return_exceptions=True)
        return {
            vertex: future.result()
            for vertex, future in job.results.items()
            if future.done() and not future.cancelled() and future.exception() is None
        }

    def _config(self, state: StageState, results: Mapping[Vertex, Result]) -> bytes:
        """The image's config, which with a given time says nothing of when it was built."""
        if self._options.labels:
            state.config.labels = {**(state.config.labels or {}), **self._options.labels}
        history = buildkit_history(state, results)
        epoch_s = self._options.settings.epoch_s
        if epoch_s is not None:
            moment = rfc3339(epoch_s * _NANOSECONDS)
            history = [msgspec.structs.replace(it, created=moment) for it in history]
        chain_id = results[state.vertex].chain_id
        return encode_config(
            ImageParts(
                config=state.config,
                architecture=state.platform.architecture,
                os=state.platform.os,
                variant=state.platform.variant,
                author=state.author,
                created=history[-1].created if history else rfc3339(time.time_ns()),
                history=history,
                diff_ids=self._workshop.images.layer_diff_ids(chain_id),
            )
        )

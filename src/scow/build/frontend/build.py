"""One build, for one platform or several: the Dockerfile is evaluated for each, the graph solved for all."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scow.build.checks.dockerfile_checks import DockerfileChecks
from scow.build.checks.rules import LintWarning
from scow.build.dockerfile.parser import Dockerfile
from scow.build.dockerfile.source import DockerfileError, Location
from scow.build.evaluate.evaluator import Evaluator
from scow.build.evaluate.options import MAIN_CONTEXT, Options
from scow.build.evaluate.stage_state import StageState
from scow.build.evaluate.variables import platform_arguments
from scow.build.execute.fetching import NotFetchedError
from scow.build.frontend.built_image import Outcome, built_image
from scow.build.frontend.checking import Checked, check_text, read_checked
from scow.build.frontend.contexts import Contexts
from scow.build.frontend.inputs import ContextInputs, InputsOrImages, for_platform
from scow.build.frontend.resolving import ClientImages
from scow.build.frontend.rights import wanted_rights
from scow.build.frontend.solving import Solving
from scow.build.frontend.wanted import all_vertices, context_paths
from scow.build.frontend.workbench import Workbench
from scow.build.gateway.choosing import check_for_ours
from scow.build.graph.executor import RunFailedError
from scow.build.graph.job import Result
from scow.build.graph.ops import CopyOp, RunOp, Vertex
from scow.build.image_config import ImageParts, encode_config, rfc3339
from scow.errors import InvalidArgumentError, NotFoundError, ScowError
from scow.spec.build_progress import Place
from scow.spec.digest import sha256_of
from scow.spec.engine_api.container import ContainerConfig
from scow.spec.frontend_build import BuildFailedError
from scow.spec.oci_image import History
from scow.spec.platform import Platform


@dataclass(frozen=True, slots=True)
class _Plan:
    """A platform's share."""

    platform: Platform
    evaluator: Evaluator
    state: StageState


class Build:
    """See the module."""

    def __init__(self, bench: Workbench, inputs: ContextInputs, solving: Solving) -> None:
        self._bench = bench
        self._workshop = bench.workshop
        self._request = bench.request
        self._options = bench.options
        self._telling = bench.telling
        self._contexts = Contexts(bench, inputs)
        self._inputs = inputs
        self._solving = solving
        self._source: tuple[str, bytes] = ("", b"")

    async def run(self) -> Outcome:
        """Raises BuildFailedError, and ScowError for what comes before there is a Dockerfile.

        Raises AnotherFrontEnd if it is for one.
        """
        started_ns = time.time_ns()
        text = await self._contexts.dockerfile()
        self._source = (self._options.filename, text.encode("utf-8", "surrogateescape"))
        if not text:
            raise InvalidArgumentError("the Dockerfile cannot be empty")
        check_for_ours(self._request.options, self._options.filename, text)
        try:
            arguments = self._options.build_arguments
            read = await read_checked(text, self._options.filename, arguments, self._warn)
            plans, results = await self._evaluated(read)
        except BuildFailedError:
            raise
        except ScowError as exc:
            raise await self._failure(exc) from exc
        images = [
            built_image(plan.platform, plan.state, results, self._options, self._workshop.images)
            for plan in plans
        ]
        # What has no id is no image, but an input.
        bases = {key: base for plan in plans for key, base in plan.evaluator.images.items() if base.id}
        return Outcome(
            tuple(images), results, tuple(bases.values()), *self._source, started_ns, time.time_ns()
        )

    # What is wrong, and where

    def _warn(self, warning: LintWarning) -> None:
        self._telling.warning(warning, self._place(warning.location))

    async def _failure(self, error: ScowError) -> BuildFailedError:
        """In the words of the step that failed, and at its lines."""
        if isinstance(error, DockerfileError):
            return BuildFailedError(error.message, self._place(error.location))
        failed = self._telling.failed
        if failed is None:
            return BuildFailedError(error.message)
        message, left_image = error.message, ""
        if isinstance(error, NotFoundError) and isinstance(failed.op, CopyOp):
            message = f'failed to compute cache key: "/{message.lstrip("/")}": not found'
        if isinstance(error, NotFetchedError):
            message = f"failed to load cache key: {message}"
        if (
            isinstance(error, RunFailedError)
            and self._request.keeps_failed
            and self._bench.lease.has(error.chain_id)
        ):
            left_image = await self._left_image(error, failed)
        return BuildFailedError(message, self._place_of(failed), left_image)

    def _place(self, location: Location) -> Place:
        return Place(*self._source, location.start, location.end)

    def _place_of(self, vertex: Vertex) -> Place | None:
        return Place(*self._source, vertex.first_line, vertex.last_line) if vertex.first_line else None

    async def _left_image(self, failed: RunFailedError, step: Vertex) -> str:
        """An image of what a failed program has left, with the surroundings that it ran in."""
        op = step.op
        config = ContainerConfig(cmd=list(failed.argv))
        if isinstance(op, RunOp):
            config.env, config.working_dir, config.user = list(op.env), op.cwd, op.user
        platform = self._workshop.platform
        moment = rfc3339(time.time_ns())
        diff_ids = self._workshop.images.layer_diff_ids(failed.chain_id)
        raw = encode_config(
            ImageParts(
                config=config,
                architecture=platform.architecture,
                os=platform.os,
                variant=platform.variant,
                author="",
                created=moment,
                history=[History(created=moment, created_by=" ".join(failed.argv)) for _ in diff_ids],
                diff_ids=diff_ids,
            )
        )
        await self._workshop.images.record(self._bench.lease, raw, [], parent=None)
        return sha256_of(raw)

    # The graph

    async def _evaluated(self, read: Checked) -> tuple[list[_Plan], Mapping[Vertex, Result]]:
        meanings, trees = await self._contexts.named()
        plans = await self._plans(read, meanings)
        targets = [plan.state.vertex for plan in plans]
        self._check_rights(targets)
        paths = [found for it in targets if (found := context_paths(it, MAIN_CONTEXT)) is not None]
        if paths:
            union = () if () in paths else tuple(dict.fromkeys(path for some in paths for path in some))
            trees[MAIN_CONTEXT] = await self._contexts.main(union)
        for target in targets:
            self._telling.bases(all_vertices(target))
        return plans, await self._solving.results(targets, trees, self._bench.cache_imports)

    def _check_rights(self, targets: Sequence[Vertex]) -> None:
        """Raises BuildFailedError for a step that wants more than the client gave it."""
        for target in targets:
            for vertex in all_vertices(target):
                for right in wanted_rights(vertex.op, self._options.settings.network):
                    if right not in self._request.entitlements:
                        raise BuildFailedError(f"{right} is not allowed", self._place_of(vertex))

    async def _plans(self, read: Checked, meanings: Mapping[str, str]) -> list[_Plan]:
        """For each platform; what there is to say of the Dockerfile is said once.

        Raises InvalidArgumentError if that is forbidden.
        """
        first, *others = self._options.platforms or (self._workshop.platform,)
        predefined = platform_arguments(self._workshop.platform, first, self._options.target)
        await check_text(read, predefined, self._warn)
        plans = [await self._planned(read.dockerfile, first, meanings, read.checks)]
        plans += [await self._planned(read.dockerfile, it, meanings, None) for it in others]
        if read.findings.failure:
            raise InvalidArgumentError(read.findings.failure)
        return plans

    async def _planned(
        self,
        dockerfile: Dockerfile,
        platform: Platform,
        meanings: Mapping[str, str],
        checks: DockerfileChecks | None,
    ) -> _Plan:
        images = ClientImages(self._bench, always_pull=self._options.pull)
        evaluated = self._evaluator_options(platform, for_platform(meanings, platform))
        evaluator = Evaluator(dockerfile, evaluated, InputsOrImages(self._inputs, images), checks)
        return _Plan(platform, evaluator, await self._target_state(evaluator, checks))

    async def _target_state(self, evaluator: Evaluator, checks: DockerfileChecks | None) -> StageState:
        """Raises BuildFailedError at the line that wants an image that cannot be had, DockerfileError."""
        try:
            target = evaluator.target_index()
            needed = evaluator.needed(target)
            await evaluator.find_bases(needed)
            if checks is not None:
                checks.ignored = await self._contexts.ignore_rules()
            for index in needed:
                await evaluator.finished(index)
            return await evaluator.finished(target)
        except ScowError as exc:
            if evaluator.unresolved is None:
                raise
            raise BuildFailedError(exc.message, self._place(evaluator.unresolved)) from exc

    def _evaluator_options(self, platform: Platform, meanings: Mapping[str, str]) -> Options:
        options = self._options
        return Options(
            build_arguments=options.build_arguments,
            build_platform=self._workshop.platform,
            platform=platform,
            target=options.target,
            contexts=meanings,
            no_cache_stages=options.no_cache_stages,
            shows_platform=len(options.platforms) > 1,
            as_buildkit=True,
        )

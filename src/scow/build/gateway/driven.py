"""What a front end may ask of the build that it drives."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace

from scow.build.frontend.built_image import BuiltImage, Outcome
from scow.build.frontend.built_result import BuiltResult
from scow.build.frontend.options import known_options, read_options
from scow.build.frontend.resolving import ClientImages
from scow.build.frontend.workbench import Workbench, open_workbench
from scow.build.gateway.joining import Part, joined_outcome
from scow.build.trees.tree import Tree
from scow.build.workshop import Workshop
from scow.errors import InvalidArgumentError
from scow.spec.build_progress import WarningTold
from scow.spec.driven_build import Asked, FoundImage, Returned
from scow.spec.frontend_build import Built, FrontendRequest, PlatformResult
from scow.spec.platform import Platform

Solve = Callable[[FrontendRequest], Awaitable[Built]]


class Driven:
    """See ``scow.spec.driven_build.DrivenBuild``. ``solve`` does builds within the build."""

    def __init__(self, bench: Workbench, at_hand: Mapping[str, Tree], solve: Solve) -> None:
        self.bench = bench
        self._at_hand = at_hand
        self._solve = solve

    async def solve(self, asked: Asked) -> Built:
        request = self.bench.request
        return await self._solve(
            replace(
                request,
                frontend=asked.frontend or request.frontend,
                options=asked.options,
                cache_imports=(*asked.cache_imports, *request.cache_imports),
                definition=asked.definition,
                inputs=asked.inputs,
            )
        )

    async def image(
        self, reference: str, platform: Platform | None, *, always_pull: bool, name: str
    ) -> FoundImage:
        images = ClientImages(self.bench, always_pull=always_pull, told_as=name)
        base = await images.resolve(reference, platform or self.bench.workshop.platform)
        return FoundImage(base.reference, base.digest, base.document)

    def warn(self, warning: WarningTold) -> None:
        self.bench.request.tell(warning)

    async def joined(self, returned: Returned) -> Built:
        """See ``DrivenBuild``. What is returned whole as a Dockerfile came to stays what it is."""
        parts = {key: _part(it) for key, it in returned.results.items()}
        workshop = self.bench.workshop
        outcome = joined_outcome(parts, returned.metadata, workshop.platform, workshop.images)
        whole = _one_build(returned)
        async with AsyncExitStack() as stack:
            bench = await _bench_for(workshop, self.bench.request, self._at_hand, whole, stack)
            as_index = bench.options.multi_platform if whole is not None else "" not in parts
            bench = replace(bench, options=replace(bench.options, multi_platform=as_index))
            for image in outcome.images:
                bench.lease.hold(image.chain_id)
            result = BuiltResult(bench, outcome, returned.metadata)
            result.close_with(stack.pop_all())
            return result


async def open_driven(
    workshop: Workshop,
    request: FrontendRequest,
    at_hand: Mapping[str, Tree],
    solve: Solve,
    stack: AsyncExitStack,
) -> Driven:
    """``at_hand`` are folders of the client that need not be sent; ``stack`` ends the build."""
    options = read_options(known_options(request.options))
    return Driven(await open_workbench(workshop, request, options, at_hand, stack), at_hand, solve)


async def _bench_for(
    workshop: Workshop,
    request: FrontendRequest,
    at_hand: Mapping[str, Tree],
    whole: BuiltResult | None,
    stack: AsyncExitStack,
) -> Workbench:
    """Where a result is finished: as the build says, which a Dockerfile's build within it may know better."""
    if whole is not None:
        request, options = whole.bench.request, whole.bench.options
    else:
        options = read_options(known_options(request.options))
    return await open_workbench(workshop, request, options, at_hand, stack)


def _one_build(returned: Returned) -> BuiltResult | None:
    """The build of a Dockerfile that all results are of, if that is so."""
    builds = {id(it[0]): it[0] for it in returned.results.values() if it is not None}
    if len(builds) == 1:
        (only,) = builds.values()
        if isinstance(only, BuiltResult) and only.outcome.dockerfile:
            return only
    return None


def _part(result: tuple[Built, PlatformResult] | None) -> Part | None:
    if result is None:
        return None
    built, of = result
    if not isinstance(built, BuiltResult):
        raise InvalidArgumentError("a result without layers was returned")
    return Part(built.outcome, _image_of(built.outcome, of))


def _image_of(outcome: Outcome, result: PlatformResult) -> BuiltImage:
    return next(it for it in outcome.images if not result.platform or str(it.platform) == result.platform)

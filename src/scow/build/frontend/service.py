"""Builds as BuildKit's clients ask for them: everything is evaluated, then the graph is solved."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from scow.build.evaluate.evaluator import Evaluator
from scow.build.evaluate.options import Options
from scow.build.frontend.build import Build
from scow.build.frontend.built_image import Outcome
from scow.build.frontend.built_result import BuiltResult, Description
from scow.build.frontend.checking import LINT, check_only, parsed
from scow.build.frontend.contexts import Contexts
from scow.build.frontend.definition_build import DefinitionBuild
from scow.build.frontend.definitions import Definitions
from scow.build.frontend.descriptions import describe
from scow.build.frontend.inputs import ContextInputs, DescribedImages, for_platform
from scow.build.frontend.options import REQUEST, FrontendOptions, read_options
from scow.build.frontend.resolving import ClientImages
from scow.build.frontend.rights import check_granted
from scow.build.frontend.solving import Solving
from scow.build.frontend.workbench import Workbench, open_workbench
from scow.build.gateway.choosing import (
    GATEWAY,
    AnotherFrontEnd,
    Chosen,
    check_for_ours,
    chosen_by_request,
)
from scow.build.gateway.driven import Driven, open_driven
from scow.build.gateway.image_frontend import ImageFrontEnd
from scow.build.history.records import HistoryRecords
from scow.build.llb.capabilities import CAPABILITIES
from scow.build.trees.tree import Tree
from scow.build.workshop import Workshop
from scow.spec.frontend_build import Built, CachePrune, CacheRecord, FrontendRequest
from scow.spec.platform import Platform


class FrontendService:
    """See ``scow.spec.frontend_build.FrontendBuilds``."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    @property
    def history(self) -> HistoryRecords:
        """See ``FrontendBuilds``."""
        return self._workshop.history

    def platforms(self) -> tuple[Platform, ...]:
        """See ``FrontendBuilds``."""
        return self._workshop.runnable.all()

    def graph_capabilities(self) -> Sequence[str]:
        """See ``FrontendBuilds``."""
        return CAPABILITIES

    async def records(self, filters: tuple[str, ...] = ()) -> list[CacheRecord]:
        """See ``FrontendBuilds``."""
        return await self._workshop.view.records(filters)

    async def prune(self, prune: CachePrune) -> list[CacheRecord]:
        """See ``FrontendBuilds``."""
        return await self._workshop.view.prune(prune)

    async def solve(self, request: FrontendRequest, trees: Mapping[str, Tree] | None = None) -> Built:
        """See ``FrontendBuilds``. ``trees`` are folders of the client that need not be asked for."""
        await self._workshop.cache.load()
        check_granted(request.entitlements, self._workshop.granted_rights)
        at_hand = trees or {}
        chosen = None if request.definition else chosen_by_request(request.frontend, request.options)
        if chosen is None:
            try:
                return await self._solved_here(request, at_hand)
            except AnotherFrontEnd as another:
                chosen = another.chosen
        return await self._solved_by_image(chosen, request, at_hand)

    async def driven(self, request: FrontendRequest, stack: AsyncExitStack) -> Driven:
        """See ``FrontendBuilds``."""
        await self._workshop.cache.load()
        return await open_driven(self._workshop, request, {}, self.solve, stack)

    async def _solved_here(self, request: FrontendRequest, at_hand: Mapping[str, Tree]) -> Built:
        """By our own front end, or of a definition. Raises AnotherFrontEnd, ScowError."""
        wanted = request.options.get(REQUEST, "")
        options = read_options({name: it for name, it in request.options.items() if name != REQUEST})
        async with AsyncExitStack() as stack:
            bench = await open_workbench(self._workshop, request, options, at_hand, stack)
            if wanted:
                return await _described(wanted, bench)
            result = BuiltResult(bench, await _outcome(bench))
            result.close_with(stack.pop_all())
            return result

    async def _solved_by_image(
        self, chosen: Chosen, request: FrontendRequest, at_hand: Mapping[str, Tree]
    ) -> Built:
        """By the program of an image. Raises ScowError."""
        request = replace(request, frontend=GATEWAY, options=chosen.options)

        async def solve(within: FrontendRequest) -> Built:
            return await self.solve(within, at_hand)

        async with AsyncExitStack() as stack:
            driven = await open_driven(self._workshop, request, at_hand, solve, stack)
            built = await ImageFrontEnd(driven.bench, driven, chosen).run()
            built.also_close(stack.pop_all())
            return built


async def _outcome(bench: Workbench) -> Outcome:
    """What a definition or a Dockerfile came to. Raises ScowError."""
    definitions, solving = Definitions(bench), Solving(bench)
    if bench.request.definition is not None:
        return await DefinitionBuild(bench, definitions, solving).run(bench.request.definition)
    return await Build(bench, ContextInputs(bench, definitions, solving), solving).run()


async def _described(wanted: str, bench: Workbench) -> Description:
    """What a client asks of a Dockerfile instead of a build. Raises AnotherFrontEnd, ScowError."""
    options, contexts = bench.options, Contexts(bench)
    text = await contexts.dockerfile()
    check_for_ours(bench.request.options, options.filename, text)
    evaluated = _looked_at(options, bench.workshop.platform, contexts.named_meanings())
    resolver = DescribedImages(ClientImages(bench, always_pull=options.pull, describes=True))
    if wanted == LINT:
        answer = await check_only(text, options.filename, evaluated, resolver, contexts.ignore_rules)
        return Description(answer.parts())
    dockerfile = await parsed(text, options.filename)
    return Description(describe(wanted, Evaluator(dockerfile, evaluated, resolver)))


def _looked_at(options: FrontendOptions, host: Platform, meanings: Mapping[str, str]) -> Options:
    """Of a Dockerfile that is looked at and not built: for the first of its platforms."""
    platform = options.platforms[0] if options.platforms else host
    return Options(
        build_arguments=options.build_arguments,
        build_platform=host,
        platform=platform,
        target=options.target,
        contexts=for_platform(meanings, platform),
        as_buildkit=True,
    )

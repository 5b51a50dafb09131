"""Builds as BuildKit's clients ask for them: everything is evaluated, then the graph is solved."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import msgspec

from scow.build.dockerfile.lint_rules import LintWarning
from scow.build.dockerfile.parser import Dockerfile, parse_dockerfile
from scow.build.evaluate.evaluator import Evaluator
from scow.build.evaluate.options import Options
from scow.build.export.blobs import Spool
from scow.build.frontend.build import Build
from scow.build.frontend.built_image import Outcome
from scow.build.frontend.cache_exports import CacheExports, with_inline_cache
from scow.build.frontend.checks import Here, lint_of, undefined_of
from scow.build.frontend.contexts import Contexts
from scow.build.frontend.definition_build import CONFIG, DefinitionBuild, described
from scow.build.frontend.definitions import Definitions, definition_of
from scow.build.frontend.descriptions import describe
from scow.build.frontend.exporters import Exports, Finished
from scow.build.frontend.inputs import ContextInputs
from scow.build.frontend.options import REQUEST, FrontendOptions, read_options
from scow.build.frontend.result_files import StackFiles
from scow.build.frontend.solving import Solving
from scow.build.frontend.vouching import Vouching
from scow.build.frontend.workbench import Workbench, open_workbench
from scow.build.history.recording import document_of
from scow.build.history.records import HistoryRecords
from scow.build.llb.capabilities import CAPABILITIES
from scow.build.trees.tree import Tree
from scow.build.workshop import Workshop
from scow.errors import InvalidArgumentError
from scow.spec.build_history import IN_TOTO, PREDICATE_TYPE, Findings
from scow.spec.frontend_build import (
    CachePrune,
    CacheRecord,
    Exchange,
    FrontendRequest,
    PlatformResult,
)
from scow.spec.ignore_rules import IgnoreRules
from scow.spec.platform import Platform

_INSECURE = "security.insecure"


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

    async def check(
        self, dockerfile: Dockerfile, options: Mapping[str, str], ignored: IgnoreRules
    ) -> list[LintWarning]:
        """What the build checks find, by line. Raises InvalidArgumentError for options that cannot be."""
        asked = read_options(options)
        own = self._workshop.platform
        wanted = _checked_options(asked, own)
        found = lint_of(dockerfile, own, ignored)
        found += await undefined_of(dockerfile, wanted, self._workshop.images)
        return sorted(found, key=lambda warning: (warning.location.start, warning.rule))

    async def records(self, filters: tuple[str, ...] = ()) -> list[CacheRecord]:
        """See ``FrontendBuilds``."""
        return await self._workshop.view.records(filters)

    async def prune(self, prune: CachePrune) -> list[CacheRecord]:
        """See ``FrontendBuilds``."""
        return await self._workshop.view.prune(prune)

    async def solve(
        self, request: FrontendRequest, trees: Mapping[str, Tree] | None = None
    ) -> "BuiltResult | Description":
        """See ``FrontendBuilds``. ``trees`` are folders of the client that need not be asked for."""
        await self._workshop.cache.load()
        if _INSECURE in request.entitlements and not self._workshop.insecure_allowed:
            raise InvalidArgumentError(
                f"granting entitlement {_INSECURE} is not allowed by build daemon configuration"
            )
        wanted = request.options.get(REQUEST, "")
        options = read_options({name: it for name, it in request.options.items() if name != REQUEST})
        async with AsyncExitStack() as stack:
            bench = await open_workbench(self._workshop, request, options, trees or {}, stack)
            if wanted:
                return await _described(wanted, bench)
            result = BuiltResult(bench, await _outcome(bench))
            result.close_with(stack.pop_all())
            return result


async def _outcome(bench: Workbench) -> Outcome:
    """What a definition or a Dockerfile came to. Raises ScowError."""
    definitions, solving = Definitions(bench), Solving(bench)
    if bench.request.definition is not None:
        return await DefinitionBuild(bench, definitions, solving).run(bench.request.definition)
    return await Build(bench, ContextInputs(bench, definitions, solving), solving).run()


async def _described(wanted: str, bench: Workbench) -> "Description":
    """What a client asks of a Dockerfile instead of a build. Raises ScowError."""
    workshop, options = bench.workshop, bench.options
    dockerfile = parse_dockerfile(await Contexts(bench).dockerfile(), options.filename)
    evaluated = _checked_options(options, workshop.platform)
    evaluator = Evaluator(dockerfile, evaluated, Here(workshop.images))
    return Description(describe(wanted, evaluator))


def _checked_options(options: FrontendOptions, host: Platform) -> Options:
    """Of a Dockerfile that is looked at and not built: for the first of its platforms."""
    return Options(
        build_arguments=options.build_arguments,
        build_platform=host,
        platform=options.platforms[0] if options.platforms else host,
        target=options.target,
        as_buildkit=True,
    )


class Description:
    """A ``Built`` that is nothing but an answer."""

    results: Sequence[PlatformResult] = ()

    def __init__(self, metadata: Mapping[str, bytes]) -> None:
        self.metadata = metadata

    def describe(self, metadata: Mapping[str, bytes]) -> None:
        """There is nothing to describe."""

    async def export(self, exporters: tuple[Exchange, ...], caches: tuple[Exchange, ...]) -> dict[str, str]:
        """Nothing goes anywhere; the answer is for who asked."""
        return self._texts()

    def _texts(self) -> dict[str, str]:
        return {name: value.decode() for name, value in self.metadata.items()}

    def findings(self) -> Findings:
        """The answer."""
        return Findings(self._texts())

    async def aclose(self) -> None:
        """Nothing is held."""


class BuiltResult:
    """See ``scow.spec.frontend_build.Built``."""

    def __init__(self, bench: Workbench, outcome: Outcome) -> None:
        self._outcome = outcome
        self._images = bench.workshop.images
        self._lease = bench.lease
        self._options = bench.options
        self._vouching = Vouching(bench)
        self._upkeep = bench.workshop.upkeep
        self._spool = Spool(bench.workshop.folder)
        self._exports = Exports(bench, self._spool)
        self._caches = CacheExports(bench, self._spool)
        self._stack = AsyncExitStack()

    def close_with(self, stack: AsyncExitStack) -> None:
        """What is to be closed in the end."""
        self._stack = stack
        self._stack.callback(self._spool.close)
        self._stack.callback(self._upkeep.build_ended)

    @property
    def metadata(self) -> Mapping[str, bytes]:
        images = self._outcome.images
        if not self._outcome.dockerfile:
            return {}  # whose definition it is knows more
        if len(images) == 1:
            return {"containerimage.config": images[0].raw_config}
        return {f"containerimage.config/{it.platform}": it.raw_config for it in images}

    @property
    def results(self) -> Sequence[PlatformResult]:
        images = self._outcome.images
        return [
            PlatformResult(
                str(it.platform) if len(images) > 1 else "",
                definition_of(it.chain_id),
                StackFiles(self._lease, it.chain_id),
            )
            for it in images
        ]

    def describe(self, metadata: Mapping[str, bytes]) -> None:
        given = metadata.get(CONFIG)
        if given is not None and not self._outcome.dockerfile:
            images = tuple(described(it, given, self._images) for it in self._outcome.images)
            self._outcome = replace(self._outcome, images=images)

    async def export(self, exporters: tuple[Exchange, ...], caches: tuple[Exchange, ...]) -> dict[str, str]:
        outcome, options = self._outcome, self._options
        images = outcome.images
        if any(it.kind == "inline" for it in caches):
            epoch_s = options.settings.epoch_s
            images = tuple(with_inline_cache(it, outcome.results, epoch_s) for it in images)
        found = Finished(
            images,
            await self._vouching.attestations(outcome),
            as_index=self._is_index(),
            epoch_s=options.settings.epoch_s,
        )
        response: dict[str, str] = {}
        for wanted in exporters:
            response |= await self._exports.export(found, wanted)
        for cache in caches:
            if cache.kind != "inline":
                response |= await self._caches.export(outcome, cache)
        return response

    def findings(self) -> Findings:
        outcome = self._outcome
        shown = [str(it.platform) for it in outcome.images] if self._is_index() else [""]
        predicates = self._vouching.history(outcome)
        return Findings(
            {name: value.decode("utf-8", "replace") for name, value in self.metadata.items()},
            {
                platform: document_of(IN_TOTO, _indented(said), {PREDICATE_TYPE: kind})
                for platform, (kind, said) in zip(shown, predicates, strict=True)
            },
            *self._exports.history(),
        )

    def _is_index(self) -> bool:
        return len(self._outcome.images) > 1 or self._options.multi_platform

    async def aclose(self) -> None:
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()


def _indented(document: Any) -> bytes:
    """As JSON for people; the standard library's takes a millisecond for ten lines of Dockerfile."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2)

"""Results of builds: what is told of them, and where they are brought."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import msgspec

from scow.build.export.blobs import Spool
from scow.build.frontend.built_image import Outcome
from scow.build.frontend.cache_exports import CacheExports, with_inline_cache
from scow.build.frontend.definition_build import CONFIG
from scow.build.frontend.definitions import definition_of
from scow.build.frontend.exporters import Exports, Finished
from scow.build.frontend.platform_list import PLATFORMS, platforms_text
from scow.build.frontend.result_files import StackFiles
from scow.build.frontend.vouching import Vouching
from scow.build.frontend.workbench import Workbench
from scow.build.history.recording import document_of
from scow.spec.build_history import IN_TOTO, PREDICATE_TYPE, Findings
from scow.spec.frontend_build import Exchange, PlatformResult


class Description:
    """A ``Built`` that is nothing but an answer."""

    results: Sequence[PlatformResult] = ()

    def __init__(self, metadata: Mapping[str, bytes]) -> None:
        self.metadata = metadata

    async def export(self, exporters: tuple[Exchange, ...], caches: tuple[Exchange, ...]) -> dict[str, str]:
        """Nothing goes anywhere; the answer is for who asked."""
        return self._texts()

    def _texts(self) -> dict[str, str]:
        return {name: value.decode() for name, value in self.metadata.items()}

    def findings(self) -> Findings:
        """The answer."""
        return Findings(self._texts())

    def also_close(self, stack: AsyncExitStack) -> None:
        """An answer needs nothing: what it came from is not waited for."""
        raise AssertionError("an answer is no result of a front end's")

    async def aclose(self) -> None:
        """Nothing is held."""


class BuiltResult:
    """See ``scow.spec.frontend_build.Built``: what was made at ``bench``.

    ``said`` is what a front end says of it, if one returned it.
    """

    def __init__(self, bench: Workbench, outcome: Outcome, said: Mapping[str, bytes] | None = None) -> None:
        self.bench = bench
        self._outcome = outcome
        self._said = said
        self._lease = bench.lease
        self._options = bench.options
        self._vouching = Vouching(bench)
        self._upkeep = bench.workshop.upkeep
        self._spool = Spool(bench.workshop.folder)
        self._exports = Exports(bench, self._spool)
        self._caches = CacheExports(bench, self._spool)
        self._stack = AsyncExitStack()
        self._outer = AsyncExitStack()

    def close_with(self, stack: AsyncExitStack) -> None:
        """What is to be closed in the end."""
        self._stack = stack
        self._stack.callback(self._spool.close)
        self._stack.callback(self._upkeep.build_ended)

    def also_close(self, stack: AsyncExitStack) -> None:
        self._outer.push_async_callback(stack.aclose)

    @property
    def outcome(self) -> Outcome:
        """What it is, for results that are made of it."""
        return self._outcome

    @property
    def metadata(self) -> Mapping[str, bytes]:
        if self._said is not None:
            return self._said
        images = self._outcome.images
        if not self._outcome.dockerfile:
            return {}  # whose definition it is knows more
        listed = {PLATFORMS: platforms_text([it.platform for it in images])}
        if len(images) == 1:
            return {CONFIG: images[0].raw_config, **listed}
        return {**{f"{CONFIG}/{it.platform}": it.raw_config for it in images}, **listed}

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
        outer, self._outer = self._outer, AsyncExitStack()
        async with outer:
            await stack.aclose()


def _indented(document: Any) -> bytes:
    """As JSON for people; the standard library's takes a millisecond for ten lines of Dockerfile."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2)

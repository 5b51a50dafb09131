"""What vouches for a build's images: gathered from its graph, its bases and their files."""

import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from scow.build.attest.facts import Facts, LentThing, Material
from scow.build.attest.packages import distribution_of, installed_packages
from scow.build.attest.provenance import predicate
from scow.build.attest.sbom import spdx_document
from scow.build.attest.steps import Graph, graph_of
from scow.build.attest.wanted import ProvenanceOptions
from scow.build.evaluate.base import BaseImage
from scow.build.evaluate.git_address import is_git_address, parse_git_address
from scow.build.export.attestations import SPDX, Attestation, package_address
from scow.build.export.documents import Described
from scow.build.frontend.built_image import BuiltImage, Outcome
from scow.build.frontend.wanted import all_vertices
from scow.build.frontend.workbench import Workbench
from scow.build.graph.ops import ContextSource, DownloadSource, GitSource, RunOp, Vertex
from scow.build.image_config import rfc3339
from scow.build.trees.folder import FolderTree
from scow.build.trees.tree import Tree
from scow.image.threads import run_to_end, run_to_open
from scow.linux.mount_views import MountView
from scow.spec.digest import chain_ids
from scow.spec.platform import Platform
from scow.spec.reference import parse_reference

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NANOSECONDS = 1_000_000_000


class Vouching:
    """For one build."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._options = bench.options
        self._given = bench.request.options
        self._downloads = bench.workshop.downloads
        self._host = bench.workshop.platform

    async def attestations(self, outcome: Outcome) -> list[tuple[Attestation, ...]]:
        """For each image, in order. Raises ScowError."""
        invocation = secrets.token_hex(13)
        return [await self._of(image, outcome, invocation) for image in outcome.images]

    def history(self, outcome: Outcome) -> list[tuple[str, Any]]:
        """For each image, in order, kind and predicate of all that can be said, for the build's record."""
        wanted = self._options.attestations.provenance
        options = ProvenanceOptions(builder_id=wanted.builder_id if wanted is not None else "")
        invocation = secrets.token_hex(13)
        return [
            predicate(self._facts(image, outcome, invocation, graph_of(image.vertex)), options)
            for image in outcome.images
        ]

    async def _of(self, image: BuiltImage, outcome: Outcome, invocation: str) -> tuple[Attestation, ...]:
        found = []
        if self._options.attestations.sbom:
            with self._bench.telling.internal(f"[{image.platform}] generating sbom using scow's scanner"):
                found.append(await self._sbom(image, outcome))
        if (options := self._options.attestations.provenance) is not None:
            found.append(self._provenance(image, outcome, invocation, options))
        return tuple(found)

    async def _sbom(self, image: BuiltImage, outcome: Outcome) -> Attestation:
        packages, distribution = [], ("", "")
        if image.chain_id is not None:
            view = await run_to_open(MountView.close, self._bench.lease.view, image.chain_id)
            try:
                tree: Tree = FolderTree(os.open(f"/proc/self/fd/{view.root}", _DIRECTORY), with_owners=True)
                try:
                    packages = await run_to_end(installed_packages, tree)
                    distribution = await run_to_end(distribution_of, tree)
                finally:
                    tree.close()
            finally:
                await run_to_end(view.close)
        epoch_s = self._options.settings.epoch_s
        at_s = outcome.finished_ns // _NANOSECONDS if epoch_s is None else epoch_s
        document = spdx_document(packages, distribution, "sbom", rfc3339(at_s * _NANOSECONDS))
        return Attestation(SPDX, document, "sbom.spdx.json")

    def _provenance(
        self, image: BuiltImage, outcome: Outcome, invocation: str, options: ProvenanceOptions
    ) -> Attestation:
        graph = graph_of(image.vertex)
        facts = self._facts(image, outcome, invocation, graph)
        depths = self._depths(image, outcome, graph)

        def completed(layers: Sequence[Described]) -> Any:
            made = {f"{step}:0": [[it.document() for it in layers[:depth]]] for step, depth in depths.items()}
            return predicate(replace(facts, layers=made), options)[1]

        kind, said = predicate(facts, options)
        return Attestation(kind, said, options.file_name, options.inline_only, completed)

    def _depths(self, image: BuiltImage, outcome: Outcome, graph: Graph) -> dict[str, int]:
        """How many of the image's layers each step ends at, of those whose result the image stands on."""
        chains = chain_ids(self._bench.workshop.images.layer_diff_ids(image.chain_id))
        depths = {chain_id: depth for depth, chain_id in enumerate(chains, 1)}
        return {
            step: depths[result.chain_id]
            for vertex, step in graph.names.items()
            if (result := outcome.results.get(vertex)) is not None and result.chain_id in depths
        }

    def _facts(self, image: BuiltImage, outcome: Outcome, invocation: str, graph: Graph) -> Facts:
        vertices = list(all_vertices(image.vertex))
        context = self._context()
        return Facts(
            file_name=outcome.dockerfile,
            source=outcome.source,
            arguments=self._given,
            context=context,
            folders=self._folders(vertices),
            secrets=_lent(vertices, "secret"),
            agents=_lent(vertices, "ssh"),
            materials=(
                *_images(outcome.bases, self._host),
                *self._fetched(vertices),
                *((context,) if context else ()),
            ),
            platform=self._host,
            started_ns=outcome.started_ns,
            finished_ns=outcome.finished_ns,
            invocation=invocation,
            vcs=self._vcs(),
            hermetic=all(it.op.network == "none" for it in vertices if isinstance(it.op, RunOp)),
            steps=graph.steps,
            locations=graph.locations,
        )

    def _vcs(self) -> dict[str, str]:
        prefix = "vcs:"
        return {key.removeprefix(prefix): it for key, it in self._given.items() if key.startswith(prefix)}

    def _context(self) -> Material | None:
        """A remote context."""
        address = self._options.context
        if not address:
            return None
        if is_git_address(address, context=True):
            return self._repository(parse_git_address(address))
        return Material(address, self._downloads.digests_of(address))

    def _repository(self, source: GitSource) -> Material:
        uri = f"{source.remote}#{source.ref}" if source.ref else source.remote
        return Material(uri, self._downloads.digests_of(uri))

    def _folders(self, vertices: Iterable[Vertex]) -> tuple[str, ...]:
        """Of the client: the Dockerfile's, and those that steps copy from."""
        used = {it.name for vertex in vertices for it in vertex.sources if isinstance(it, ContextSource)}
        names = set() if self._options.context else {"dockerfile"}
        if used and not self._options.context:
            names.add("context")
        return tuple(sorted(names | {it.removeprefix("context ") for it in used if " " in it}))

    def _fetched(self, vertices: Iterable[Vertex]) -> list[Material]:
        found: dict[str, Material] = {}
        for vertex in vertices:
            for source in vertex.sources:
                match source:
                    case DownloadSource(url=url):
                        found[url] = Material(url, self._downloads.digests_of(url))
                    case GitSource():
                        material = self._repository(source)
                        found[material.uri] = material
        return [found[uri] for uri in sorted(found)]


def _images(bases: Iterable[BaseImage], host: Platform) -> list[Material]:
    found: dict[str, Material] = {}
    for base in bases:
        address = package_address(parse_reference(base.reference), base.platform or host)
        algorithm, _, value = (base.digest or base.id).partition(":")
        found[address] = Material(address, {algorithm: value})
    return [found[address] for address in sorted(found)]


def _lent(vertices: Iterable[Vertex], kind: str) -> tuple[LentThing, ...]:
    found: dict[str, bool] = {}
    for vertex in vertices:
        for mount in vertex.op.mounts if isinstance(vertex.op, RunOp) else ():
            if mount.kind == kind:
                found[mount.id] = found.get(mount.id, False) or mount.required
    return tuple(LentThing(name, found[name]) for name in sorted(found))

"""Definitions of LLB in a build: what they begin with is found, the rest is translated."""

from collections.abc import Sequence

from scow.build.evaluate.base import BaseImage
from scow.build.frontend.foreign_bases import OCI_LAYOUT
from scow.build.frontend.resolving import ClientImages
from scow.build.frontend.workbench import Workbench
from scow.build.graph.ops import BaseOp, ContextSource, GitSource, Owner, Vertex
from scow.build.llb.definition import Operation, read_definition
from scow.build.llb.sources import (
    RESULT_SCHEME,
    FileWanted,
    FolderWanted,
    ImageWanted,
    LayoutWanted,
    ResultWanted,
    source_wanted,
)
from scow.build.llb.translate import Begun, Translation, Tree
from scow.build.trees import tree
from scow.errors import InvalidArgumentError, NotFoundError, ScowError
from scow.spec.digest import sha256_of
from scow.spec.llb import Definition, Input, Op, OpMetadata, SourceOp
from scow.spec.llb import Platform as PlatformMessage
from scow.spec.platform import Platform


class Definitions:
    """Of one build. ``bases`` are the images that they use, ``trees`` what their vertices take files from."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self.bases: dict[str, BaseImage] = {}
        self.trees: dict[str, tree.Tree] = {}

    async def vertex(self, definition: Definition) -> Vertex:
        """What a definition asks for.

        Raises InvalidArgumentError, UnsupportedError, NotFoundError, ScowError.
        """
        try:
            operations = read_definition(definition)
            for operation in operations.operations.values():
                _check_rights(operation, self._bench.request.entitlements)
        except ScowError as exc:
            raise type(exc)(f"failed to load LLB: {exc.message}") from exc
        begun = {
            digest: await self._begun(operation, operation.op.source)
            for digest, operation in operations.operations.items()
            if operation.op.source is not None
        }
        translation = Translation(operations, begun, self._bench.options.settings)
        self._bench.telling.know(translation.digests)
        return translation.result

    async def _begun(self, operation: Operation, source: SourceOp) -> Begun:
        try:
            wanted = source_wanted(source)
        except ScowError as exc:
            raise type(exc)(f"failed to load cache key: {exc.message}") from exc
        match wanted:
            case ImageWanted(reference, pull):
                platform = self._platform(operation.op.platform)
                return await self._image(operation, reference, platform, always_pull=pull)
            case LayoutWanted(reference, store):
                name, at, digest = reference.partition("@")
                address = f"{OCI_LAYOUT}{store or name}{at}{digest}"
                return await self._image(operation, address, self._platform(operation.op.platform))
            case FolderWanted(name, choice):
                key = f"local {operation.digest}"
                with self._bench.telling.internal(operation.name, operation.digest) as told:
                    self.trees[key] = await self._bench.folders.pull(name, choice, told, name)
                return Tree(ContextSource(key))
            case FileWanted(download, mode, uid, gid):
                return Tree(download, f"{mode:o}", Owner(str(uid), str(gid)))
            case GitSource() as repository:
                return Tree(repository)
            case ResultWanted(chain_id):
                if not self._bench.lease.has(chain_id):
                    raise NotFoundError(f"layers {chain_id} of an earlier build are not here any more")
                return Vertex(BaseOp(operation.name, chain_id), name=operation.name)

    async def _image(
        self, operation: Operation, reference: str, platform: Platform, *, always_pull: bool = False
    ) -> Vertex:
        images = ClientImages(self._bench, always_pull=always_pull)
        base = await images.resolve(reference, platform)
        self.bases[f"{platform} {reference}"] = base
        vertex = Vertex(BaseOp(base.reference, base.chain_id), name=operation.name)
        self._bench.telling.found(vertex, operation.digest)
        return vertex

    def _platform(self, wanted: PlatformMessage | None) -> Platform:
        if wanted is None or not wanted.architecture:
            return self._bench.workshop.platform
        return Platform(wanted.os, wanted.architecture, wanted.variant)


def _check_rights(operation: Operation, rights: Sequence[str]) -> None:
    program = operation.op.exec
    if program is None:
        return
    wanted = {"network.host": program.network == 1, "security.insecure": program.security == 1}
    for right, is_wanted in wanted.items():
        if is_wanted and right not in rights:
            raise InvalidArgumentError(f"{right} is not allowed")


def definition_of(chain_id: str | None) -> Definition:
    """One that stands for layers that are here; of none it is empty."""
    if chain_id is None:
        return Definition()
    source = Op(source=SourceOp(f"{RESULT_SCHEME}://{chain_id}")).encode()
    last = Op(inputs=(Input(sha256_of(source)),)).encode()
    return Definition((source, last), {sha256_of(source): OpMetadata()})

"""Contexts of a Dockerfile that are results of graphs: ``input:…``, and the context itself."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from scow.build.evaluate.base import BaseImage
from scow.build.frontend.definition_build import CONFIG, Document, config_of, failure, layers_of
from scow.build.frontend.definitions import Definitions
from scow.build.frontend.solving import Solving
from scow.build.frontend.workbench import Workbench
from scow.build.trees.folder import FolderTree
from scow.build.trees.memory import MemoryTree
from scow.build.trees.tree import Tree
from scow.errors import InvalidArgumentError, ScowError
from scow.spec.oci_image import ImageConfig, decode_document
from scow.spec.platform import Platform
from scow.tasks import run_blocking

INPUT = "input:"
_METADATA = "input-metadata:"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class _Solved:
    """What an input came to; ``made`` is an entry of history for each of its layers."""

    chain_id: str | None
    made: tuple[Document, ...]


class ContextInputs:
    """Of one build, whose lease holds them; each is solved once."""

    def __init__(self, bench: Workbench, definitions: Definitions, solving: Solving) -> None:
        self._bench = bench
        self._request = bench.request
        self._images = bench.workshop.images
        self._definitions = definitions
        self._solving = solving
        self._solved: dict[str, _Solved] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._request.inputs

    async def tree(self, name: str) -> Tree:
        """The files of an input. Raises ScowError."""
        chain_id = (await self._result(name)).chain_id
        if chain_id is None:
            return MemoryTree({})
        view = await run_blocking(self._bench.lease.view, chain_id)
        self._bench.stack.callback(view.close)
        found = FolderTree(os.open(f"/proc/self/fd/{view.root}", _DIRECTORY), with_owners=True)
        self._bench.stack.callback(found.close)
        return found

    async def image(self, name: str, platform: Platform) -> BaseImage:
        """An input as something to begin from, with the config that its client gave it. Raises ScowError."""
        solved = await self._result(name)
        diff_ids = self._images.layer_diff_ids(solved.chain_id)
        raw = config_of(self._given_config(name), platform, diff_ids, solved.made)
        config = decode_document(raw, ImageConfig, "image config")
        return BaseImage(f"{INPUT}{name}", solved.chain_id, config, platform=platform)

    def _given_config(self, name: str) -> bytes | None:
        text = self._request.options.get(_METADATA + name)
        if text is None:
            return None
        try:
            metadata = msgspec.json.decode(text, type=dict[str, bytes])
        except (msgspec.DecodeError, RecursionError) as exc:
            raise InvalidArgumentError(f"failed to parse input metadata {text}: {exc}") from exc
        return metadata.get(CONFIG)

    async def _result(self, name: str) -> _Solved:
        if name not in self._solved:
            definition = self._request.inputs.get(name)
            if definition is None:
                raise InvalidArgumentError(f"invalid input {name}")
            if not definition.operations:
                return _Solved(None, ())
            target = await self._definitions.vertex(definition)
            try:
                results = await self._solving.results([target], self._definitions.trees, ())
            except ScowError as exc:
                raise failure(exc, self._bench.telling.failed) from exc
            made = tuple(layers_of(target, results, self._images))
            self._solved[name] = _Solved(results[target].chain_id, made)
        return self._solved[name]


class Images(Protocol):
    """See ``scow.build.evaluate.base.Resolver``."""

    async def resolve(self, reference: str, platform: Platform) -> BaseImage: ...


class InputsOrImages:
    """The same, where a name may also be that of an input."""

    def __init__(self, inputs: ContextInputs, images: Images) -> None:
        self._inputs = inputs
        self._images = images

    async def resolve(self, reference: str, platform: Platform) -> BaseImage:
        if reference.startswith(INPUT):
            return await self._inputs.image(reference.removeprefix(INPUT), platform)
        return await self._images.resolve(reference, platform)


class DescribedImages:
    """The same where nothing is built: inputs are not asked for, and nothing is known of them."""

    def __init__(self, images: Images) -> None:
        self._images = images

    async def resolve(self, reference: str, platform: Platform) -> BaseImage:
        if reference.startswith(INPUT):
            return BaseImage(reference, None, None, platform=platform)
        return await self._images.resolve(reference, platform)


def for_platform(meanings: Mapping[str, str], platform: Platform) -> dict[str, str]:
    """Contexts as one platform has them: ``name::platform`` before ``name``."""
    found = {name: value for name, value in meanings.items() if "::" not in name}
    for name, value in meanings.items():
        plain, separator, wanted = name.partition("::")
        if separator and wanted == str(platform):
            found[plain] = value
    return found

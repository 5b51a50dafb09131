"""One build of a definition: no Dockerfile describes the result, its client may."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from scow.build.evaluate.stage_state import DEFAULT_PATH
from scow.build.execute.fetching import NotFetchedError
from scow.build.frontend.built_image import BuiltImage, Outcome
from scow.build.frontend.definitions import Definitions
from scow.build.frontend.solving import Solving
from scow.build.frontend.workbench import Workbench
from scow.build.graph.job import Result
from scow.build.graph.ops import BaseOp, FileOp, RunOp, Vertex
from scow.build.image_config import rfc3339
from scow.errors import InvalidArgumentError, NotFoundError, ScowError
from scow.image.store import ImageStore
from scow.spec.frontend_build import BuildFailedError
from scow.spec.llb import Definition
from scow.spec.platform import Platform

CONFIG = "containerimage.config"
"""What a client says of a result: the config of its image."""
_COMMENT = "buildkit.exporter.image.v0"
Document = dict[str, Any]


class DefinitionBuild:
    """See the module."""

    def __init__(self, bench: Workbench, definitions: Definitions, solving: Solving) -> None:
        self._bench = bench
        self._definitions = definitions
        self._solving = solving

    async def run(self, definition: Definition) -> Outcome:
        """Raises InvalidArgumentError, UnsupportedError, BuildFailedError, ScowError."""
        started_ns = time.time_ns()
        bench = self._bench
        images, platform = bench.workshop.images, bench.workshop.platform
        target = await self._definitions.vertex(definition)
        try:
            results = await self._solving.results([target], self._definitions.trees, bench.cache_imports)
        except ScowError as exc:
            raise failure(exc, bench.telling.failed) from exc
        chain_id = results[target].chain_id
        history = layers_of(target, results, images)
        raw_config = config_of(None, platform, images.layer_diff_ids(chain_id), history)
        image = BuiltImage(platform, raw_config, chain_id, target, base_layers=0, made=tuple(history))
        bases = tuple(self._definitions.bases.values())
        return Outcome((image,), results, bases, "", b"", started_ns, time.time_ns())


def failure(error: ScowError, failed: Vertex | None) -> ScowError:
    """In BuildKit's words."""
    if isinstance(error, NotFoundError) and failed is not None and isinstance(failed.op, FileOp):
        return BuildFailedError(f'failed to compute cache key: "/{error.message.lstrip("/")}": not found')
    if isinstance(error, NotFetchedError):
        return BuildFailedError(f"failed to load cache key: {error.message}")
    return error


def layers_of(target: Vertex, results: Mapping[Vertex, Result], images: ImageStore) -> list[Document]:
    """An entry of history for each layer, lowest first: what made it, and when."""
    found: list[Document] = []
    vertex: Vertex | None = target
    while vertex is not None:
        result = results.get(vertex)
        own = images.layer_diff_ids(_stack(vertex, results))
        rest = images.layer_diff_ids(_below(vertex, results))
        created_ns = (result.created_ns if result is not None else 0) or time.time_ns()
        entry = {"created": rfc3339(created_ns), "created_by": vertex.name, "comment": _COMMENT}
        found[:0] = [dict(entry) for _ in own[len(rest) :]]
        vertex = vertex.base if rest else None
    return found


def _below(vertex: Vertex, results: Mapping[Vertex, Result]) -> str | None:
    """The stack that a vertex put its layer on."""
    if vertex.base is None or not isinstance(vertex.op, FileOp | RunOp):
        return None
    return _stack(vertex.base, results)


def _stack(vertex: Vertex, results: Mapping[Vertex, Result]) -> str | None:
    return vertex.op.chain_id if isinstance(vertex.op, BaseOp) else results[vertex].chain_id


def config_of(
    given: bytes | None, platform: Platform, diff_ids: tuple[str, ...], made: Iterable[Document]
) -> bytes:
    """A config that says what the layers are: entries of history that are missing are added at its end."""
    document = _document(given) if given is not None else _empty(platform)
    history = document.get("history") or []
    if not isinstance(history, list) or not all(isinstance(it, dict) for it in history):
        raise InvalidArgumentError("failed to unmarshal history from config")
    known = 0
    for entry in history:
        if not entry.get("empty_layer"):
            if known < len(diff_ids):
                known += 1
            else:
                entry["empty_layer"] = True
    history = [*history, *list(made)[known:]]
    document["rootfs"] = {"type": "layers", "diff_ids": diff_ids}
    document["history"] = history
    if not document.get("created"):
        times = [it["created"] for it in history if it.get("created")]
        document["created"] = times[-1] if times else rfc3339(time.time_ns())
    return msgspec.json.encode(document)


def _document(given: bytes) -> Document:
    try:
        return msgspec.json.decode(given, type=Document)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise InvalidArgumentError(f"failed to parse image config for patch: {exc}") from exc


def _empty(platform: Platform) -> Document:
    config = {"Env": [f"PATH={DEFAULT_PATH}"], "WorkingDir": "/"}
    found: Document = {"architecture": platform.architecture, "os": platform.os, "config": config}
    return found | ({"variant": platform.variant} if platform.variant else {})

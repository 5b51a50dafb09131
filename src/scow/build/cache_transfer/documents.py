"""BuildKit's cache config, ``application/vnd.buildkit.cacheconfig.v0``: which results there are, of which
layers (cache/remotecache/v1/spec.go).

    {"layers":  [{"blob": digest, "parent": index of the layer below, -1 for none, "annotations": {…}}, …],
     "records": [{"digest": cache key, "layers": [{"layer": index, "createdAt": time}], "scow": {…}}, …]}

A key of scow's says all that a result depends on, so records have no ``inputs``. What scow needs besides
stands under names of its own, which BuildKit reads over: the record as its cache has it, and what is known of
stacks that it copies from. A record without ``layers`` tells what a step came to, for what follows it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from scow.build.graph.cache import Record
from scow.build.graph.job import Memo
from scow.errors import InvalidArgumentError
from scow.image.layers import chain_on
from scow.spec.oci_image import MAX_DOCUMENT_BYTES, DiffId, Digest

CONFIG_TYPE = "application/vnd.buildkit.cacheconfig.v0"
INLINE_FIELD = "moby.buildkit.cache.v0"


class LayerAnnotations(msgspec.Struct, kw_only=True, frozen=True, rename="camel"):
    """What a layer's blob is."""

    diff_id: DiffId = msgspec.field(name="diffID")
    size: int = 0
    media_type: str = ""
    created_at: str = ""


class CacheLayer(msgspec.Struct, kw_only=True, frozen=True):
    """One layer of a stack; ``parent`` is the index of the one below."""

    blob: Digest
    parent: int = -1
    annotations: LayerAnnotations | None = None


class CacheResult(msgspec.Struct, kw_only=True, frozen=True, rename="camel"):
    """The topmost layer of a result."""

    layer: int
    created_at: str = ""


class StackMemo(msgspec.Struct, kw_only=True, frozen=True):
    """See ``scow.build.graph.job.Memo``."""

    words: str
    chain_id: str | None
    digest: str


class CacheMount(msgspec.Struct, kw_only=True, frozen=True):
    """The files of a cache mount: a blob with a tar; owner and mode are of the folder itself."""

    id: str
    blob: Digest
    size: int
    uid: int = 0
    gid: int = 0
    mode: int = 0o755


class CacheRecord(msgspec.Struct, kw_only=True, frozen=True):
    """One result. ``scow`` is ``None`` in what another builder wrote."""

    digest: str
    layers: list[CacheResult] = []
    scow: Record | None = None
    memos: list[StackMemo] = msgspec.field(default_factory=list, name="scow.memos")


class CacheConfig(msgspec.Struct, kw_only=True, frozen=True):
    """All of it."""

    layers: list[CacheLayer] = []
    records: list[CacheRecord] = []
    mounts: list[CacheMount] = msgspec.field(default_factory=list, name="scow.mounts")


def encode_config(config: CacheConfig) -> bytes:
    """As it is stored."""
    return msgspec.json.encode(config)


def decode_config(data: bytes) -> CacheConfig:
    """Raises InvalidArgumentError for what is none, or refers to what it has not."""
    config: CacheConfig = _decoded(data, CacheConfig)
    _check(config.records, len(config.layers))
    if any(not -1 <= it.parent < number for number, it in enumerate(config.layers)):
        raise InvalidArgumentError("invalid cache config: a layer stands before the one below it")
    return config


def decode_inline(data: bytes, layers: int) -> list[CacheRecord]:
    """The records in an image's config, whose layers are the image's. Raises InvalidArgumentError."""
    records: list[CacheRecord] = _decoded(data, list[CacheRecord])
    _check(records, layers)
    return records


def record_of(record: Record, memos: Iterable[Memo], layer: int | None, created_at: str) -> CacheRecord:
    """``layer`` is the index of its topmost layer, ``None`` if its layers do not go along."""
    return CacheRecord(
        digest=f"sha256:{record.key}",
        layers=[] if layer is None else [CacheResult(layer=layer, created_at=created_at)],
        scow=msgspec.structs.replace(record, last_used_ns=0, usage_count=0),
        memos=[StackMemo(words=it.words, chain_id=it.chain_id, digest=it.digest) for it in memos],
    )


def inline(raw_config: bytes, records: Sequence[CacheRecord]) -> bytes:
    """An image's config with records in it."""
    document: dict[str, Any] = msgspec.json.decode(raw_config)
    document[INLINE_FIELD] = msgspec.json.encode(records)
    return msgspec.json.encode(document)


def chains_of(layers: Sequence[CacheLayer]) -> list[str | None]:
    """The chain id of the stack that each layer is the top of; ``None`` where a diff id is not known."""
    chains: list[str | None] = []
    for it in layers:
        below = chains[it.parent] if it.parent >= 0 else ""
        known = it.annotations is not None and below is not None
        chains.append(chain_on(below or None, it.annotations.diff_id) if it.annotations and known else None)
    return chains


def _check(records: Sequence[CacheRecord], layers: int) -> None:
    if any(not 0 <= result.layer < layers for record in records for result in record.layers):
        raise InvalidArgumentError("invalid cache config: a record is of a layer that is not there")


def _decoded(data: bytes, kind: Any) -> Any:
    if len(data) > MAX_DOCUMENT_BYTES:
        raise InvalidArgumentError(f"cache config is larger than {MAX_DOCUMENT_BYTES} bytes")
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as exc:
        raise InvalidArgumentError(f"cache config cannot be read: {exc}") from exc

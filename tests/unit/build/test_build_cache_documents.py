"""BuildKit's cache config: what is written is read again, and strangers' is refused or read over."""

import base64
import json

import pytest

from scow.build.cache_transfer.documents import (
    CacheConfig,
    CacheLayer,
    CacheRecord,
    LayerAnnotations,
    chains_of,
    decode_config,
    decode_inline,
    encode_config,
    inline,
    record_of,
)
from scow.build.graph.cache import Record
from scow.build.graph.job import Memo
from scow.errors import InvalidArgumentError
from scow.spec.digest import chain_ids

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")


def record(key: str = "k" * 64, chain_id: str | None = A) -> Record:
    return Record(
        key=key, family="f", base="", contents=("c",), chain_id=chain_id, parent=None, description="RUN x",
        created_ns=5, last_used_ns=9, usage_count=3,
    )  # fmt: skip


def layer(diff_id: str, parent: int = -1) -> CacheLayer:
    return CacheLayer(blob=C, parent=parent, annotations=LayerAnnotations(diff_id=diff_id, size=1))


def test_what_is_written_is_read_again_without_how_often_it_was_used() -> None:
    memo = Memo("words", A, "digest")
    config = CacheConfig(layers=[layer(A), layer(B, 0)], records=[record_of(record(), [memo], 1, "t")])
    found = decode_config(encode_config(config))
    assert found == config
    assert found.records[0].scow is not None
    assert (found.records[0].scow.usage_count, found.records[0].scow.last_used_ns) == (0, 0)
    assert found.records[0].memos[0].words == "words"


def test_the_form_is_buildkits() -> None:
    document = json.loads(
        encode_config(CacheConfig(layers=[layer(A)], records=[record_of(record(), [], 0, "t")]))
    )
    assert document["layers"] == [
        {"blob": C, "parent": -1, "annotations": {"diffID": A, "size": 1, "mediaType": "", "createdAt": ""}}
    ]
    (found,) = document["records"]
    assert found["digest"] == f"sha256:{'k' * 64}"
    assert found["layers"] == [{"layer": 0, "createdAt": "t"}]


def test_another_builders_records_are_read_over() -> None:
    theirs = {
        "layers": [{"blob": A, "parent": -1, "annotations": {"diffID": B, "size": 3, "additional": {}}}],
        "records": [
            {"digest": C, "inputs": [[{"link": 1}]], "layers": [{"layer": 0}], "chains": []},
            {"digest": A},
        ],
    }
    found = decode_config(json.dumps(theirs).encode())
    assert [it.scow for it in found.records] == [None, None]


@pytest.mark.parametrize(
    "document",
    [
        {"layers": [{"blob": A, "parent": 0}]},
        {"layers": [{"blob": A, "parent": -2}]},
        {"layers": [{"blob": A, "parent": 1}, {"blob": B, "parent": -1}]},
        {"records": [{"digest": A, "layers": [{"layer": 0}]}]},
        {"layers": [{"blob": "sha256:no"}]},
        {"layers": 3},
        [],
    ],
)
def test_what_refers_to_nothing_is_refused(document: object) -> None:
    with pytest.raises(InvalidArgumentError):
        decode_config(json.dumps(document).encode())


def test_chains_follow_parents_not_the_order() -> None:
    layers = [layer(A), layer(B), layer(C, 0), CacheLayer(blob=A), layer(B, 3)]
    assert chains_of(layers) == [A, B, chain_ids([A, C])[-1], None, None]


def test_an_images_config_holds_records_as_bytes() -> None:
    records = [record_of(record(), [], 0, "t")]
    document = json.loads(inline(b'{"os":"linux","rootfs":{}}', records))
    assert document["os"] == "linux"
    raw = base64.b64decode(document["moby.buildkit.cache.v0"])
    assert decode_inline(raw, 1) == records
    with pytest.raises(InvalidArgumentError):
        decode_inline(raw, 0)
    assert isinstance(records[0], CacheRecord)

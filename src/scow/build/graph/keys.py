"""Cache keys: the digest of everything that decides a vertex's result.

A vertex works on a stack of layers, which is content: its chain id stands in the key, not the way it came to
be. So a step that gives the same layer as before leaves all that follow it in the cache, whatever was done
again; and what a context's files digest to stands there instead of the files' names in it.

    key         the words of the op, the chain id it works on, the digests of what it copies or mounts
    family      the op's words alone: which key it had before, to say what changed
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from scow.build.graph.ops import Op

# Part of every key: raised when a step's result becomes another, so that old results are not taken.
_RECIPE = 2


@dataclass(frozen=True, slots=True)
class Key:
    """What a result is found by, and what it is made of, for telling two keys apart."""

    digest: str
    family: str
    base: str
    contents: tuple[str, ...]


def cache_key(op: Op, base: str | None, contents: Sequence[str]) -> Key:
    """``contents`` are digests of what it copies or mounts, in order."""
    words = msgspec.json.encode([_RECIPE, type(op).__name__, op])
    family = hashlib.sha256(words).hexdigest()
    whole = msgspec.json.encode([family, base, contents])
    return Key(hashlib.sha256(whole).hexdigest(), family, base or "", tuple(contents))

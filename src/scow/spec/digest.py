"""Digests: content named by its hash, ``<algorithm>:<hex>`` (OCI image-spec, descriptor.md).

``digest`` is of bytes as stored or sent, ``diff_id`` of a layer's uncompressed tar, ``chain_id`` of a
stack of layers. All three are plain strings here, in canonical form.
"""

import hashlib
import re
from collections.abc import Iterable

from scow.errors import InvalidArgumentError
from scow.spec.bulk_digest import bulk_sha256

_HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
# The grammar of the image-spec: algorithm components joined by one of "+._-".
_GRAMMAR = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+", re.ASCII)
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


def hash_for(digest: str) -> "hashlib._Hash":
    """A hash of the digest's own algorithm, for what should have it. Raises InvalidArgumentError."""
    algorithm = digest.partition(":")[0]
    if algorithm == "sha256":
        return bulk_sha256()
    if algorithm not in _HEX_LENGTHS:
        raise InvalidArgumentError("unsupported digest algorithm")
    return hashlib.new(algorithm)


def is_digest_of(digest: str, data: bytes) -> bool:
    """Whether ``data`` is what ``digest`` names. Raises InvalidArgumentError for an unknown algorithm."""
    found = hash_for(digest)
    found.update(data)
    return found.hexdigest() == hex_of(digest)


def parse_digest(text: str) -> str:
    """``text`` if it is a digest of a known algorithm. Raises InvalidArgumentError with Docker's messages."""
    if not _GRAMMAR.fullmatch(text):
        raise InvalidArgumentError("invalid checksum digest format")
    algorithm, _, value = text.partition(":")
    if algorithm not in _HEX_LENGTHS:
        raise InvalidArgumentError("unsupported digest algorithm")
    if len(value) != _HEX_LENGTHS[algorithm]:
        raise InvalidArgumentError("invalid checksum digest length")
    if not set(value) <= set("0123456789abcdef"):
        raise InvalidArgumentError("invalid checksum digest format")
    return text


def is_sha256(text: str) -> bool:
    """Whether ``text`` is a well-formed sha256 digest: the only algorithm that names images and layers."""
    return _SHA256.fullmatch(text) is not None


def sha256_of(data: bytes) -> str:
    """The digest of ``data``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def hex_of(digest: str) -> str:
    """The part after the algorithm."""
    return digest.partition(":")[2]


def short(digest: str) -> str:
    """The twelve hex digits that people see."""
    return digest.rpartition(":")[2][:12]


def chain_ids(diff_ids: Iterable[str]) -> list[str]:
    """The chain id of every prefix of a layer stack (image-spec config.md, "Layer ChainID")."""
    chain: list[str] = []
    for diff_id in diff_ids:
        chain.append(sha256_of(f"{chain[-1]} {diff_id}".encode()) if chain else diff_id)
    return chain

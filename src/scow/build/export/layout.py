"""A result as an OCI layout in a tar (image-spec image-layout.md).

Names and times of its members depend on the content alone, so the same result gives the same bytes.
"""

import json
from collections.abc import Generator, Iterable, Iterator, Sequence

from scow.build.export.blobs import Blob
from scow.build.export.documents import OCI, Described
from scow.image.tar.headers import END_OF_ARCHIVE, encode_header, padding
from scow.image.tar.reader import DIRECTORY, REGULAR
from scow.spec.digest import hex_of
from scow.spec.reference import Reference

_BLOBS = "blobs/sha256"


def oci_layout(
    blobs: Iterable[Blob], root: Described, names: Sequence[Reference], created: str = ""
) -> Generator[bytes, None, None]:
    """The archive's bytes. ``created`` is a time that the entry of the index says. Blocks."""
    yield from _folder("blobs")
    yield from _folder(_BLOBS)
    written: set[str] = set()
    for blob in blobs:
        digest = blob.described.digest
        if digest not in written:
            written.add(digest)
            yield from _member(f"{_BLOBS}/{hex_of(digest)}", blob.described.size, blob.read())
    entries = [_entry(root, name, created) for name in names or (None,)]
    index = {"schemaVersion": 2, "mediaType": OCI.index, "manifests": entries}
    for name, document in (("index.json", index), ("oci-layout", {"imageLayoutVersion": "1.0.0"})):
        data = json.dumps(document, separators=(",", ":")).encode()
        yield from _member(name, len(data), iter((data,)))
    yield END_OF_ARCHIVE


def _entry(root: Described, name: Reference | None, created: str) -> dict[str, object]:
    annotations = dict(root.annotations)
    if name is not None:
        annotations |= {
            "io.containerd.image.name": str(name),
            "org.opencontainers.image.ref.name": name.tag or "latest",
        }
    if created:
        annotations["org.opencontainers.image.created"] = created
    return Described(root.media_type, root.digest, root.size, annotations, root.platform).document()


def _folder(name: str) -> Iterator[bytes]:
    yield encode_header(f"{name}/".encode(), DIRECTORY, mode=0o755)


def _member(name: str, size: int, content: Iterator[bytes]) -> Iterator[bytes]:
    yield encode_header(name.encode(), REGULAR, mode=0o444, size=size)
    yield from content
    yield padding(size)

"""Layers whose files are no younger than a given time: ``rewrite-timestamp``, for images that are the same
whenever they are built (reproducible-builds.org/specs/source-date-epoch).
"""

import os
from collections.abc import Iterator

from scow.image.layer_stream import PieceReader
from scow.image.layers import LayerTar
from scow.image.tar.headers import END_OF_ARCHIVE, encode_header, padding
from scow.image.tar.reader import DIRECTORY, TarReader

_NANOSECONDS = 1_000_000_000
_PIECE_BYTES = 1 << 20


def clamped(tar: LayerTar, epoch_s: int) -> Iterator[bytes]:
    """The layer again, with later times replaced by ``epoch_s``. Blocks. Raises InvalidArgumentError."""
    reader = TarReader(PieceReader(tar.read()))
    for entry in reader:
        name = os.fsencode(entry.name)
        yield encode_header(
            name + b"/" if entry.kind == DIRECTORY and not name.endswith(b"/") else name,
            entry.kind,
            mode=entry.mode,
            uid=entry.uid,
            gid=entry.gid,
            size=entry.size,
            mtime_s=min(entry.mtime_ns // _NANOSECONDS, epoch_s),
            link=os.fsencode(entry.link),
            device=entry.device,
            xattrs=entry.xattrs,
        )
        while piece := reader.read(_PIECE_BYTES):
            yield bytes(piece)
        yield padding(entry.size)
    yield END_OF_ARCHIVE

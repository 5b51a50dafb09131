"""One layer from its bytes to a directory: digest, decompress, digest again, unpack.

Blocks; runs in an unpacker, or on a worker thread for what this engine has made itself.
"""

import posixpath
from collections.abc import Callable, Iterator

from scow.errors import IntegrityError, InvalidArgumentError, ScowError
from scow.image.decompress import ByteReader, opened, recognised
from scow.image.layer_unpacker import LayerUnpacker, Whiteouts
from scow.image.recipe import RecipeWriter
from scow.image.small_files import Assistant
from scow.image.tar.reader import Entry, TarReader
from scow.image.tar.writer import Notes
from scow.spec.bulk_digest import bulk_sha256

_READ_BYTES = 1 << 20


class LayerInput:
    """A layer's bytes; ``digest`` is of those as they are, if it is known.

    ``own``: this engine has made them, uncompressed, and its symlinks may say what they like.
    ``distinct``: no path may come twice, for Docker imports no such archive.
    """

    __slots__ = ("content", "digest", "distinct", "own")

    def __init__(
        self, content: ByteReader, digest: str | None = None, *, own: bool = False, distinct: bool = False
    ) -> None:
        self.content = content
        self.digest = digest
        self.own = own
        self.distinct = distinct


class Unpacked:
    """What came out of a layer's archive; ``size`` is bytes of file content."""

    __slots__ = ("diff_id", "size")

    def __init__(self, diff_id: str, size: int) -> None:
        self.diff_id = diff_id
        self.size = size


class DigestReader:
    """A stream that knows the sha256 of what was read from it."""

    def __init__(self, inner: ByteReader) -> None:
        self._inner = inner
        self._hash = bulk_sha256()

    def read(self, size: int, /) -> bytes:
        """Read and digest."""
        data = self._inner.read(size)
        self._hash.update(data)
        return data

    def drain(self) -> None:
        """Read to the end."""
        while self.read(_READ_BYTES):
            pass

    @property
    def digest(self) -> str:
        """Of everything read so far."""
        return "sha256:" + self._hash.hexdigest()


class PieceReader:
    """A stream out of pieces, each of which is made when it is wanted."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def read(self, size: int, /) -> bytes:
        """At most one piece."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            if len(piece) <= size:
                return piece
            self._left = memoryview(piece)
        data, self._left = self._left[:size], self._left[size:]
        return bytes(data)


def unpack_tar(
    source: LayerInput,
    root: str,
    whiteouts: Whiteouts,
    recipe_folder: str,
    diff_id: str | None,
    *,
    may_make_devices: bool,
    assistant: Assistant | None = None,
) -> Unpacked:
    """Unpack ``source`` into the directory ``root``, and put what it takes to make its tar again beside it.

    ``diff_id`` is what the uncompressed bytes must digest to; ``None`` takes them as they come. Raises
    InvalidArgumentError, IntegrityError, and ScowError where the disk refuses; both directories are then the
    caller's to remove.
    """
    codec, content = ("", source.content) if source.own else recognised(source.content)
    stored = DigestReader(content)
    # What is not compressed need not be digested twice.
    plain = DigestReader(opened(codec, stored)) if codec else stored
    try:
        with RecipeWriter(recipe_folder) as recipe:
            archive = TarReader(plain, on_raw=recipe.raw, sparse=True)
            with LayerUnpacker(
                root,
                whiteouts,
                may_make_devices=may_make_devices,
                any_symlink=source.own,
                recipe=recipe,
                assistant=assistant,
            ) as unpacker:
                size = unpacker.unpack(archive, _distinct(archive) if source.distinct else None)
            # A digest covers what follows the last entry, too.
            archive.drain()
            stored.drain()
    except OSError as exc:
        where = f"{exc.filename}: " if exc.filename else ""
        raise ScowError(f"failed to register layer: {where}{exc.strerror or exc}") from exc
    _verify(source.digest, stored.digest, "layer content")
    _verify(diff_id, plain.digest, "diffID for layer")
    return Unpacked(plain.digest, size)


def _distinct(archive: TarReader) -> Iterator[Entry]:
    """Its entries. Raises InvalidArgumentError for a path that comes again."""
    seen = set()
    for entry in archive:
        path = posixpath.normpath(entry.name)
        if path in seen:
            raise InvalidArgumentError("duplicates of file paths not supported")
        seen.add(path)
        yield entry


class _LayerNotes:
    """See ``tar.writer.Notes``: the recipe of a layer, and its size."""

    def __init__(self, recipe: RecipeWriter) -> None:
        self.raw = recipe.raw
        self._content = recipe.content
        self.size = 0

    def content(self, path: str, size: int) -> None:
        self._content(path, size)
        self.size += size

    def link(self, text: bytes) -> None:
        self.size += len(text)


def take_down_layer(made: Callable[[Notes], Iterator[bytes]], recipe_folder: str) -> Unpacked:
    """Digest the tar that is ``made`` of a snapshot that holds its files, and keep how it is made again.

    Raises ScowError where the disk refuses; ``recipe_folder`` is then the caller's to remove.
    """
    from scow.image.digest_beside import DigestBeside  # unpackers, which import this module, have no threads

    try:
        with RecipeWriter(recipe_folder) as recipe, DigestBeside() as digest:
            notes = _LayerNotes(recipe)
            for piece in made(notes):
                digest.update(piece)
            diff_id = f"sha256:{digest.hexdigest()}"
    except OSError as exc:
        raise ScowError(f"failed to register layer: {exc.strerror or exc}") from exc
    return Unpacked(diff_id, notes.size)


def _verify(expected: str | None, actual: str, what: str) -> None:
    if expected not in (None, actual):
        raise IntegrityError(f'invalid {what}: expected "{expected}", got "{actual}"')

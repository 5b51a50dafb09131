"""A context that comes as a tar: indexed while it arrives."""

import asyncio
import posixpath
import stat
from collections.abc import AsyncIterable

from scow import tasks
from scow.build.trees.spooled import SpooledTree
from scow.build.trees.tree import Node
from scow.errors import InvalidArgumentError, ScowError
from scow.image import tar_reader
from scow.image.decompress import decompressed
from scow.image.inlet import Inlet
from scow.image.tar_reader import Entry, TarReader

_READ_BYTES = 1 << 20
_KINDS = {
    tar_reader.REGULAR: stat.S_IFREG,
    tar_reader.DIRECTORY: stat.S_IFDIR,
    tar_reader.SYMLINK: stat.S_IFLNK,
    tar_reader.FIFO: stat.S_IFIFO,
    tar_reader.CHARACTER_DEVICE: stat.S_IFCHR,
    tar_reader.BLOCK_DEVICE: stat.S_IFBLK,
}


async def receive_archive(chunks: AsyncIterable[bytes], folder: str) -> SpooledTree:
    """The tree of a tar, compressed or not, that arrives in ``chunks``; its contents lie in ``folder``.

    Raises InvalidArgumentError for what is no whole tar, ScowError where the disk refuses.
    """
    inlet = Inlet()
    # Gathered, it is a task whose failure is for us alone to tell.
    work = asyncio.gather(tasks.run_in_own_thread(_receive, inlet, folder), return_exceptions=True)
    # A thread that has given up takes nothing any more: whoever waits for room must not wait for ever.
    work.add_done_callback(lambda _: inlet.end())
    try:
        async for chunk in chunks:
            if work.done():
                break
            await inlet.put(chunk)
    except BaseException:
        inlet.fail(ScowError("the build context did not arrive"))
        (result,) = await work
        if isinstance(result, SpooledTree):
            result.close()
        raise
    inlet.end()
    (result,) = await work
    if isinstance(result, BaseException):
        raise result
    return result


def _receive(inlet: Inlet, folder: str) -> SpooledTree:
    tree = SpooledTree(folder)
    try:
        archive = TarReader(decompressed(inlet))
        for entry in archive:
            _take(tree, entry, archive)
        archive.drain()
        tree.flush()
    except OSError as exc:
        tree.close()
        raise ScowError(f"build context cannot be stored: {exc.strerror or exc}") from exc
    except BaseException:
        tree.close()
        raise
    return tree


def _take(tree: SpooledTree, entry: Entry, archive: TarReader) -> None:
    path = _path_of(entry)
    if not path:
        return
    if entry.kind == tar_reader.HARD_LINK:
        if not tree.add_link(path, _clean(entry.link)):
            raise InvalidArgumentError(f'invalid hardlink "{entry.name}" -> "{entry.link}"')
    elif entry.kind == tar_reader.REGULAR:
        spool = tree.begin_file(_node_of(entry, path))
        while piece := archive.read(_READ_BYTES):
            spool.write(piece)
        spool.end()
    else:
        tree.add(_node_of(entry, path))


def _node_of(entry: Entry, path: str) -> Node:
    """As a context's files are: root's, whoever sent them."""
    return Node(
        path,
        _KINDS[entry.kind] | entry.mode,
        size=entry.size,
        mtime_ns=entry.mtime_ns,
        link=entry.link,
        device=entry.device,
    )


def _path_of(entry: Entry) -> str:
    if ".." in entry.name.split("/"):
        raise InvalidArgumentError(f'invalid tar entry: "{entry.name}" leads out of the build context')
    return _clean(entry.name)


def _clean(name: str) -> str:
    return posixpath.normpath("/" + name).lstrip("/")

"""Contexts that do not come with the request: a repository, an archive, a Dockerfile alone at an address."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

from scow.build.evaluate.git_address import is_git_address, parse_git_address
from scow.build.execute.downloads import Downloads
from scow.build.graph.job import SecretSource
from scow.build.graph.ops import DownloadSource
from scow.build.trees.archive import receive_archive
from scow.build.trees.memory import MemoryTree
from scow.build.trees.tree import Tree
from scow.errors import ScowError
from scow.image.threads import run_to_end

_READ_BYTES = 1 << 20
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_NAME = "context"
_MAX_DOCKERFILE_BYTES = 32 << 20


async def remote_context(
    address: str,
    downloads: Downloads,
    folder: str,
    lender: SecretSource,
    stack: AsyncExitStack,
    *,
    keep_git_dir: bool = False,
) -> tuple[Tree, bool]:
    """The tree, and whether it is a ``Dockerfile`` alone. ``folder`` is for contents, ``stack`` ends it all.

    ``lender`` opens private repositories; ``keep_git_dir`` is for addresses that do not say.

    Raises ScowError.
    """
    if is_git_address(address, context=True):
        source = parse_git_address(address)
        if source.keep_git_dir is None:
            source = replace(source, keep_git_dir=keep_git_dir)
        return await downloads.repository(source, lender, stack), False
    if not address.startswith(("http://", "https://")):
        raise ScowError(f"error resolving remote context: unsupported address {address}")
    tree = await downloads.file(DownloadSource(address, name=_NAME), stack)
    return await context_of(_chunks(tree), folder, stack)


async def context_of(chunks: AsyncIterator[bytes], folder: str, stack: AsyncExitStack) -> tuple[Tree, bool]:
    """The same for a file that arrives in ``chunks``: an archive, or a Dockerfile alone."""
    first = await anext(chunks, b"")
    if not _is_text(first):
        archive = await receive_archive(_joined(first, chunks), folder)
        stack.callback(archive.close)
        return archive, False
    whole = bytearray(first)
    async for piece in chunks:
        whole += piece
        if len(whole) > _MAX_DOCKERFILE_BYTES:
            raise ScowError(f"a Dockerfile of more than {_MAX_DOCKERFILE_BYTES} bytes")
    return MemoryTree({"Dockerfile": bytes(whole)}), True


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def _chunks(tree: Tree) -> AsyncIterator[bytes]:
    node = tree.node(_NAME)
    assert node is not None
    content = tree.open(node)
    try:
        while piece := await run_to_end(content.read, _READ_BYTES):
            yield bytes(piece)
    finally:
        content.close()


def _is_text(data: bytes) -> bool:
    return b"\0" not in data and not data.startswith(_COMPRESSED)

"""COPY and ADD as a step: what they copy found and digested, then made part of a file system."""

import errno
import hashlib
import os
import posixpath
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from scow.build.execute.copying import Target, copy_selection, numeric_mode
from scow.build.execute.gathering import Gathering, Search
from scow.build.execute.inputs import Inputs
from scow.build.execute.owners import owner_of
from scow.build.execute.selection import Chosen, Selection, select
from scow.build.graph.job import Memo
from scow.build.graph.ops import ContextSource, CopyOp, Vertex
from scow.build.graph.settings import Settings
from scow.build.trees.tree import Tree
from scow.errors import InvalidArgumentError, ScowError
from scow.image.decompress import decompressed
from scow.image.layer_intake import NewLayer
from scow.image.leases import Lease
from scow.image.tar.reader import TarReader
from scow.image.threads import run_to_end, wanted_by_caller

if TYPE_CHECKING:
    from scow.build.graph.job import Result

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_SNIFFED_BYTES = 4096


async def inputs(
    gathering: Gathering,
    vertex: Vertex,
    op: CopyOp,
    settings: Settings,
    base: str | None,
    results: "Mapping[Vertex, Result]",
) -> Inputs:
    """What a COPY copies. Raises NotFoundError, InvalidArgumentError, ScowError."""
    selections, digests = [], []
    memos: list[Memo] = []
    for source, patterns in zip(vertex.sources, _patterns(op, vertex), strict=True):
        search = _search(op, patterns, may_be_empty=settings.as_buildkit)
        if isinstance(source, Vertex):
            selection, memo = await gathering.in_stack(search, results[source].chain_id)
            digest = memo.digest
            memos.append(memo)
        else:
            selection, digest = await gathering.outside(search, source)
        digests.append(digest)
        selections.append(selection)
    if not settings.as_buildkit:
        _check_target(op, selections)
    return Inputs(
        base,
        # A given time is that of everything copied.
        contents=(*digests, *(() if settings.epoch_s is None else (f"time {settings.epoch_s}",))),
        selections=tuple(selections),
        shown=_shown(selections, digests),
        outlive_job=not any(isinstance(it, ContextSource) for it in vertex.sources),
        memos=tuple(memos),
    )


def _search(op: CopyOp, patterns: tuple[str, ...], *, may_be_empty: bool) -> Search:
    def found(tree: Tree) -> Selection:
        return select(tree, patterns, excludes=op.excludes, parents=op.parents, may_be_empty=may_be_empty)

    return Search((patterns, op.excludes, op.parents, op.keep_owners), found, op.keep_owners)


def several_sources(word: str) -> str:
    """What Docker says of several files that are to have one name."""
    return (
        f"When using {word} with more than one source file, "
        "the destination must be a directory and end with a /"
    )


def _check_target(op: CopyOp, selections: list[Selection]) -> None:
    """The classic builder counts the files that patterns match, BuildKit the patterns. Raises ScowError."""
    if not op.into_folder and sum(len(it.chosen) for it in selections) > 1:
        raise ScowError(several_sources("COPY" if op.unpack == "never" else "ADD"))


def _patterns(op: CopyOp, vertex: Vertex) -> list[tuple[str, ...]]:
    """The sources of each tree: several trees have one each."""
    if len(vertex.sources) == 1:
        return [op.sources]
    return [(source,) for source in op.sources]


def _shown(selections: list[Selection], digests: list[str]) -> str:
    """As Docker's history has it: ``file:<digest>``, ``dir:…``, and ``multi:…`` for several."""
    chosen = [it for selection in selections for it in selection.chosen]
    digest = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    if len(chosen) > 1:
        return f"multi:{digest}"
    return f"{'dir' if chosen and chosen[0].node.is_folder else 'file'}:{digest}"


async def copy(lease: Lease, op: CopyOp, inputs: Inputs, settings: Settings) -> NewLayer:
    """Make a layer of it. Raises InvalidArgumentError, ScowError, ``OSError``."""
    active = await lease.prepare(inputs.base)
    root = await lease.mount(active)
    try:
        await run_to_end(_write, root, lease.own_folder(active), op, inputs, settings, wanted_by_caller())
    except FileNotFoundError as exc:
        raise ScowError(f"{exc.filename}: {exc.strerror}") from exc
    except OSError as exc:
        if exc.errno != errno.ELOOP:
            raise
        raise InvalidArgumentError("too many links") from exc
    return await lease.commit(active)


def _write(
    root: Path, own: Path, op: CopyOp, inputs: Inputs, settings: Settings, go_on: Callable[[], None]
) -> None:
    root_fd, own_fd = os.open(root, _DIRECTORY), os.open(own, _DIRECTORY)
    try:
        chosen = [it for selection in inputs.selections for it in selection.chosen]
        owner = owner_of(root_fd, op.chown, lenient=settings.as_buildkit) if op.chown else None
        target = Target(
            root_fd=root_fd,
            path=op.target,
            into_folder=op.into_folder or (len(chosen) > 1 and not settings.as_buildkit),
            owner=owner or (None if op.keep_owners else (0, 0)),
            mode=numeric_mode(op.chmod),
            unpacked_owner=owner,
            folder_mode=_folder_mode(op, settings),
            mtime_ns=None if settings.epoch_s is None else settings.epoch_s * 1_000_000_000,
            own_fd=own_fd if len(chosen) == 1 and chosen[0].node.is_folder else -1,
            go_on=go_on,
        )
        for selection in inputs.selections:
            copy_selection(selection, target, _unpacks(selection, op))
    finally:
        os.close(own_fd)
        os.close(root_fd)


def _folder_mode(op: CopyOp, settings: Settings) -> int | None:
    """Of folders that are made for what is copied, the topmost one that is a source's too.

    BuildKit makes them before it looks at the source, with the mode that is given in digits. The classic
    builder gives the topmost that of its source.
    """
    if not settings.as_buildkit:
        return None
    return int(op.chmod, 8) & 0o777 if op.chmod.isdecimal() else 0o755


def _unpacks(selection: Selection, op: CopyOp) -> Callable[[Chosen], bool]:
    return archives_in(selection) if op.unpack != "never" else lambda chosen: False


def archives_in(selection: Selection) -> Callable[[Chosen], bool]:
    """Which of the files that were chosen by themselves are archives."""
    return lambda chosen: chosen.node.is_file and _is_archive(selection, chosen)


def _is_archive(selection: Selection, chosen: Chosen) -> bool:
    """Whether its first bytes are those of a tar, compressed or not."""
    with closing(selection.tree.open(chosen.node)) as content:
        reader = _Bytes(content.read)
        try:
            return next(iter(TarReader(decompressed(reader), buffer_bytes=_SNIFFED_BYTES)), None) is not None
        except InvalidArgumentError:
            return False


class _Bytes:
    def __init__(self, read: Callable[[int], bytes | memoryview]) -> None:
        self._read = read

    def read(self, size: int, /) -> bytes:
        return bytes(self._read(size))


def target_path(cwd: str, target: str) -> tuple[str, bool]:
    """A target as written, absolute; and whether it says that it is a folder."""
    path = posixpath.normpath(posixpath.join("/", cwd, target))
    return "/" + path.lstrip("/"), target.endswith(("/", "/.")) or target in (".", "")

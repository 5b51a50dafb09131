"""What a vertex of the graph does: values, everything that decides its result and nothing else.

A vertex makes a stack of layers out of its inputs' stacks. What it is called and where it stands in a
Dockerfile are the vertex's own, so the same work in two builds is one work.
"""

from dataclasses import dataclass
from typing import Literal

from scow.spec.platform import Platform

MountKind = Literal["bind", "cache", "tmpfs", "secret", "ssh"]
Unpacking = Literal["never", "local", "always"]
Sharing = Literal["shared", "private", "locked"]


@dataclass(frozen=True, slots=True)
class BaseOp:
    """A stack that is there: an image's, or nothing at all (``chain_id`` is ``None``)."""

    reference: str
    chain_id: str | None


@dataclass(frozen=True, slots=True)
class Mount:
    """``RUN --mount``. ``source`` counts from the mounted tree's root; ``id`` names a cache, secret or agent.

    ``from_`` is the index of an input for a bind or cache that begins as a stage's files, -1 for none.
    """

    kind: MountKind
    target: str
    source: str = ""
    id: str = ""
    from_: int = -1
    context: str = ""
    read_only: bool = True
    sharing: Sharing = "shared"
    required: bool = False
    uid: int = 0
    gid: int = 0
    mode: int = 0
    size_bytes: int = 0
    variable: str = ""
    """A secret's value goes into this environment variable, not into a file, if it is not empty."""


@dataclass(frozen=True, slots=True)
class RunOp:
    """A program in the file system of its input. ``network`` is "default", "none" or "host"."""

    args: tuple[str, ...]
    env: tuple[str, ...]
    cwd: str
    user: str
    network: str = "default"
    insecure: bool = False
    mounts: tuple[Mount, ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()
    """Scripts of heredocs, by name in ``/dev/pipes``, which is there during the run."""


@dataclass(frozen=True, slots=True)
class CopyOp:
    """Files into a folder or to a name; ``target`` is absolute. Sources are patterns in the vertex's trees.

    ``unpack``: "never", "local" (archives among a context's files), "always". ``keep_owners``: files keep
    theirs where ``chown`` says nothing. ``link``: the files do not depend on what is below.
    """

    sources: tuple[str, ...]
    target: str
    into_folder: bool
    chown: str = ""
    chmod: str = ""
    excludes: tuple[str, ...] = ()
    parents: bool = False
    link: bool = False
    unpack: Unpacking = "never"
    keep_owners: bool = False


@dataclass(frozen=True, slots=True)
class MakeFolderOp:
    """``WORKDIR``: the folder is there afterwards. One that is made belongs to ``user``, or to root."""

    path: str
    user: str = ""


Op = BaseOp | RunOp | CopyOp | MakeFolderOp


@dataclass(frozen=True, slots=True)
class ContextSource:
    """A tree that the build's client gave, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class FilesSource:
    """Files whose content stands in the Dockerfile."""

    files: tuple[tuple[str, bytes], ...]
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class DownloadSource:
    """One file from an address. ``checksum`` is a digest it must have, or empty."""

    url: str
    checksum: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class GitSource:
    """A repository at one commit: ``ref`` a branch, tag or commit, ``subdir`` a folder in it.

    ``keep_git_dir`` is ``None`` where the address does not say. ``commit`` is what ``ref`` must be, or how
    its name begins; with ``commit_times`` files are as old as the commit.
    """

    remote: str
    ref: str = ""
    subdir: str = ""
    keep_git_dir: bool | None = None
    commit: str = ""
    submodules: bool = True
    commit_times: bool = False


Outside = ContextSource | FilesSource | DownloadSource | GitSource


@dataclass(frozen=True, slots=True, eq=False)
class Vertex:
    """One step. ``base`` is what it works on, ``sources`` what it copies from or mounts, in order.

    ``name`` is for progress; ``line`` where it stands, 0 if nowhere; ``no_cache``: it is done again;
    ``platform``: whose programs it runs, None if nobody knows.
    """

    op: Op
    base: "Vertex | None" = None
    sources: "tuple[Vertex | Outside, ...]" = ()
    name: str = ""
    stage: str = ""
    first_line: int = 0
    last_line: int = 0
    no_cache: bool = False
    platform: Platform | None = None

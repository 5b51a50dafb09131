"""What a vertex of the graph does: values, everything that decides its result and nothing else.

A vertex makes a stack of layers out of its inputs' stacks. What it is called and where it stands in a
Dockerfile are the vertex's own, so the same work in two builds is one work.
"""

from dataclasses import dataclass
from typing import Literal

from scow.build.graph.settings import Settings
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

    ``from_`` is the index of an input for a bind or cache that begins as a stage's files, -1 for none; a bind
    of neither that nor a context begins empty. ``keeps``: what is written to a bind is a result of its own.
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
    keeps: bool = False
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
    read_only: bool = False
    """Of the file system that it runs in."""
    keeps: bool = True
    """What it writes there is its result; if not, the result is what it began with."""
    exit_codes: tuple[int, ...] = (0,)
    """Those that are no failure."""

    @property
    def others(self) -> int:
        """How many results it has beside the first."""
        return sum(it.keeps for it in self.mounts)


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


@dataclass(frozen=True, slots=True)
class Owner:
    """A user and a group, names or digits; "" is what a file has, or else root.

    ``accounts`` is the index of the source whose accounts count, -1 for those of what is worked on.
    """

    user: str = ""
    group: str = ""
    accounts: int = -1


@dataclass(frozen=True, slots=True)
class CopyFiles:
    """Files of source ``from_``, -1 for an empty one. ``source`` is a path there.

    ``mode``: as ``CopyOp.chmod``. ``moment_ns`` is a time for all that is copied. ``wildcards``: the path is
    a pattern, which must match something unless it ``may_be_empty``. ``follows``: a symlink that is the
    source means what it leads to. ``contents``: of a folder, what is in it; if not, the folder goes into a
    target that is there. ``makes_folders``: those above the target. ``replaces``: what is in the way goes.
    """

    source: str
    target: str
    from_: int
    owner: Owner | None = None
    mode: str = ""
    moment_ns: int | None = None
    wildcards: bool = False
    may_be_empty: bool = False
    follows: bool = False
    contents: bool = False
    makes_folders: bool = False
    replaces: bool = False
    unpack: bool = False
    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WriteFile:
    """A file with this content; one that is there keeps its mode."""

    path: str
    data: bytes
    mode: int
    owner: Owner | None = None
    moment_ns: int | None = None


@dataclass(frozen=True, slots=True)
class MakeFolder:
    """``parents``: those above it, too. One that is there stays as it is."""

    path: str
    mode: int
    parents: bool
    owner: Owner | None = None
    moment_ns: int | None = None


@dataclass(frozen=True, slots=True)
class MakeSymlink:
    path: str
    text: str
    owner: Owner | None = None
    moment_ns: int | None = None


@dataclass(frozen=True, slots=True)
class RemoveFiles:
    """``wildcards``: the path is a pattern."""

    path: str
    may_be_missing: bool
    wildcards: bool


FileAction = CopyFiles | WriteFile | MakeFolder | MakeSymlink | RemoveFiles


@dataclass(frozen=True, slots=True)
class FileOp:
    """Actions one after the other, which make one layer."""

    actions: tuple[FileAction, ...]


@dataclass(frozen=True, slots=True)
class PickOp:
    """Of a vertex that has several results, its base: number ``index`` of those beside the first."""

    index: int


@dataclass(frozen=True, slots=True)
class MergeOp:
    """The layers of all sources, one stack on the other."""


@dataclass(frozen=True, slots=True)
class DiffOp:
    """What the last source has that the first, if there are two, has not: as layers on nothing."""


Op = BaseOp | RunOp | CopyOp | MakeFolderOp | FileOp | PickOp | MergeOp | DiffOp


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
    its name begins; with ``commit_times`` files are as old as the commit. ``known_hosts`` are keys of hosts
    that ssh is to believe, and no others, if there are any; ``agent`` is the client's agent for it.
    """

    remote: str
    ref: str = ""
    subdir: str = ""
    keep_git_dir: bool | None = None
    commit: str = ""
    submodules: bool = True
    commit_times: bool = False
    known_hosts: str = ""
    agent: str = "default"


Outside = ContextSource | FilesSource | DownloadSource | GitSource


@dataclass(frozen=True, slots=True, eq=False)
class Vertex:
    """One step. ``base`` is what it works on, ``sources`` what it copies from or mounts, in order.

    ``name`` is for progress; ``line`` where it stands, 0 if nowhere; ``no_cache``: it is done again;
    ``platform``: whose programs it runs, None if nobody knows.
    ``settings`` are its own, where it does not have those of its build.
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
    settings: Settings | None = None

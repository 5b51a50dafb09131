"""A build as BuildKit's clients ask for it: a front end's options, and a client that lends what it needs."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from scow.errors import ScowError
from scow.spec.build_history import BuildHistory, Findings
from scow.spec.build_progress import BuildProgress, Place
from scow.spec.platform import Platform
from scow.spec.sent_files import ALL_FILES, FileChoice, FileStream, SentFile, SentFolder, nothing_known

if TYPE_CHECKING:
    from scow.spec.driven_build import DrivenBuild
    from scow.spec.llb import Definition

CACHE_MOUNT = "exec.cachemount"
"""The kind of folders that ``RUN --mount=type=cache`` has."""
LOCAL_SOURCE = "source.local"
"""The kind of contexts that clients sent."""


class BuildClient(Protocol):
    """Who asked for the build. All of it may raise ScowError."""

    @property
    def shared_key(self) -> str:
        """The same for all builds of one folder, "" if there is none."""

    def files(
        self,
        folder: str,
        choice: FileChoice = ALL_FILES,
        knows: Callable[[SentFile], bool] = nothing_known,
    ) -> FileStream:
        """Files of a folder that it calls so: ``context``, ``dockerfile``. What ``knows`` has no content."""

    def upload(self, address: str) -> AsyncIterator[bytes]:
        """Bytes that the client has under an address of its own, ``http://buildkit-session/…``."""

    async def secret(self, name: str) -> bytes | None: ...

    async def agent_socket(self, name: str) -> str | None:
        """A path of a socket on this machine that leads to the client's ssh agent."""

    async def credentials(self, host: str) -> tuple[str, str]:
        """User and password for a registry, both "" when there are none."""

    async def send_file(self, chunks: AsyncIterator[bytes], metadata: dict[str, str]) -> None:
        """The result as one file, which the client puts where its user said."""

    async def send_files(self, folder: SentFolder) -> None:
        """The result as a folder."""

    def layout_blob(self, store: str, digest: str) -> AsyncIterator[bytes]:
        """A blob of an OCI layout of the client's. Raises NotFoundError on the way.

        ``store`` is ``local:<folder>`` of a cache, ``oci:<name>`` of a build context.
        """

    async def send_layout(self, folder: str, blobs: "Sequence[SentBlob]", root: "SentBlob") -> None:
        """Blobs for an OCI layout in a folder of the client's, whose index is to name ``root``."""


@dataclass(frozen=True, slots=True)
class SentBlob:
    """``read`` gives its bytes in pieces, blocking."""

    media_type: str
    digest: str
    size: int
    read: Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a build is exported to, or a cache that it imports or exports: a kind with its attributes."""

    kind: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FrontendRequest:
    """``options`` are those of ``frontend``, of ``dockerfile.v0``: ``filename``, ``target``, ``build-arg:X``.

    With a ``definition`` that is built, and no Dockerfile. ``inputs`` are what a Dockerfile's contexts stand
    for, by the names that ``input:…`` and the context itself have.
    """

    options: Mapping[str, str]
    client: BuildClient
    tell: Callable[[BuildProgress], None]
    cache_imports: tuple[Exchange, ...] = ()
    entitlements: tuple[str, ...] = ()
    keeps_failed: bool = False
    """What a failed step has left becomes an image, whose id the ``BuildFailedError`` brings."""
    definition: "Definition | None" = None
    inputs: "Mapping[str, Definition]" = field(default_factory=dict)
    frontend: str = "dockerfile.v0"
    session_id: str = ""
    """By which the client's own connection is known."""


class BuildFailedError(ScowError):
    """A build that could not be done, with the lines of the Dockerfile that this is about, if any.

    ``left_image`` is the id of an image of what a failed step has left, "" where there is none.
    """

    def __init__(self, message: str, place: Place | None = None, left_image: str = "") -> None:
        super().__init__(message)
        self.place = place
        self.left_image = left_image


class ResultFiles(Protocol):
    """The files of a result, symlinks followed within it. Raises NotFoundError, ScowError."""

    async def read(self, path: str, offset: int = 0, length: int = 0) -> bytes:
        """A part of a file, all that follows if ``length`` is 0."""

    async def entries(self, path: str, pattern: str = "") -> list[SentFile]:
        """What is in a folder, or as much of that as matches; paths are names."""

    async def about(self, path: str) -> SentFile:
        """One file; its path is its name."""


@dataclass(frozen=True, slots=True)
class PlatformResult:
    """A result for one platform, which is "" where there is one only. ``definition`` stands for it."""

    platform: str
    definition: "Definition"
    files: ResultFiles


class Built(Protocol):
    """A result whose layers are held until it is closed."""

    @property
    def metadata(self) -> Mapping[str, bytes]: ...

    @property
    def results(self) -> Sequence[PlatformResult]: ...

    async def export(self, exporters: tuple[Exchange, ...], caches: tuple[Exchange, ...]) -> dict[str, str]:
        """Bring it where it is wanted; what the client is told of it. Raises ScowError."""

    def findings(self) -> Findings:
        """What its record is to say of it, exported or not. Works for a few milliseconds, on any thread."""

    def also_close(self, stack: AsyncExitStack) -> None:
        """Close that, too, when it is closed: it is made of what is there."""

    async def aclose(self) -> None:
        """Let go of the layers. May be called twice."""


@dataclass(frozen=True, slots=True)
class CacheRecord:
    """One result in the build cache. Times are ns since the epoch."""

    id: str
    kind: str
    description: str
    size_bytes: int
    parents: tuple[str, ...]
    created_ns: int
    last_used_ns: int | None
    usage_count: int
    in_use: bool
    shared: bool

    @property
    def mutable(self) -> bool:
        """Builds write to it."""
        return self.kind in (CACHE_MOUNT, LOCAL_SOURCE)


@dataclass(frozen=True, slots=True)
class CachePrune:
    """What to remove of the build cache: what no build uses, within these limits.

    ``all``: also what images of the engine share. ``filters`` are BuildKit's, ``keep_ns`` spares what was
    used since. ``reserved_bytes`` are left in any case; above ``max_used_bytes``, or where the disk has less
    than ``min_free_bytes`` free, what is too much goes. With none of the three everything goes.
    """

    all: bool = False
    filters: tuple[str, ...] = ()
    keep_ns: int = 0
    reserved_bytes: int = 0
    max_used_bytes: int = 0
    min_free_bytes: int = 0


class FrontendBuilds(Protocol):
    """Builds by the Dockerfile front end, their cache and their records."""

    @property
    def history(self) -> BuildHistory: ...

    def platforms(self) -> tuple[Platform, ...]:
        """What programs of a build can run on here, this machine's own first."""

    def graph_capabilities(self) -> Sequence[str]:
        """What definitions may make use of, by BuildKit's names."""

    async def records(self, filters: tuple[str, ...] = ()) -> list[CacheRecord]:
        """What is in the cache. Raises InvalidArgumentError."""

    async def prune(self, prune: CachePrune) -> list[CacheRecord]:
        """Remove, and say what. Raises InvalidArgumentError."""

    async def solve(self, request: FrontendRequest) -> Built:
        """Build it. Cancelling ends what only this build wanted. Raises BuildFailedError, ScowError."""

    async def driven(self, request: FrontendRequest, stack: AsyncExitStack) -> "DrivenBuild":
        """A build that the client's own front end drives; ``stack`` closes what it opens."""

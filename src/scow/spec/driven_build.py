"""A build that a front end drives: it asks for results, and says which of them the build comes to.

The front end is a program in a container of the build's, or in the client that asked for the build.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from scow.spec.build_progress import Place, WarningTold
from scow.spec.frontend_build import BuildFailedError, Built, Exchange, PlatformResult
from scow.spec.platform import Platform

if TYPE_CHECKING:
    from scow.spec.llb import Definition


@dataclass(frozen=True, slots=True)
class Asked:
    """A build within the build: by a front end with its options and inputs, or of a definition."""

    frontend: str
    options: Mapping[str, str]
    cache_imports: tuple[Exchange, ...] = ()
    definition: "Definition | None" = None
    inputs: "Mapping[str, Definition]" = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoundImage:
    """What is known of an image: ``digest`` is a registry's, "" if none has it; ``config`` its document."""

    reference: str
    digest: str
    config: bytes


@dataclass(frozen=True, slots=True)
class Returned:
    """What a front end says that its build comes to: results by platform, "" for the only one.

    A result that is None has no files.
    """

    results: Mapping[str, tuple[Built, PlatformResult] | None]
    metadata: Mapping[str, bytes]


class FrontEndFailedError(BuildFailedError):
    """What a front end says that its build failed of. ``details`` are for programs, by their kinds."""

    def __init__(
        self, message: str, code: int, details: tuple[tuple[str, bytes], ...], place: Place | None
    ) -> None:
        super().__init__(message, place)
        self.code = code
        self.details = details


class DrivenBuild(Protocol):
    """What a front end may ask of its build. All of it may raise ScowError."""

    async def solve(self, asked: Asked) -> Built:
        """Build that; to be closed by the caller."""

    async def image(
        self, reference: str, platform: Platform | None, *, always_pull: bool, name: str
    ) -> FoundImage:
        """Find an image, and tell of that as ``name``."""

    def warn(self, warning: WarningTold) -> None:
        """Tell the client."""

    async def joined(self, returned: Returned) -> Built:
        """The build's result, to be closed before those that it is made of."""


class Bytes(Protocol):
    """A connection. Nothing more comes after b""."""

    async def read(self) -> bytes: ...

    async def write(self, data: bytes) -> None: ...


class Conversation(Protocol):
    """With one front end."""

    async def serve(self, below: Bytes) -> None:
        """Answer what it asks, until one side ends the connection."""

    def refuse(self, error: Exception) -> None:
        """The front end has failed: ``result`` raises ``error``, or what was returned as an error before."""

    async def result(self) -> Built:
        """What it has returned. Raises FrontEndFailedError, ScowError."""

    async def aclose(self) -> None:
        """Let go of everything that it asked for."""


class FrontEndServer(Protocol):
    """Speaks the protocol of front ends."""

    def environment(self, session_id: str, platforms: tuple[Platform, ...]) -> tuple[str, ...]:
        """Variables by which a front end knows whom it talks to."""

    def open(
        self, driven: DrivenBuild, inputs: "Mapping[str, Definition]", platforms: tuple[Platform, ...]
    ) -> Conversation:
        """Begin to talk to a front end, to be closed. ``inputs`` are what it was given."""

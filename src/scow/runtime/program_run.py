"""A program that is run once in a file system that is there already: a build's RUN, to the engine."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from scow.errors import ScowError
from scow.spec.engine_api.container import ContainerConfig

OutputSink = Callable[[int, bytes], None]
"""Gets the number of the stream, 1 or 2, and what was printed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a build's processes may use, as ``POST /build`` says it: 0 or empty for no limit."""

    memory_bytes: int = 0
    memory_swap_bytes: int = 0
    cpu_shares: int = 0
    cpu_period_us: int = 0
    cpu_quota_us: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    shm_bytes: int = 0
    cgroup_parent: str = ""
    ulimits: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Bound:
    """A file or folder of the machine that is to be seen at ``target``."""

    source: Path
    target: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class InMemory:
    """An empty file system in memory at ``target``; ``size_bytes`` 0 for the kernel's default."""

    target: str
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program came to its end. ``out_of_memory``: the kernel killed some of it for its limit."""

    code: int
    out_of_memory: bool = False


@dataclass(frozen=True, slots=True)
class LeftProgram:
    """What is left of one that has ended, to be a container of the engine: ``key`` is its id.

    ``chain_id`` is the file system that it left, on that of image ``image_id``: ``None`` where there is
    nothing of its own. ``exit_code`` is ``None`` if it never began. Times are ns since the epoch.
    """

    key: str
    image_id: str
    config: ContainerConfig
    args: tuple[str, ...]
    network: str
    hosts: tuple[str, ...]
    limits: Limits
    security_options: tuple[str, ...]
    exit_code: int | None
    chain_id: str | None
    started_ns: int
    ended_ns: int


class ProgramNotStartedError(ScowError):
    """The runtime could not start it. ``reason`` is what it said itself, ``message`` Docker's words of it."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One program. ``key`` becomes the container's id, ``root`` is its file system, mounted.

    ``network`` is a network's name or id, "none" or "host". ``hostname``: empty is as of containers.
    ``takes_input``: it has a standard input, otherwise that is empty. ``terminal``: its streams are one.
    """

    key: str
    root: Path
    args: tuple[str, ...]
    env: tuple[str, ...]
    cwd: str
    user: str
    network: str
    insecure: bool
    mounts: tuple[Bound | InMemory, ...]
    hosts: tuple[str, ...]
    limits: Limits
    security_options: tuple[str, ...] = ()
    read_only_root: bool = False
    hostname: str = ""
    takes_input: bool = False
    terminal: bool = False


class RunningProgram(Protocol):
    """A program while it runs."""

    async def write(self, data: bytes) -> None:
        """Its input; waits while it reads none. Nothing happens if it has ended."""

    async def end_input(self) -> None:
        """The end of file of its input."""

    async def resize(self, rows: int, columns: int) -> None:
        """The size of its terminal."""

    def signal(self, number: int) -> None:
        """Send it a signal; nothing happens if it has ended."""


class ProgramLink(Protocol):
    """Who is at the other end of a program's streams."""

    async def begun(self, program: RunningProgram) -> None:
        """It has started; there was no output yet."""

    async def output(self, stream: int, data: bytes) -> None:
        """What it printed on stream 1 or 2; it waits while this does. Its terminal is stream 1."""

"""The instructions of a Dockerfile as typed values.

Words are as they stand in the Dockerfile, variables and quotes included: what they are is known only while a
stage is evaluated. ``ONBUILD`` keeps its trigger as text for the same reason.
"""

from dataclasses import dataclass

from scow.build.dockerfile.heredoc import Heredoc
from scow.build.dockerfile.source import Location

DISABLED = "NONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """``word`` and ``text`` as written: the instruction's word, and the logical line without it.

    ``comments`` stand above it.
    """

    location: Location
    word: str
    text: str
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program to run: its words, or with ``shell`` one text for a shell."""

    words: tuple[str, ...]
    shell: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """``name=value``; ``legacy``: it was ``name value``."""

    name: str
    value: str
    legacy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Arg(Instruction):
    """Names with defaults, ``None`` where there is none."""

    arguments: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Env(Instruction):
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label(Instruction):
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintainer(Instruction):
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Instruction):
    """``mounts`` as the flags have them, one text each."""

    command: Command
    heredocs: tuple[Heredoc, ...] = ()
    mounts: tuple[str, ...] = ()
    network: str = ""
    security: str = ""
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cmd(Instruction):
    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrypoint(Instruction):
    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell(Instruction):
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expose(Instruction):
    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume(Instruction):
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Instruction):
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workdir(Instruction):
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopSignal(Instruction):
    signal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck(Instruction):
    """``command`` is ``None`` for ``NONE``. Times in nanoseconds, 0 where nothing is said."""

    command: Command | None
    interval_ns: int = 0
    timeout_ns: int = 0
    start_period_ns: int = 0
    start_interval_ns: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Onbuild(Instruction):
    """``trigger`` is an instruction as text, with the heredocs that it begins."""

    trigger: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy(Instruction):
    """``COPY`` and ``ADD``. ``sources`` and ``target`` may be names of ``heredocs``.

    ``from_`` is a stage, an image or a named context; empty: the build's context.
    """

    sources: tuple[str, ...]
    target: str
    heredocs: tuple[Heredoc, ...] = ()
    from_: str = ""
    chown: str = ""
    chmod: str = ""
    link: bool = False
    parents: bool = False
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Copy):
    """Sources may be addresses; archives are unpacked, unless ``unpack`` says otherwise."""

    checksum: str = ""
    keep_git_dir: bool | None = None
    unpack: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """``FROM base AS name`` and what follows. ``name`` is in small letters, or empty."""

    name: str
    written_name: str
    base: str
    platform: str
    location: Location
    word: str
    as_word: str
    text: str
    comments: tuple[str, ...]
    instructions: tuple[Instruction, ...]

"""Which interpreters are meant by the words of a person."""

from collections.abc import Iterable, Sequence

from scow.build.emulators.offered import Interpreter
from scow.build.foreign_platforms import architectures_of, is_elf
from scow.errors import InvalidArgumentError, NotFoundError
from scow.linux.binfmt_misc import Registration
from scow.spec.platform import Platform, parse_platform, rank

ALL = "all"
PREFIX = "qemu-"
_PACKAGE = "qemu-user-static"


def choose(
    words: Sequence[str], interpreters: Sequence[Interpreter], own: Platform
) -> tuple[list[Interpreter], list[str]]:
    """Those that ``words`` name (``arm64``, ``linux/arm/v7``, ``aarch64``; none or ``all``: every one), and
    the words that mean what runs here anyway.

    Raises NotFoundError for a word that there is no interpreter for; then none is chosen.
    """
    if not interpreters:
        raise NotFoundError(
            f"no interpreters of other machines' programs on the engine's machine: apt-get install {_PACKAGE}"
        )
    foreign = [it for it in interpreters if own.architecture not in (name for name, _ in it.architectures)]
    if not words or ALL in words:
        return foreign, []
    chosen: dict[str, Interpreter] = {}
    natives: list[str] = []
    unknown: list[str] = []
    for word in words:
        found = [it for it in foreign if _is_named(word, it.name, it.magic)]
        chosen |= {it.name: it for it in found}
        if not found:
            (natives if _is_native(word, own) else unknown).append(word)
    if unknown:
        there = ", ".join(_shown(it) for it in foreign)
        raise NotFoundError(
            f"no interpreter for {_quoted(unknown)} on the engine's machine; there are: {there}"
        )
    return list(chosen.values()), natives


def choose_registered(words: Sequence[str], registered: Iterable[Registration]) -> list[Registration]:
    """Those that ``words`` name; ``all``: every one of qemu's. Raises NotFoundError."""
    known = [it for it in registered if is_elf(it.magic)]
    if ALL in words:
        return [it for it in known if it.name.startswith(PREFIX)]
    found: dict[str, Registration] = {}
    unknown = []
    for word in words:
        named = [it for it in known if _is_named(word, it.name, it.magic)]
        found |= {it.name: it for it in named}
        if not named:
            unknown.append(word)
    if unknown:
        there = ", ".join(it.name for it in known)
        raise NotFoundError(
            f"no interpreter for {_quoted(unknown)} is registered"
            + (f"; there are: {there}" if there else "")
        )
    return list(found.values())


def _is_named(word: str, name: str, magic: bytes) -> bool:
    if word in (name, name.removeprefix(PREFIX)):
        return True
    platform = _platform(word)
    return platform is not None and platform.architecture in (it for it, _ in architectures_of(magic))


def _is_native(word: str, own: Platform) -> bool:
    platform = _platform(word)
    return platform is not None and rank(own, platform) is not None


def _platform(word: str) -> Platform | None:
    try:
        found = parse_platform(word)
    except InvalidArgumentError:
        return None
    return found if found.os == "linux" and found.architecture else None


def _shown(interpreter: Interpreter) -> str:
    """Images' word for it, where they have one."""
    return next((name for name, _ in interpreter.architectures), interpreter.machine)


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)

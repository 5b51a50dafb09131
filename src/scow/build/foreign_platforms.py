"""Whose programs run on this machine besides its own: those that the kernel has an interpreter for.

An ELF's first bytes say at 4 whether it is of 64 bits, at 5 its byte order, and at 18 its machine.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from scow.build.own_platforms import own_platforms
from scow.linux.binfmt_misc import PLACE, HeldRegistrations, is_switched_off, read_registrations
from scow.spec.platform import Platform, rank

_ELF = b"\x7fELF"
_HEAD_BYTES = 20
_64_BIT, _BIG_ENDIAN = 2, 2
# ELF's e_machine, whether of 64 bits, whether big-endian → architectures, best first.
_MACHINES = {
    (3, False, False): (("386", ""),),
    (8, True, False): (("mips64le", ""),),
    (8, True, True): (("mips64", ""),),
    (21, True, False): (("ppc64le", ""),),
    (22, True, True): (("s390x", ""),),
    (40, False, False): (("arm", "v7"), ("arm", "v6")),
    (62, True, False): (("amd64", ""),),
    (183, True, False): (("arm64", ""),),
    (243, True, False): (("riscv64", ""),),
    (258, True, False): (("loong64", ""),),
}


def platforms_here(
    host: Platform, folder: Path = PLACE, own: Callable[[Platform], tuple[Platform, ...]] = own_platforms
) -> tuple[Platform, ...]:
    """``host`` first, then what else it runs by itself, then what the kernel has interpreters for. Blocks.

    Where the file system with the registrations is not mounted there are none.
    """
    found = [(it.architecture, it.variant) for it in own(host)]
    with suppress(OSError):
        if not is_switched_off(folder):
            running = (it for it in read_registrations(folder) if it.enabled)
            found += [named for it in running for named in architectures_of(it.magic)]
    return tuple(Platform(host.os, *it) for it in dict.fromkeys(found))


class RunnablePlatforms:
    """Whose programs this machine, a ``host``, runs as things stand."""

    def __init__(self, host: Platform, registrations: HeldRegistrations) -> None:
        self._host = host
        self._registrations = registrations

    def all(self) -> tuple[Platform, ...]:
        """The machine's own first. Blocks."""
        return platforms_here(self._host, self._registrations.folder)

    def hint(self, platform: Platform) -> str:
        """What to do about programs of ``platform``; "" when they run. Blocks."""
        if any(rank(it, platform) is not None for it in self.all()):
            return ""
        install = f"scow binfmt install {platform.architecture}"
        return f"no interpreter for programs of {platform} is registered: {install}"


def architectures_of(magic: bytes) -> tuple[tuple[str, str], ...]:
    """Architecture and variant of the programs that begin so, best first; none of what is no known ELF."""
    if not is_elf(magic):
        return ()
    big = magic[5] == _BIG_ENDIAN
    machine = int.from_bytes(magic[18:20], "big" if big else "little")
    return _MACHINES.get((machine, magic[4] == _64_BIT, big), ())


def is_elf(magic: bytes) -> bool:
    """Whether so many bytes of an ELF's head are there that its machine is among them."""
    return magic.startswith(_ELF) and len(magic) >= _HEAD_BYTES

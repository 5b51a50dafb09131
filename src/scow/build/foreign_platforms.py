"""Whose programs run on this machine besides its own: those that the kernel has an interpreter for.

binfmt_misc (Documentation/admin-guide/binfmt-misc.rst) recognises a program by its first bytes; an ELF's say
at 4 whether it is of 64 bits, at 5 its byte order, and at 18 its machine.
"""

from contextlib import suppress
from pathlib import Path

from scow.spec.platform import Platform

BINFMT_MISC = Path("/proc/sys/fs/binfmt_misc")
_ELF = b"\x7fELF"
_HEAD_BYTES = 20
_64_BIT, _BIG_ENDIAN = 2, 2
# ELF's e_machine, whether of 64 bits, whether big-endian → architectures, best first.
_MACHINES = {
    (3, False, False): (("386", ""),),
    (8, True, False): (("mips64le", ""),),
    (21, True, False): (("ppc64le", ""),),
    (22, True, True): (("s390x", ""),),
    (40, False, False): (("arm", "v7"), ("arm", "v6")),
    (62, True, False): (("amd64", ""),),
    (183, True, False): (("arm64", ""),),
    (243, True, False): (("riscv64", ""),),
    (258, True, False): (("loong64", ""),),
}


def platforms_here(host: Platform, folder: Path = BINFMT_MISC) -> tuple[Platform, ...]:
    """``host`` first. Where the file system with the registrations is not mounted, ``host`` alone. Blocks."""
    found = [(host.architecture, host.variant)]
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        with suppress(OSError):
            found += _architectures(path.read_text(errors="replace"))
    return tuple(Platform(host.os, *it) for it in dict.fromkeys(found))


def _architectures(registration: str) -> tuple[tuple[str, str], ...]:
    """Of one registration: its lines are ``enabled``, ``interpreter …``, ``magic <hex>`` and others."""
    fields = dict(line.partition(" ")[::2] for line in registration.splitlines())
    try:
        magic = bytes.fromhex(fields.get("magic", ""))
    except ValueError:
        return ()
    if "enabled" not in fields or not magic.startswith(_ELF) or len(magic) < _HEAD_BYTES:
        return ()
    big = magic[5] == _BIG_ENDIAN
    machine = int.from_bytes(magic[18:20], "big" if big else "little")
    return _MACHINES.get((machine, magic[4] == _64_BIT, big), ())

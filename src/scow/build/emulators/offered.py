"""The interpreters that packages have brought: their lines for the kernel, in ``binfmt.d`` (binfmt.d(5)).

Debian's ``qemu-user-static`` lays a file there for each machine; since Debian 13 ``qemu-user`` has them in a
folder of its own, and ``qemu-user-binfmt`` links to them. What a machine's programs look like is taken from
these lines only.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scow.build.foreign_platforms import architectures_of
from scow.linux.binfmt_misc import FIXED

_REGISTERED_AT_BOOT = ("/etc/binfmt.d", "/run/binfmt.d", "/usr/local/lib/binfmt.d", "/usr/lib/binfmt.d")
_QEMUS_OWN = "/usr/share/qemu/binfmt.d"
FOLDERS = tuple(map(Path, (*_REGISTERED_AT_BOOT, _QEMUS_OWN)))
"""A file of the first hides those of its name in the others; an empty one means that there is none."""
_FILES = "qemu-*.conf"
_COMMENTS = ("#", ";")
_BY_MAGIC = "M"
_FIELDS = 7
_BYTE = re.compile(rb"\\x([0-9a-fA-F]{2})")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """One line of a package. ``name`` is the registration's, ``qemu-aarch64``."""

    name: str
    program: str
    magic: bytes
    mask: bytes
    line: str
    """As it is registered: so that it works in containers, whatever flags the package wants besides."""

    @property
    def machine(self) -> str:
        """qemu's word for whose programs it runs: ``aarch64``."""
        return self.name.removeprefix("qemu-")

    @property
    def architectures(self) -> tuple[tuple[str, str], ...]:
        """Those of images, with their variants; none where no images are made for the machine."""
        return architectures_of(self.magic)


def offered(folders: Iterable[Path] = FOLDERS) -> list[Interpreter]:
    """All that is there, by name. Blocks."""
    files: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob(_FILES)):
            files.setdefault(path.name, path)
    lines = [line for _, path in sorted(files.items()) for line in _lines(path)]
    found = {it.name: it for line in lines if (it := parse_line(line)) is not None}
    return list(found.values())


def parse_line(line: str) -> Interpreter | None:
    """``:name:M:offset:magic:mask:interpreter:flags``, any character for the colon; None for other kinds."""
    fields = line[1:].split(line[0]) if line else []
    if len(fields) != _FIELDS or fields[1] != _BY_MAGIC:
        return None
    name, _, _, magic, mask, program, flags = fields
    if FIXED not in flags:
        line += FIXED
    return Interpreter(name, program, _unescaped(magic), _unescaped(mask), line)


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return []
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(_COMMENTS)]


def _unescaped(text: str) -> bytes:
    return _BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode())

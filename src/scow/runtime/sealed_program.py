"""Runtime programs in memory, sealed, so that they need not copy themselves for every command.

A process of a container can reach the runtime that is about to enter it, and overwrite its program
(CVE-2019-5736). So crun and runc first make a copy of themselves that cannot be written, and start again
from it; not when they run from a sealed memfd already (memfd_create(2), crun's cloned_binary.c). One copy
for all commands saves each a fifth of its processor time.
"""

from __future__ import annotations

import fcntl
import os

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    _Version = tuple[int, int, int, int]

# Exactly these: what crun asks for.
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
# Of what is copied by itself; a script would look for itself under its path.
_ELF = b"\x7fELF"


class SealedPrograms:
    """The copies, by path of the program; one that has been replaced on disk is copied again."""

    def __init__(self) -> None:
        self._copies: dict[str, tuple[_Version, int]] = {}

    def path_of(self, program: str) -> str:
        """What to execute for ``program``: the copy, or itself if there can be none."""
        try:
            return f"/proc/self/fd/{self._descriptor(program)}"
        except (OSError, ValueError):
            return program

    def _descriptor(self, program: str) -> int:
        status = os.stat(program)
        version = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._copies.get(program)
        if known is not None:
            if known[0] == version:
                return known[1]
            del self._copies[program]
            os.close(known[1])
        fd = _sealed_copy(program)
        self._copies[program] = (version, fd)
        return fd


def _sealed_copy(program: str) -> int:
    """A close-on-exec memfd with the content. ValueError: a script, or memfds cannot be executed here."""
    fd = os.memfd_create(os.path.basename(program), os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(program, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if file.read(len(_ELF)) != _ELF:
                raise ValueError(program)
            sent = 0
            while sent < size:
                count = os.sendfile(fd, file.fileno(), sent, size - sent)
                if count == 0:
                    raise OSError(f"{program} became shorter")
                sent += count
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
        if not os.fstat(fd).st_mode & 0o100:  # the sysctl vm.memfd_noexec
            raise ValueError(program)
    except BaseException:
        os.close(fd)
        raise
    return fd

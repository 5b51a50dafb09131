"""The kernel's packet filter: rules as nft(8) text, carried out as one transaction.

The command is run: 2 ms, and nothing of it stays in this process. It is for whole tables, which change with
networks; what changes with containers are elements of sets (``linux.nf_tables``).
"""

import errno
import os
from typing import TextIO


class NftablesError(OSError):
    """The kernel or the parser refused; ``errno`` is ENOENT when something named is not there."""


def run(commands: str) -> tuple[str, int]:
    """Carry out ``commands`` in the calling thread's network namespace: all of them or none.

    Returns what they print, and the port of the netlink socket that made the change. Raises NftablesError
    with nft's first message.
    """
    # Its input and output are memory files, so that no pipe can fill up.
    with _memory_file(commands) as source, _memory_file() as output, _memory_file() as error:
        files = [(os.POSIX_SPAWN_DUP2, file.fileno(), fd) for fd, file in enumerate((source, output, error))]
        try:
            pid = os.posix_spawnp("nft", ["nft", "-f", "-"], os.environ, file_actions=files)
        except FileNotFoundError as exc:
            raise NftablesError(errno.ENOENT, "the nft command is not installed") from exc
        _pid, status = os.waitpid(pid, 0)
        output.seek(0)
        error.seek(0)
        if os.waitstatus_to_exitcode(status):
            raise _error(error.read())
        # The kernel calls a process's first netlink socket by its pid.
        return output.read(), pid


def _memory_file(content: str = "") -> TextIO:
    file = open(os.memfd_create("nft", os.MFD_CLOEXEC), "w+", encoding="utf-8", errors="replace")
    file.write(content)
    file.seek(0)
    return file


def _error(message: str) -> NftablesError:
    """nft's messages end with strerror's text, which is all there is to tell the errno by."""
    first = message.strip().split("\n", 1)[0] or "nft: failed without a message"
    codes = {errno.ENOENT, errno.EEXIST, errno.EBUSY, errno.EPERM, errno.EOPNOTSUPP}
    code = next((code for code in codes if os.strerror(code) in first), errno.EINVAL)
    return NftablesError(code, f"nft: {first}")

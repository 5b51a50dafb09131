"""The kernel's packet filter: rules as nft(8) text, carried out as one transaction.

The library that the ``nft`` command is made of runs in this process: 0.1 ms a change. Where it is not
installed the command itself is run, 2 ms a change; so it is for texts that are ``seldom`` run, as the library
keeps 2 MB from its first call on. Either way a text takes effect whole or not at all.

libnftables talks to the network namespace that the first call was made from, and serves one thread at a
time, which a lock ensures.
"""

import ctypes
import errno
import os
import shutil
import threading
from typing import TextIO

_LIBRARY = "libnftables.so.1"
_lock = threading.Lock()


class NftablesError(OSError):
    """The kernel or the parser refused; ``errno`` is ENOENT when something named is not there."""


class Nftables:
    """Runs nft texts. Closed by ``close``."""

    def __init__(self) -> None:
        """Nothing is loaded yet. All calls are to be made from the same network namespace."""
        self._library: ctypes.CDLL | None = None
        self._context: int | None = None
        self._is_open = False

    def run(self, commands: str, *, seldom: bool = False) -> str:
        """Carry out ``commands`` as one transaction and return what they print.

        Raises NftablesError with nft's first message.
        """
        with _lock:
            if not self._is_open and not (seldom and shutil.which("nft")):
                self._is_open, self._library = True, _load()
                self._context = self._open() if self._library else None
            code, output, error = self._run(commands) if self._library else _run_command(commands)
        if code:
            raise _error(error)
        return output

    def close(self) -> None:
        """Free the library's context. May be called twice."""
        with _lock:
            if self._library and self._context:
                self._library.nft_ctx_free(self._context)
                self._context = None

    def _open(self) -> int:
        assert self._library
        context = self._library.nft_ctx_new(0)
        if not context:
            raise NftablesError(errno.ENOMEM, "nft_ctx_new: no context")
        self._library.nft_ctx_buffer_output(context)
        self._library.nft_ctx_buffer_error(context)
        return int(context)

    def _run(self, commands: str) -> tuple[int, str, str]:
        assert self._library
        code = self._library.nft_run_cmd_from_buffer(self._context, commands.encode())
        output = self._library.nft_ctx_get_output_buffer(self._context) or b""
        error = self._library.nft_ctx_get_error_buffer(self._context) or b""
        return code, output.decode(errors="replace"), error.decode(errors="replace")


def _load() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    context = ctypes.c_void_p
    library.nft_ctx_new.argtypes = (ctypes.c_uint32,)
    library.nft_ctx_new.restype = context
    library.nft_ctx_free.argtypes = (context,)
    library.nft_ctx_free.restype = None
    library.nft_ctx_buffer_output.argtypes = (context,)
    library.nft_ctx_buffer_error.argtypes = (context,)
    library.nft_ctx_get_output_buffer.argtypes = (context,)
    library.nft_ctx_get_output_buffer.restype = ctypes.c_char_p
    library.nft_ctx_get_error_buffer.argtypes = (context,)
    library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
    library.nft_run_cmd_from_buffer.argtypes = (context, ctypes.c_char_p)
    return library


def _run_command(commands: str) -> tuple[int, str, str]:
    """nft(8) with its input and output in memory files, so that no pipe can fill up."""
    with _memory_file(commands) as source, _memory_file() as output, _memory_file() as error:
        files = [(os.POSIX_SPAWN_DUP2, file.fileno(), fd) for fd, file in enumerate((source, output, error))]
        try:
            pid = os.posix_spawnp("nft", ["nft", "-f", "-"], os.environ, file_actions=files)
        except FileNotFoundError as exc:
            raise NftablesError(errno.ENOENT, f"neither {_LIBRARY} nor the nft command is installed") from exc
        _pid, status = os.waitpid(pid, 0)
        output.seek(0)
        error.seek(0)
        return os.waitstatus_to_exitcode(status), output.read(), error.read()


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

"""System calls that this process may still make (seccomp(2)), by libseccomp, which knows their numbers.

runc needs the library as well, so wherever containers run it is there.
"""

import ctypes
import errno
import os
from collections.abc import Iterable

_LIBRARY = "libseccomp.so.2"
# seccomp.h
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_UNKNOWN = -1  # __NR_SCMP_ERROR


class Filter:
    """All calls but those of ``names`` fail with EPERM, once it is loaded.

    Names that this architecture does not have are left out. Raises ``OSError``, also if there is no library.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._library = library = ctypes.CDLL(_LIBRARY)
        library.seccomp_init.restype = ctypes.c_void_p
        library.seccomp_init.argtypes = (ctypes.c_uint32,)
        library.seccomp_rule_add.argtypes = (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint)
        library.seccomp_load.argtypes = (ctypes.c_void_p,)
        self._context = library.seccomp_init(_ERRNO | errno.EPERM)
        if not self._context:
            raise OSError(errno.ENOMEM, "seccomp_init")
        for name in names:
            number = library.seccomp_syscall_resolve_name(name.encode())
            if number != _UNKNOWN:
                _check(library.seccomp_rule_add(self._context, _ALLOW, number, 0), name)

    def load(self) -> None:
        """For this thread, and for good. Raises ``OSError``."""
        _check(self._library.seccomp_load(self._context), "seccomp_load")


def _check(result: int, what: str) -> None:
    if result < 0:
        raise OSError(-result, f"{what}: {os.strerror(-result)}")

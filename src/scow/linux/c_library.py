"""Functions of the C library that Python has no name for, called without ``ctypes``: 0.5 MB of each process.

A call whose arguments are numbers, texts and buffers needs only the extension below that package. The
classes here are made as ``ctypes/__init__.py`` makes its ``c_int`` and the functions of a ``CDLL``, from
names that it has had since Python 2.5. Numbers that are not wrapped are passed as C's ``int``, bytes as a
pointer to them, ``None`` as NULL. The interpreter lock is released while a function works.
"""

from __future__ import annotations

import _ctypes
import os

TYPE_CHECKING = False  # `typing` would cost scow-reaper and scow-shim 1.8 MB
if TYPE_CHECKING:
    Argument = int | bytes | None | _ctypes._CData


class _Int(_ctypes._SimpleCData):  # type: ignore[type-arg]  # generic for type checkers only
    _type_ = "i"


class Long(_ctypes._SimpleCData):  # type: ignore[type-arg]
    """An address, a size, or another argument of ``unsigned long``."""

    _type_ = "L"


class LongLong(_ctypes._SimpleCData):  # type: ignore[type-arg]
    """An argument of 64 bits on every machine."""

    _type_ = "q"


class _Byte(_ctypes._SimpleCData):  # type: ignore[type-arg]
    _type_ = "c"


class _Function(_ctypes.CFuncPtr):
    _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
    _restype_ = _Int


_functions: dict[str, _Function] = {}


def call(name: str, *arguments: Argument) -> int:
    """What the function returns, as an ``int``. Raises ``OSError`` if the library has none of that name."""
    function = _functions.get(name)
    if function is None:
        function = _functions[name] = _Function(_ctypes.dlsym(_library, name))
    result: int = function(*arguments)
    return result


def check(result: int, call_name: str, path: str | None = None, path2: str | None = None) -> int:
    """``result`` of the last call of this thread. Raises ``OSError`` from ``errno`` if it is negative."""
    if result >= 0:
        return result
    errno = _ctypes.get_errno()
    message = f"{call_name}: {os.strerror(errno)}"
    if path2 is not None:
        raise OSError(errno, message, path, None, path2)
    if path is not None:
        raise OSError(errno, message, path)
    raise OSError(errno, message)


def pointer_to(buffer: bytearray) -> _ctypes._CData:
    """An argument by which a function reads and writes ``buffer``."""
    array: _ctypes._CData = (_Byte * len(buffer)).from_buffer(buffer)
    return array


def address_of(pointer: _ctypes._CData) -> int:
    """Where the buffer of ``pointer_to`` is, for as long as that lives."""
    return _ctypes.addressof(pointer)


_library = _ctypes.dlopen(None, os.RTLD_NOW)  # type: ignore[arg-type]  # None: what is loaded already

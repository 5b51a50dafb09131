"""The C library's allocator, told that this process is mostly one thread (mallopt(3), malloc_trim(3))."""

from __future__ import annotations

from scow.linux.c_library import Long, call

TYPE_CHECKING = False  # `typing` would cost scow-reaper and scow-shim 1.8 MB
if TYPE_CHECKING:
    from scow.linux.c_library import Argument

_M_ARENA_MAX = -8  # malloc.h


def use_one_arena() -> None:
    """Give all threads one heap, before the first is started.

    By default each thread gets an arena of its own that only it reuses: 3 MB of an idle engine. Threads
    here hold Python's own lock while they allocate, so there is nothing to gain from several.
    """
    _call_if_there("mallopt", _M_ARENA_MAX, 1)


def give_back_free_memory() -> None:
    """Return to the kernel what start-up needed and the engine does not."""
    _call_if_there("malloc_trim", Long(0))


def _call_if_there(name: str, *arguments: Argument) -> None:
    """These are of the GNU C library."""
    try:
        call(name, *arguments)
    except OSError:
        pass

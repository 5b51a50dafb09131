"""The C library's allocator, told that this process is mostly one thread (mallopt(3), malloc_trim(3))."""

import ctypes

_M_ARENA_MAX = -8  # malloc.h


def use_one_arena() -> None:
    """Give all threads one heap, before the first is started.

    By default each thread gets an arena of its own that only it reuses: 3 MB of an idle engine. Threads
    here hold Python's own lock while they allocate, so there is nothing to gain from several.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_ARENA_MAX, 1)


def give_back_free_memory() -> None:
    """Return to the kernel what start-up needed and the engine does not."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)

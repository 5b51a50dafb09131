"""Code that an idle process does not run, left to the page cache (madvise(2), proc_pid_maps(5))."""

import ctypes

_MADV_DONTNEED = 4  # asm-generic/mman-common.h


def let_go_of_code() -> None:
    """Unmap the code of programs and libraries, most of which only the start needed.

    It stays in the page cache. What runs again is mapped at its first use, 64 KiB at a time and without
    reading. Nothing is lost: only private mappings of files that cannot be written to are let go of.
    """
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        mappings = [line.split(maxsplit=5) for line in maps]
    for span, access, _, _, inode, *_ in mappings:
        if access == "r-xp" and inode != "0":
            start, end = (int(address, 16) for address in span.split("-"))
            madvise(start, end - start, _MADV_DONTNEED)

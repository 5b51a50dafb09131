"""Code that an idle process does not run, left to the page cache (madvise(2), proc_pid_smaps(5))."""

from __future__ import annotations

from scow.linux.c_library import Long, call

TYPE_CHECKING = False  # `typing` would cost 1.8 MB in scow-reaper and scow-shim
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MADV_DONTNEED = 4  # asm-generic/mman-common.h
_CHANGED = ("Anonymous:", "Swap:")
"""What a process has of a mapping that is not in the file: written here, or written and swapped out."""


def let_go_of_code() -> None:
    """Unmap the code and the constants of programs and libraries, most of which only the start needed.

    They stay in the page cache. What runs again is mapped at its first use, 64 KiB at a time and without
    reading. Nothing is lost: only private mappings of files are let go of that cannot be written to, and
    of which this process has no page of its own (addresses that the dynamic linker wrote are such pages).
    """
    with open("/proc/self/smaps", encoding="utf-8", errors="surrogateescape") as smaps:
        spans = list(_unchanged(smaps))
    for start, end in spans:
        # Fails where memory is locked (mlockall(2)), or gone meanwhile.
        call("madvise", Long(start), Long(end - start), _MADV_DONTNEED)


def _unchanged(smaps: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Address ranges of files' pages that are as in the file and stay so."""
    span, is_unchanged = "", False
    for line in smaps:
        name, *values = line.split(maxsplit=5)
        if name in _CHANGED:
            is_unchanged = is_unchanged and values[0] == "0"
        elif name == "VmFlags:":  # the last line of a mapping
            if is_unchanged:
                start, end = span.split("-")
                yield int(start, 16), int(end, 16)
        elif not name.endswith(":"):
            access, _offset, _device, inode = values[:4]
            span, is_unchanged = name, access in ("r-xp", "r--p") and inode != "0"

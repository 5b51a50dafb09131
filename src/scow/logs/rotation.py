"""Rotated log files, named as Docker names them: ``x.log``, ``x.log.1``, ``x.log.2`` …, older ones later.

With ``compress`` the rotated ones get ``.gz``. A number may have both for a moment, or for ever when the
process died while compressing: the plain one counts then, because the compressed one is renamed into place
when complete.

A file only ever moves to the next higher number, and there is at most one free number between two files: a
rotation fills the lowest one, and one that is cut short leaves one. So who looks at the numbers one after the
other, upwards, finds every file that is there from the beginning of his search to its end.
"""

import os

PACKED = ".gz"


def rotate(path: str, max_files: int) -> None:
    """Move ``path`` out of a new file's way; of ``max_files`` with the new one the oldest goes."""
    if max_files < 2:
        os.unlink(path)  # who still reads it has it open
        return
    number = max_files
    while _remove_numbered(path, number):
        number += 1  # from a time when there could be more of them
    free = 1
    while free < max_files and numbered_exists(path, free):
        free += 1
    if free == max_files:
        free -= 1
        _remove_numbered(path, free)
    for number in range(free - 1, 0, -1):
        _move_up(path, number)
    os.rename(path, f"{path}.1")


def numbered(path: str, number: int) -> tuple[str, str]:
    """The names that the file of a number may have, plain and packed; number 0 is the one being written."""
    plain = f"{path}.{number}" if number else path
    return plain, plain + PACKED


def numbered_exists(path: str, number: int) -> bool:
    """Whether there is a file of that number."""
    return any(map(os.path.exists, numbered(path, number)))


def remove(path: str) -> bool:
    """Remove a file; whether there was one."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def _remove_numbered(path: str, number: int) -> bool:
    plain, packed = numbered(path, number)
    had_plain = remove(plain)
    return remove(packed) or had_plain


def _move_up(path: str, number: int) -> None:
    plain, packed = numbered(path, number)
    next_plain, next_packed = numbered(path, number + 1)
    if os.path.exists(plain):
        remove(packed)  # the same lines again
        os.rename(plain, next_plain)
    else:
        os.rename(packed, next_packed)

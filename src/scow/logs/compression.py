"""Packs rotated log files in a thread, the one slow thing in writing logs; zlib lets others run meanwhile.

Rotation does not wait for it. A file that has been moved on meanwhile is found again by its inode, one that
is gone was packed in vain; the lock is held only for the renames of either side. One thread a log: a
container that is quicker than zlib keeps some of its files plain.
"""

from __future__ import annotations

import _thread
import os
import sys

from scow.logs.rotation import PACKED, numbered, numbered_exists, remove

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    from typing import BinaryIO

_READ_BYTES = 256 * 1024
_LAST_WAIT_S = 1.0


class Compressor:
    """The thread of one log, there while something is to be packed. Hold ``lock`` over a rotation."""

    def __init__(self, path: str) -> None:
        self.lock = _thread.allocate_lock()
        self._path = path
        self._partial = f"{path}{PACKED}.tmp"
        self._working = _thread.allocate_lock()
        self._is_stopping = False

    def start(self) -> None:
        """Pack what is plain, unless that is being done."""
        if self._working.acquire(False):
            _thread.start_new_thread(self._run, ())

    def close(self) -> None:
        """Give the thread a moment to finish, then have it stop: the next writer's goes on."""
        if not self._working.acquire(timeout=_LAST_WAIT_S):
            self._is_stopping = True
            self._working.acquire()
        self._working.release()

    def _run(self) -> None:
        is_worth_while = True
        while is_worth_while:
            try:
                is_worth_while = self._pack_all()
            finally:
                self._working.release()
            # A file that came between the last look and the release found the thread still at work.
            is_worth_while = is_worth_while and self._oldest_plain() > 0 and self._working.acquire(False)

    def _pack_all(self) -> bool:
        """False: it is of no use to try again."""
        try:
            while number := self._oldest_plain():
                if not self._pack(number):
                    return False
        except FileNotFoundError:
            return False  # removed, with its container
        except OSError as exc:
            sys.stderr.write(f"{self._path}: {exc.strerror}: rotated files are not compressed\n")
            remove(self._partial)
            return False
        return True

    def _oldest_plain(self) -> int:
        """The highest number of a plain file; 0: there is none."""
        with self.lock:
            number, found = 1, 0
            while numbered_exists(self._path, number):
                if os.path.exists(numbered(self._path, number)[0]):
                    found = number
                number += 1
            return found

    def _pack(self, number: int) -> bool:
        """Pack the plain file of that number; False: told to stop."""
        with open(numbered(self._path, number)[0], "rb", buffering=0) as source:
            known = os.fstat(source.fileno())
            with open(self._partial, "wb") as target:
                os.fchmod(target.fileno(), 0o640)
                is_complete = self._copy(source.fileno(), target)
            # Still open: nobody else can have its inode number.
            with self.lock:
                place = self._place_of(known, number) if is_complete else 0
                if not place:
                    os.unlink(self._partial)
                    return is_complete
                plain, packed = numbered(self._path, place)
                os.rename(self._partial, packed)
                os.unlink(plain)
        return True

    def _copy(self, source: int, target: BinaryIO) -> bool:
        import zlib  # few containers ask for it

        packer = zlib.compressobj(wbits=31)  # 31: a gzip header and trailer
        while chunk := os.read(source, _READ_BYTES):
            if self._is_stopping:
                return False
            target.write(packer.compress(chunk))
        target.write(packer.flush())
        return True

    def _place_of(self, known: os.stat_result, number: int) -> int:
        """Where a file is that had ``number``; 0: no more."""
        while numbered_exists(self._path, number):
            try:
                if os.path.samestat(os.stat(numbered(self._path, number)[0]), known):
                    return number
            except FileNotFoundError:
                pass
            number += 1
        return 0

"""One blob from a registry into a file, whatever happens on the way: blocks, on a transfer thread.

The file outlives a broken connection, a failed pull and a killed engine; the next attempt asks for the
rest by Range and digests what is there already, so that nothing unverified is ever taken.
"""

import errno
import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from scow.distribution.cancellation import Cancellation
from scow.distribution.transport import Reply
from scow.errors import IntegrityError, ScowError, UnavailableError
from scow.spec.digest import hash_for, hex_of

_PIECE_BYTES = 512 << 10
_FIRST_BACKOFF_S = 0.25

OpenBlob = Callable[[int, Cancellation], tuple[Reply, int]]
"""Ask for a blob from an offset on; gives the answer and where it begins."""


class Download:
    """``position`` counts verified-to-be bytes of ``size`` and may be read from any thread."""

    def __init__(self, path: Path, digest: str, size: int, attempts: int = 5) -> None:
        """``attempts`` is how many in a row may bring nothing."""
        self.path = path
        self._attempts = attempts
        self.digest = digest
        self.size = size
        self.position = 0
        self.cancellation = Cancellation()
        self.begun = threading.Event()

    def fetch(self, open_blob: OpenBlob) -> None:
        """Have the whole blob in the file, verified. Raises IntegrityError, ScowError, and Cancelled.

        A file with wrong content, or without room, is removed; one that is only short is kept for later.
        """
        self.begun.set()
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            digest = self._digest_of_what_is_there(fd)
            failures = 0
            while self.position < self.size:
                before = self.position
                try:
                    digest = self._continue(fd, digest, open_blob)
                    error = UnavailableError(f"blob {self.digest} ends after {self.position} bytes")
                except UnavailableError as exc:
                    error = exc
                failures = 0 if self.position > before else failures + 1
                if self.position < self.size:
                    if failures >= self._attempts:
                        raise error
                    self.cancellation.sleep(_FIRST_BACKOFF_S * 2**failures)
            if digest.hexdigest() != hex_of(self.digest):
                raise IntegrityError(f"filesystem layer verification failed for digest {self.digest}")
        except IntegrityError:
            self.path.unlink(missing_ok=True)
            raise
        except OSError as exc:
            if exc.errno in (errno.ENOSPC, errno.EDQUOT):
                # What is kept for the next time must not be what fills the disk.
                self.path.unlink(missing_ok=True)
            raise ScowError(f"failed to store blob {self.digest}: {exc.strerror or exc}") from exc
        finally:
            os.close(fd)

    def _digest_of_what_is_there(self, fd: int) -> "hashlib._Hash":
        digest = hash_for(self.digest)
        if os.fstat(fd).st_size > self.size:
            os.ftruncate(fd, 0)
        while piece := os.read(fd, _PIECE_BYTES):
            self.cancellation.check()
            digest.update(piece)
            self.position += len(piece)
        return digest

    def _continue(self, fd: int, digest: "hashlib._Hash", open_blob: OpenBlob) -> "hashlib._Hash":
        reply, start = open_blob(self.position, self.cancellation)
        if start == 0 and self.position:
            # It does not do ranges: from the beginning.
            os.ftruncate(fd, 0)
            os.lseek(fd, 0, os.SEEK_SET)
            digest, self.position = hash_for(self.digest), 0
        for piece in reply.stream(_PIECE_BYTES):
            self.cancellation.check()
            if self.position + len(piece) > self.size:
                raise IntegrityError(
                    f"blob {self.digest} is longer than the {self.size} bytes it should have"
                )
            view = memoryview(piece)
            while view:
                view = view[os.write(fd, view) :]
            digest.update(piece)
            self.position += len(piece)
        self.cancellation.watch(None)
        return digest

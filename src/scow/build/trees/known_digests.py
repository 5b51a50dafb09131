"""What files of a folder digested to, so that files that did not change need not be read again.

A file is the same as before if device, inode, size and both times of its status are: nobody can set the
time of its last status change (inode(7), ctime). One that changed a moment before it was read is not
remembered: it may change once more within the same tick of the file system's clock.

    <folder>/<name>     records of 72 bytes: five u64 that are a file's state, and its sha256;
                        at the end the sha256 of all of them, so that half a file is none
"""

import hashlib
import os
import struct
import tempfile
from contextlib import suppress
from pathlib import Path

_STATE = struct.Struct("<QQQqq")
_RECORD_BYTES = _STATE.size + 32
_CHECK_BYTES = 32
# Clocks of file systems tick every few milliseconds; those of a server may be a little off as well.
_SETTLED_NS = 2_000_000_000
_MAX_FOLDERS = 32
_MAX_RECORDS = 1_000_000


class KnownDigests:
    """The digests of one folder's files, kept at ``path``. Blocks; used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before: dict[bytes, bytes] = _read(path)
        self._now: dict[bytes, bytes] = {}
        self._is_new = False

    @property
    def is_new(self) -> bool:
        """Whether there is something to save."""
        return self._is_new

    def find(self, state: bytes) -> bytes | None:
        """The sha256 of the file whose ``state_of`` this is."""
        digest = self._before.get(state)
        if digest is not None:
            self._now[state] = digest
        return digest

    def remember(self, state: bytes, digest: bytes, *, read_at_ns: int) -> None:
        """``digest`` is what came out of reading, which began at ``read_at_ns`` since the epoch."""
        mtime_ns, ctime_ns = _STATE.unpack(state)[3:]
        if max(mtime_ns, ctime_ns) + _SETTLED_NS < read_at_ns:
            self._now[state] = digest
            self._is_new = True

    def save(self) -> None:
        """Keep what was found and remembered; never raises ``OSError``: without it files are read again."""
        if not self._is_new:
            return
        self._is_new = False
        # What this build did not look at may be another Dockerfile's of the same folder, or gone.
        unseen = [(state, digest) for state, digest in self._before.items() if state not in self._now]
        kept = [*self._now.items(), *unseen[: len(self._now)]][:_MAX_RECORDS]
        with suppress(OSError):
            _write(self._path, b"".join(state + digest for state, digest in kept))
            _forget_oldest(self._path.parent)


def state_of(status: os.stat_result) -> bytes:
    """What tells one version of a file from all others."""
    return _STATE.pack(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def file_of(folder: Path, status: os.stat_result) -> Path:
    """Where the digests of a directory with this status are kept."""
    return folder / f"{status.st_dev:x}-{status.st_ino:x}"


def _read(path: Path) -> dict[bytes, bytes]:
    try:
        data = path.read_bytes()
    except OSError:
        return {}
    records, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
    if hashlib.sha256(records).digest() != check:
        return {}
    starts = range(0, len(records), _RECORD_BYTES)
    return {records[at : at + _STATE.size]: records[at + _STATE.size : at + _RECORD_BYTES] for at in starts}


def _write(path: Path, records: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with open(fd, "wb") as file:
            file.write(records + hashlib.sha256(records).digest())
        os.rename(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _forget_oldest(folder: Path) -> None:
    def written_at(entry: Path) -> float:
        return entry.stat().st_mtime

    newest = sorted(folder.iterdir(), key=written_at, reverse=True)
    for entry in newest[_MAX_FOLDERS:]:
        entry.unlink(missing_ok=True)

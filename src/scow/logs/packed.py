"""Reads packed log files; what is damaged is read up to the damage."""

import os
import shutil
import tempfile
import zlib
from contextlib import suppress
from gzip import BadGzipFile, GzipFile

_HEAD_BYTES = 1 << 20
_DAMAGES = (EOFError, BadGzipFile, zlib.error)


def unpack(fd: int, folder: str) -> None:
    """Turn ``fd``, open on a packed file, into one of its lines: a file in ``folder`` without a name."""
    with os.fdopen(os.dup(fd), "rb") as source, tempfile.TemporaryFile(dir=folder) as plain:
        source.seek(0)
        with suppress(*_DAMAGES):  # what is before the damage are still its lines
            shutil.copyfileobj(GzipFile(fileobj=source), plain)
        plain.flush()
        os.dup2(plain.fileno(), fd, inheritable=False)


def first_line(fd: int) -> bytes:
    """Of a packed file, but no more than a megabyte of it; empty if it has none."""
    with os.fdopen(os.dup(fd), "rb") as source:
        try:
            return GzipFile(fileobj=source).readline(_HEAD_BYTES)
        except _DAMAGES:
            return b""

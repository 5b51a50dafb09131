"""Rotated log files, named as Docker names them: ``x.log``, ``x.log.1``, ``x.log.2`` …, older ones later.

With ``compress`` the rotated ones get ``.gz``. A name may have both for a moment, or for ever when the
process died while compressing: the plain one counts then, because the compressed one is renamed into place
when complete.
"""

import os

_COMPRESS_READ_BYTES = 1024 * 1024


def rotate(path: str, max_files: int) -> None:
    """Move ``path`` out of a new file's way, and drop the oldest of ``max_files`` (2 or more)."""
    rotated = rotated_paths(path)[:-1]
    for extra in rotated[: max(0, len(rotated) + 2 - max_files)]:
        os.unlink(extra)
        rotated.remove(extra)
    for older in rotated:
        extension = ".gz" if older.endswith(".gz") else ""
        number = int(older.removesuffix(extension).rpartition(".")[2])
        os.rename(older, f"{path}.{number + 1}{extension}")
        if not extension:
            _remove(f"{path}.{number + 1}.gz")
    os.rename(path, f"{path}.1")


def compress(path: str) -> None:
    """Replace ``path`` by ``path.gz``."""
    import zlib  # few containers ask for it

    packer = zlib.compressobj(wbits=31)  # 31: a gzip header and trailer
    partial = path + ".gz.tmp"
    with open(path, "rb", buffering=0) as source, open(partial, "wb", buffering=0) as target:
        os.fchmod(target.fileno(), 0o640)
        while chunk := source.read(_COMPRESS_READ_BYTES):
            target.write(packer.compress(chunk))
        target.write(packer.flush())
    os.rename(partial, path + ".gz")
    os.unlink(path)


def rotated_paths(path: str) -> list[str]:
    """The files of a log that exist, oldest first, ``path`` itself last."""
    found: list[str] = []
    number = 1
    while True:
        for candidate in (f"{path}.{number}", f"{path}.{number}.gz"):
            if os.path.exists(candidate):
                found.append(candidate)
                break
        else:
            break
        number += 1
    return [*reversed(found), path]


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass

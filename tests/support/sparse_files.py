"""Archives with sparse files in them, as GNU tar writes them."""

import subprocess
from pathlib import Path

SIZE = 60_000_000
FORMATS = {
    "old": ("--format=gnu",),
    "0.0": ("--format=posix", "--sparse-version=0.0"),
    "0.1": ("--format=posix", "--sparse-version=0.1"),
    "1.0": ("--format=posix", "--sparse-version=1.0"),
}


def sparse_archive(folder: Path, kind: str) -> bytes:
    """``holes``, a file of 60 MB with five bytes in it, and ``plain`` after it."""
    folder.mkdir(exist_ok=True)
    with open(folder / "holes", "wb") as file:
        file.truncate(SIZE)
        file.seek(SIZE // 2)
        file.write(b"data\n")
    (folder / "plain").write_bytes(b"after it\n")
    command = (
        "tar",
        "-S",
        *FORMATS[kind],
        "--owner=0",
        "--group=0",
        "-C",
        str(folder),
        "-c",
        "holes",
        "plain",
    )
    archive = subprocess.run(command, check=True, capture_output=True).stdout
    assert len(archive) < 100_000
    return archive

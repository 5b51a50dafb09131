"""Look into folders whose files come and go meanwhile: those of a running engine, of /proc and of cgroups.

``Path.rglob`` and ``Path.iterdir`` fail when a folder goes that they are about to list.
"""

import gc
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def entries(folder: Path | str) -> list[str]:
    """Names in a folder in their order; none when it is not there (any more)."""
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
        return []


def files_below(folder: Path | str) -> Iterator[Path]:
    """All that is no folder, without following links. May be gone when it is looked at."""
    for parent, _, names in os.walk(folder):
        for name in names:
            yield Path(parent, name)


def bytes_below(folder: Path | str) -> int:
    """How much the files hold."""
    size = 0
    for path in files_below(folder):
        with suppress(FileNotFoundError):
            size += path.lstat().st_size
    return size


def files_with(needle: str, below: Path) -> list[str]:
    """The files that hold ``needle``, a secret perhaps. Links, pipes and devices are not read."""
    assert below.is_dir()
    # -s: a file that is not there any more is no error.
    command = ["grep", "-rslaF", "-e", needle, "--", str(below)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()


def open_paths(pid: int) -> list[str]:
    """What the descriptors of a process lead to; none when it has ended."""
    found = []
    for number in entries(f"/proc/{pid}/fd"):
        with suppress(OSError):
            found.append(os.readlink(f"/proc/{pid}/fd/{number}"))
    return found


def own_descriptors() -> list[str]:
    """Numbers that this process has open, when what earlier tests left to the garbage collector is closed."""
    gc.collect()
    return sorted(os.listdir("/proc/self/fd"))

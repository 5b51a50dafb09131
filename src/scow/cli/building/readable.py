"""Whether a client may read the context that its engine reads in its place, with more rights."""

import os
import stat

from scow.cli.building.context import leaving_out
from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from scow.cli.building.context import BuildContext

# Numbers of capabilities that make modes of files say nothing (linux/capability.h).
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


def check_context(context: "BuildContext") -> None:
    """For one that is a folder; see ``check_readable``."""
    if context.folder and not _may_read_everything():
        check_readable(context.folder, leaving_out(context))


def check_readable(folder: str, leaves_out: "Callable[[str, int], bool]" = lambda path, mode: False) -> None:
    """Raises CommandError, in Docker's words, for the first file that may not be read.

    ``leaves_out`` says of a path in the context, and a mode, whether it is no part of it.
    """
    if _may_read_everything():
        return
    places = [("", folder)]
    while places:
        path, place = places.pop()
        try:
            entries = sorted(os.scandir(place), key=lambda it: it.name, reverse=True)
            found = [(it, it.stat(follow_symlinks=False).st_mode) for it in entries]
        except PermissionError as exc:
            raise CommandError(f"error checking context: can't stat '{place}'") from exc
        for entry, mode in found:
            inner = f"{path}/{entry.name}" if path else entry.name
            if leaves_out(inner, mode):
                continue
            if stat.S_ISDIR(mode):
                places.append((inner, entry.path))
            elif stat.S_ISREG(mode):
                _check_file(entry.path)


def _check_file(path: str) -> None:
    try:
        os.close(os.open(path, _FILE))
    except PermissionError as exc:
        raise CommandError(f"error checking context: no permission to read from '{path}'") from exc


def _may_read_everything() -> bool:
    """By the capabilities in force (proc(5), CapEff)."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        line = next((line for line in file if line.startswith("CapEff:")), "CapEff: 0")
    effective = int(line.split()[1], 16)
    return bool(effective >> _DAC_OVERRIDE & 1 or effective >> _DAC_READ_SEARCH & 1)

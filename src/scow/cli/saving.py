"""Answers of the engine that become a file: all of it under its name, or nothing."""

import os
import stat

from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from scow.api.client.client import Response
    from scow.cli.invocation import Invocation

    Fetch = Callable[[], Response]

_REFUSED_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISLNK, "a symbolic link directly"),
    (stat.S_ISFIFO, "a named pipe (FIFO)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device file"),
    (stat.S_ISBLK, "a block device file"),
)


def save_answer(invocation: "Invocation", path: str, failure: str, fetch: "Fetch") -> None:
    """Write what ``fetch`` brings to ``path``, or to standard output for an empty one.

    A file appears complete and with mode 0600, after everything has come. Raises CommandError when
    ``path`` cannot be written, with ``failure`` in front, or when standard output is a terminal.
    """
    if not path:
        if invocation.out.is_terminal():
            message = "cowardly refusing to save to a terminal. Use the -o flag or redirect"
            raise CommandError(message)
        with fetch() as response:
            for block in response.blocks:
                invocation.out.write_bytes(block)
        return
    try:
        _check_destination(path)
        name, fd = _create_beside(os.path.abspath(path))
    except CommandError as exc:
        raise CommandError(f"{failure}: {exc.message}") from exc
    try:
        try:
            with fetch() as response:
                for block in response.blocks:
                    _write_all(fd, block)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(name, os.path.abspath(path))
    except BaseException:
        os.unlink(name)
        raise


def _check_destination(path: str) -> None:
    directory = os.path.dirname(path)
    try:
        is_directory = not directory or stat.S_ISDIR(os.stat(directory).st_mode)
    except OSError as exc:
        raise _invalid_output(directory, exc.strerror) from exc
    if not is_directory:
        raise _invalid_output(directory, "not a directory")
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    for is_kind, words in _REFUSED_KINDS:
        if is_kind(mode):
            raise CommandError(f"cannot write to {words}")


def _invalid_output(directory: str, reason: str | None) -> CommandError:
    return CommandError(f"invalid output path: stat {directory}: {(reason or '').lower()}")


def _create_beside(path: str) -> tuple[str, int]:
    """A new file in the same folder, so that the rename is one step."""
    directory, base = os.path.split(path)
    while True:
        name = os.path.join(directory, f".tmp-{base}{int.from_bytes(os.urandom(4), 'big')}")
        try:
            return name, os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            continue
        except OSError as exc:
            raise CommandError(f"open {name}: {(exc.strerror or '').lower()}") from exc


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]

"""``scow load``."""

import os

from scow.cli.command import Command, no_arguments
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, STRING, Flag
from scow.cli.options.platforms import platform_query
from scow.cli.progress import show_progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Sends an archive, or standard input, and prints the names that it brought."""
    query = platform_query(flags["platform"])
    quiet = flags["quiet"] or not invocation.out.is_terminal()
    query.append(("quiet", "1" if quiet else "0"))
    headers = {"Content-Type": "application/x-tar"}
    with (
        open_input(flags["input"]) as source,
        invocation.client.upload("/images/load", query, source, headers) as response,
    ):
        if response.head.headers.get("content-type") == "application/json":
            show_progress(response.values(), invocation.out)
            return
        for block in response.blocks:
            invocation.out.write_bytes(block)


def open_input(path: str) -> "BinaryIO":
    """The file to load, standard input for an empty path, which must not be a terminal."""
    if path:
        return open_file(path)
    if os.isatty(0):
        raise CommandError("requested load from stdin, but stdin is empty")
    return open_stdin()


def open_stdin() -> "BinaryIO":
    """Standard input, unbuffered: nothing of it may be read ahead and lost."""
    return open(0, "rb", buffering=0, closefd=False)


def open_file(path: str) -> "BinaryIO":
    """A file to send; raises CommandError in Go's words."""
    try:
        return open(path, "rb")
    except OSError as exc:
        raise CommandError(f"open {path}: {(exc.strerror or str(exc)).lower()}") from exc


COMMAND = Command(
    run,
    "[OPTIONS]",
    "Load an image from a tar archive or STDIN",
    flags=(
        Flag("input", STRING, "Read from tar archive file, instead of STDIN", short="i"),
        Flag("quiet", BOOL, "Suppress the load output", short="q"),
        Flag(
            "platform",
            STRING,
            'Load only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
            since="1.48",
        ),
    ),
    arguments=no_arguments,
    spellings=("image load", "load"),
)

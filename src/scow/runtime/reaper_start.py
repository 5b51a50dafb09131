"""Starting scow-reaper, and finding the one that is there."""

import os
import socket
import sys
from pathlib import Path

from scow.linux.null_device import open_read_only_null
from scow.runtime.channel import REAPER_LISTEN_FD
from scow.runtime.small_python import ENVIRONMENT, FLAGS


def connect_to_reaper(path: Path) -> socket.socket | None:
    """A connection; ``None``: there is no reaper."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        sock.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        sock.close()
        return None
    return sock


def start_reaper(path: Path) -> int:
    """Start scow-reaper in a session of its own, listening on ``path``; returns its pid.

    The socket is made here and inherited: connecting works at once, and waits in the backlog.
    """
    path.unlink(missing_ok=True)
    program = Path(sys.executable)
    launcher = Path(__file__).with_name("launch.py")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener,
        open(path.with_name("reaper.log"), "ab") as log,
        open(_open_null(), "rb") as null,
    ):
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(8)
        # A name beside the interpreter's: Python finds its library, or the venv, by argv[0], which need
        # not exist.
        title = str(program.with_name("scow-reaper"))
        return os.posix_spawn(
            program,
            [title, *FLAGS, str(launcher), "reaper", str(path.parent), str(program)],
            ENVIRONMENT,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, null.fileno(), 0),
                (os.POSIX_SPAWN_DUP2, log.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, log.fileno(), 2),
                (os.POSIX_SPAWN_DUP2, listener.fileno(), REAPER_LISTEN_FD),
            ],
            setsid=True,
            setsigmask=(),
        )


def _open_null() -> int:
    """What processes without an input read."""
    try:
        return open_read_only_null()
    except OSError:  # Linux before 5.12, where crun is not the default
        return os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)

"""One daemon per pid file: its number is written there while it runs."""

import os
from pathlib import Path

from scow.errors import ConflictError


class PidFile:
    """The file at ``path``. ``acquire`` before anything else is touched, ``release`` last."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def acquire(self) -> None:
        """Write our pid. Raises ConflictError while another daemon of that file runs."""
        try:
            other = int(self._path.read_text())
        except (FileNotFoundError, ValueError):
            other = 0
        if other and other != os.getpid() and _is_daemon(other):
            raise ConflictError(
                f"failed to start daemon, ensure scow is not running or delete {self._path}: "
                f"process with PID {other} is still running"
            )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(str(os.getpid()))

    def release(self) -> None:
        """Remove the file if it is still ours."""
        try:
            if self._path.read_text() == str(os.getpid()):
                self._path.unlink()
        except FileNotFoundError:
            pass


def _is_daemon(pid: int) -> bool:
    """Whether ``pid`` runs a scowd: after a crash the number may belong to anybody."""
    try:
        return b"scow" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False

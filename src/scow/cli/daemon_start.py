"""Starting an engine on demand: root, the default socket, and nobody listening there."""

import os
import sys
import time

from scow.api.client.client import connect
from scow.errors import UnavailableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket

    from scow.api.client.endpoint import Endpoint

IDLE_EXIT = "60s"
_DEADLINE_S = 10.0
_GRACE_AFTER_EXIT_S = 2.0
"""An engine that ends at once may have lost a race: another one, just started, is about to listen."""
_AGAIN_S = 0.2
"""An engine that another one keeps from starting is started again: that one may be leaving."""
_LOG_TAIL_BYTES = 2000


def start_daemon(endpoint: "Endpoint") -> "_socket.socket":
    """Start ``scowd`` detached and return a connection to it.

    Raises UnavailableError with what scowd said when it does not listen within ten seconds.
    """
    directory = os.path.dirname(endpoint.path)
    os.makedirs(directory, mode=0o711, exist_ok=True)
    log_path = os.path.join(directory, "scowd.log")
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        start = os.fstat(log).st_size
        sock = _wait_for_socket(endpoint, log)
    finally:
        os.close(log)
    if sock is None:
        said = _read_from(log_path, start).strip()
        raise UnavailableError(
            f"scowd did not start listening at {endpoint.text}" + (f": {said}" if said else "")
        )
    return sock


def daemon_argv() -> list[str]:
    """``scowd`` from beside this interpreter, or the same as a module when it is not installed there."""
    installed = os.path.join(os.path.dirname(sys.executable), "scowd")
    program = [installed] if os.access(installed, os.X_OK) else [sys.executable, "-m", "scow.daemon"]
    return [*program, "--idle-exit", IDLE_EXIT]


def _spawn(log: int) -> int:
    argv = daemon_argv()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, log, 1),
        (os.POSIX_SPAWN_DUP2, log, 2),
    ]
    # Started by hand on a source tree, the module is found through our own path.
    environ = os.environ if argv[0] != sys.executable else {**os.environ, "PYTHONPATH": _source_path()}
    return os.posix_spawn(argv[0], argv, environ, file_actions=actions, setsid=True)


def _source_path() -> str:
    own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return os.pathsep.join(filter(None, (own, os.environ.get("PYTHONPATH"))))


def _wait_for_socket(endpoint: "Endpoint", log: int) -> "_socket.socket | None":
    """Start an engine, and again as long as another one is still there and does not listen."""
    pid = _spawn(log)
    started = time.monotonic()
    deadline = started + _DEADLINE_S
    pause_s = 0.002
    while time.monotonic() < deadline:
        try:
            return connect(endpoint)
        except (ConnectionRefusedError, FileNotFoundError):
            pass
        if pid:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended and os.waitstatus_to_exitcode(status) == os.EX_TEMPFAIL:
                time.sleep(max(0.0, started + _AGAIN_S - time.monotonic()))
                pid, started = _spawn(log), time.monotonic()
            elif ended:
                pid = 0
                deadline = min(deadline, time.monotonic() + _GRACE_AFTER_EXIT_S)
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.05)
    return None


def _read_from(path: str, start: int) -> str:
    with open(path, "rb") as file:
        file.seek(start)
        return file.read()[-_LOG_TAIL_BYTES:].decode("utf-8", "replace")

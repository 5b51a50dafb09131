"""A connection to an engine on another machine: ssh runs ``system dial-stdio`` there.

The program ``ssh`` does the work, with the user's own keys and settings. It has one end of a pair of sockets
for its input and output, so what speaks HTTP has a socket as always, whose directions end by themselves.
"""

import _socket
import os
import time

from scow.api.client.http1 import ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.api.client.endpoint import Endpoint

_SIGTERM = 15
_WAIT_S = 3.0
"""For the end of a program that has let go of its output."""
_OPTIONS = ("-o", "ConnectTimeout=30", "-T")
_OURS_ELSE_DOCKERS = 'command -v scow >/dev/null 2>&1 && exec scow "$@"; exec docker "$@"'
_MOST_SAID_BYTES = 4096


def connect_by_ssh(endpoint: "Endpoint") -> _socket.socket:
    """Raises OSError when there is no ``ssh``; all else that goes wrong is known at the first ``recv``."""
    words = ssh_words(endpoint)
    near, far = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    said = os.memfd_create("ssh")
    files = [
        (os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate((far.fileno(), far.fileno(), said))
    ]
    try:
        # A session of its own: the terminal's signals are for us, and for what runs in a container.
        pid = os.posix_spawnp(words[0], words, os.environ, file_actions=files, setsid=True)
    except OSError as exc:
        near.close()
        os.close(said)
        reason = "executable file not found in $PATH" if isinstance(exc, FileNotFoundError) else exc.strerror
        raise ProtocolError(f'exec: "{words[0]}": {reason}') from exc
    finally:
        far.close()
    return _SshSocket(near, pid, said, words)


def ssh_words(endpoint: "Endpoint") -> list[str]:
    """The command line. The far side's is one word of it, for the user's shell there."""
    words = ["ssh", *_OPTIONS]
    if endpoint.user:
        words += ["-l", endpoint.user]
    if endpoint.port:
        words += ["-p", str(endpoint.port)]
    arguments = ["--host", f"unix://{endpoint.path}"] if endpoint.path else []
    arguments += ["system", "dial-stdio"]
    if endpoint.far_program:
        far = [endpoint.far_program, *arguments]
    else:
        far = ["sh", "-c", _OURS_ELSE_DOCKERS, "sh", *arguments]
    return [*words, "--", endpoint.host, " ".join(map(quoted, far))]


def quoted(word: str) -> str:
    """For a POSIX shell."""
    plain = word.replace("/", "a").replace("-", "a").replace(":", "a").replace(".", "a").replace("_", "a")
    if plain.isascii() and plain.isalnum():
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"


class _SshSocket(_socket.socket):
    """Its end has a reason, when ssh or what it ran failed. Closing it ends ssh."""

    def __init__(self, sock: _socket.socket, pid: int, said: int, words: list[str]) -> None:
        super().__init__(fileno=sock.detach())
        self._pid = pid
        self._said = said
        self._words = words

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        try:
            data = super().recv(size, flags)
        except ConnectionResetError:  # it ended with something unread
            self._tell_failure()
            raise
        if not data and size:
            self._tell_failure()
        return data

    def close(self) -> None:
        super().close()
        if self._pid:
            os.kill(self._pid, _SIGTERM)
            self._wait_for_end()
        if self._said >= 0:
            os.close(self._said)
            self._said = -1

    def _tell_failure(self) -> None:
        status = self._wait_for_end()
        if status:
            said = os.pread(self._said, _MOST_SAID_BYTES, 0).decode("utf-8", "replace")
            raise ProtocolError(
                f"command [{' '.join(self._words)}] has exited with exit status {status}, make sure the URL "
                f"is valid, and Docker 18.09 or later is installed on the remote host: stderr={said}"
            )

    def _wait_for_end(self) -> int:
        """Its exit status; 0 while it runs on, or when that is known no more."""
        deadline = time.monotonic() + _WAIT_S
        pause_s = 0.001
        while self._pid:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._pid = 0
                return abs(os.waitstatus_to_exitcode(status))
            if time.monotonic() > deadline:
                return 0
            time.sleep(pause_s)
            pause_s *= 2
        return 0

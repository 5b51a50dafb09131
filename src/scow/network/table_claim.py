"""One engine at a time has its rules in a network namespace: two would put theirs back for ever.

The claim is an abstract Unix socket. Such a name belongs to a network namespace (network_namespaces(7)), and
it goes with its process, however that ends.
"""

import errno
import logging
import socket
import struct

from scow.errors import ConflictError

_log = logging.getLogger(__name__)
_NAME = "\0scow-rules"
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid
_ROOT = 0
_PATIENCE_S = 1.0


class TableClaim:
    """Held from ``take`` to ``give_up``, or to the end of this process."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def take(self) -> None:
        """Raises ConflictError while another engine has it, OSError."""
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            claim.bind(_NAME)
        except OSError as exc:
            claim.close()
            if exc.errno != errno.EADDRINUSE:
                raise
            _refuse(_holder())
            return
        claim.listen()
        self._socket = claim

    def give_up(self) -> None:
        """Another engine may have its rules here; no error when nothing was taken."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _holder() -> tuple[int, int]:
    """Process and user that have the name; -1 for what cannot be told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
        asking.settimeout(_PATIENCE_S)
        try:
            asking.connect(_NAME)
        except OSError:
            return -1, _ROOT
        pid, user, _ = _CREDENTIALS.unpack(
            asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )
        return pid, user


def _refuse(holder: tuple[int, int]) -> None:
    """Raises ConflictError, unless it is nobody who could have rules: anybody may take a name."""
    pid, user = holder
    if user != _ROOT:
        _log.warning("process %d of user %d keeps the name by which engines know of each other", pid, user)
        return
    who = f" (process {pid})" if pid > 0 else ""
    raise ConflictError(
        f"another engine{who} has its rules in this network namespace: stop it, or give this one none"
        " (--iptables=false --ip6tables=false)"
    )

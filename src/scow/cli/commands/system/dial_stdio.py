"""``scow system dial-stdio``: a connection to the engine on standard input and output.

What runs on a machine whose engine is reached by ssh. Each direction ends by itself; when the engine has said
all there is, the command ends, whatever may still come in.
"""

import _socket
import os
import threading

from scow.api.client.errors import ConnectionFailedError
from scow.cli.command import Command, no_arguments
from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


_PIECE_BYTES = 256 * 1024


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Moves bytes until the engine ends the connection."""
    try:
        sock = invocation.client.dial()
    except ConnectionFailedError as exc:
        raise CommandError(f"failed to open the raw stream connection: {exc.message}") from exc
    threading.Thread(target=_send_input, args=(sock,), daemon=True).start()
    while data := sock.recv(_PIECE_BYTES):
        invocation.out.write_bytes(data)


def _send_input(sock: _socket.socket) -> None:
    try:
        while data := os.read(0, _PIECE_BYTES):
            sock.sendall(data)
        sock.shutdown(_socket.SHUT_WR)
    except OSError:
        pass  # the engine has gone: the other direction ends too, and says how


COMMAND = Command(
    run,
    "",
    "Proxy the stdio stream to the daemon connection. Should not be invoked manually.",
    arguments=no_arguments,
)

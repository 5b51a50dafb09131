"""One TLS connection without a socket: bytes go in, bytes come out, and each direction ends by itself.

The close_notify alert is the half-close of TLS (RFC 8446 §6.1). ``SSL_shutdown(3)`` sends it when first
called and reads when called again, and takes what it reads for an error; Python's ``unwrap`` always calls
twice. So whatever has come is taken out of OpenSSL first. The alert goes the way of all output: it is not
lost because a socket was full.
"""

from collections import deque
from ssl import MemoryBIO, SSLContext, SSLError, SSLWantReadError, SSLZeroReturnError

_READ_BYTES = 256 * 1024


class TlsStream:
    """The state of one connection. Whatever is called, ``take_output`` then has what is to be sent."""

    __slots__ = ("_ended", "_held", "_incoming", "_outgoing", "_tls")

    def __init__(self, context: SSLContext, *, server_side: bool, server_hostname: str | None = None) -> None:
        self._incoming, self._outgoing = MemoryBIO(), MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname
        )
        self._held: deque[bytes] = deque()
        self._ended = False

    def receive(self, data: bytes) -> None:
        """Add what came from the network; b"" is its end."""
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def take_output(self) -> bytes:
        """What is to be sent now, in order; b"" when there is nothing."""
        return self._outgoing.read()

    def shake_hands(self) -> bool:
        """Go on with the handshake; whether it is done. Raises SSLError, with the reason among the output."""
        try:
            self._tls.do_handshake()
        except SSLWantReadError:
            return False
        return True

    def read(self) -> bytes | None:
        """The next decrypted bytes; b"" after the last, None when more must come first. Raises SSLError."""
        return self._held.popleft() if self._held else self._decrypt()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt ``data``. Raises SSLError."""
        self._tls.write(data)

    def end_output(self) -> None:
        """Say that no more is sent; what still comes can be read."""
        try:
            while data := self._decrypt():
                self._held.append(data)
            self._tls.unwrap()
        except (SSLError, OSError):
            # It waits for the other end's goodbye, which is read as any other input; if it comes at all.
            pass

    def _decrypt(self) -> bytes | None:
        if self._ended:
            return b""
        try:
            data = self._tls.read(_READ_BYTES)
        except SSLWantReadError:
            return None
        except SSLZeroReturnError:
            data = b""
        except SSLError:
            # An end without close_notify counts as one: half of the world's programs leave so.
            if not self._incoming.eof:
                raise
            data = b""
        self._ended = not data
        return data

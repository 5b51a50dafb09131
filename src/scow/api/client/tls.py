"""TLS to an engine. What speaks HTTP gets a plain socket, and a thread moves bytes between it and TLS.

So all that a plain socket can do works over TLS too: half-close, looking without waiting, sendfile(2).
Only imported for endpoints that want it.
"""

import os
import select
import socket
import ssl
import threading

from scow.api.http.tls_stream import TlsStream
from scow.errors import InvalidArgumentError
from scow.tls_trust import client_context

_PIECE_BYTES = 256 * 1024
_HELD_BYTES = 1 << 20
"""How much may wait for a reader before no more is received."""


class TlsOptions:
    """PEM files, of which those that do not exist count as not given; ``verify``: check the engine."""

    __slots__ = ("ca", "certificate", "key", "verify")

    def __init__(self, ca: str, certificate: str, key: str, verify: bool) -> None:
        self.ca = ca
        self.certificate = certificate
        self.key = key
        self.verify = verify

    def context(self) -> ssl.SSLContext:
        """Raises InvalidArgumentError in Docker's words."""
        try:
            context = client_context(self.ca, verify=self.verify)
        except FileNotFoundError as exc:
            raise InvalidArgumentError(
                f"unable to resolve docker endpoint: open {self.ca}: no such file or directory"
            ) from exc
        except OSError as exc:
            raise InvalidArgumentError(f"could not read CA certificate {self.ca}: {exc}") from exc
        if os.path.exists(self.certificate) or os.path.exists(self.key):
            try:
                context.load_cert_chain(self.certificate, self.key)
            except (OSError, ssl.SSLError) as exc:
                raise InvalidArgumentError(f"Could not load X509 key pair: {exc}") from exc
        return context


def tunnel(sock: socket.socket, options: TlsOptions, host: str) -> socket.socket:
    """A plain socket to the other end of a TLS connection over ``sock``, which it takes over.

    Raises OSError (``ssl.SSLError`` is one) when the handshake fails.
    """
    stream = TlsStream(options.context(), server_side=False, server_hostname=host)
    _shake_hands(stream, sock)
    near, far = socket.socketpair()
    ours = _TunnelSocket(near)
    threading.Thread(target=_Pump(far, sock, stream, ours).run, name="tls", daemon=True).start()
    return ours


def _shake_hands(stream: TlsStream, sock: socket.socket) -> None:
    done = False
    while not done:
        try:
            done = stream.shake_hands()
        finally:
            # Also of a failure: the alert says the other end why.
            sock.sendall(stream.take_output())
        if not done:
            stream.receive(sock.recv(_PIECE_BYTES))


class _TunnelSocket(socket.socket):
    """A plain socket whose end has a reason: in TLS 1.3 a client hears of its refusal when it first reads."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(fileno=sock.detach())
        self.failure: OSError | None = None

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data = super().recv(size, flags)
        if not data and self.failure is not None:
            raise self.failure
        return data


class _Pump:
    """Both directions of one connection, each ended by itself.

    ``_outwards`` is encrypted and waits for the network, ``_inwards`` is plain and waits for our reader.
    """

    def __init__(
        self, plain: socket.socket, secured: socket.socket, stream: TlsStream, ours: _TunnelSocket
    ) -> None:
        self._plain = plain
        self._ours = ours
        self._secured = secured
        self._stream = stream
        self._outwards = stream.take_output()
        self._inwards = b""
        self._plain_ended = self._secured_ended = False

    def run(self) -> None:
        """Until the other end has ended and all that it said is taken, or our reader has gone."""
        self._plain.setblocking(False)
        self._secured.setblocking(False)
        try:
            self._decrypt()  # what came with the end of the handshake
            while not (self._secured_ended and not self._inwards):
                self._step()
        except OSError as exc:
            self._ours.failure = exc
        finally:
            self._secured.close()
            self._end_plain()

    def _end_plain(self) -> None:
        """Take what is still written for nobody: an end with something unread would look like a failure."""
        try:
            self._plain.shutdown(socket.SHUT_WR)
            self._plain.setblocking(True)
            while self._plain.recv(_PIECE_BYTES):
                pass
        except OSError:
            pass
        finally:
            self._plain.close()

    def _step(self) -> None:
        self._wait()
        if self._may_receive:
            self._receive()
        if self._inwards:
            self._inwards = self._inwards[_sent(self._plain, self._inwards) :]
        if not self._plain_ended and not self._outwards:
            self._take()
        self._outwards += self._stream.take_output()
        if self._outwards:
            self._send()

    @property
    def _may_receive(self) -> bool:
        return not self._secured_ended and len(self._inwards) < _HELD_BYTES

    def _wait(self) -> None:
        poller = select.poll()
        plain = (0 if self._plain_ended or self._outwards else select.POLLIN) | (
            select.POLLOUT if self._inwards else 0
        )
        if plain:
            poller.register(self._plain, plain)
        secured = (select.POLLIN if self._may_receive else 0) | (select.POLLOUT if self._outwards else 0)
        if secured:
            poller.register(self._secured, secured)
        poller.poll()

    def _receive(self) -> None:
        try:
            self._stream.receive(self._secured.recv(_PIECE_BYTES))
            self._decrypt()
        except BlockingIOError:
            return
        except OSError as exc:
            # The end, with a reason; what was said before it is still to be taken.
            self._ours.failure = exc
            self._secured_ended = True

    def _decrypt(self) -> None:
        while data := self._stream.read():
            self._inwards += data
        self._secured_ended = data is not None

    def _take(self) -> None:
        try:
            data = self._plain.recv(_PIECE_BYTES)
        except BlockingIOError:
            return
        if data:
            self._stream.write(data)
        else:
            self._plain_ended = True
            self._stream.end_output()

    def _send(self) -> None:
        try:
            self._outwards = self._outwards[_sent(self._secured, self._outwards) :]
        except OSError:
            # It may have answered before it stopped listening. Our writer hears of it as on a plain socket.
            self._outwards = b""
            self._plain_ended = True
            self._plain.shutdown(socket.SHUT_RD)


def _sent(sock: socket.socket, data: bytes) -> int:
    try:
        return sock.send(data)
    except BlockingIOError:
        return 0

"""TLS to an engine. What speaks HTTP gets a plain socket, and a thread moves bytes between it and TLS.

So all that a plain socket can do works over TLS too: half-close, looking without waiting, sendfile(2).
Only imported for endpoints that want it.
"""

import os
import select
import socket
import ssl
import threading

from scow.errors import InvalidArgumentError

_PIECE_BYTES = 256 * 1024
_HELD_BYTES = 1 << 20


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
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            try:
                context.load_verify_locations(self.ca)
            except FileNotFoundError as exc:
                raise InvalidArgumentError(
                    f"unable to resolve docker endpoint: open {self.ca}: no such file or directory"
                ) from exc
            except (OSError, ssl.SSLError) as exc:
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
    secured = options.context().wrap_socket(sock, server_hostname=host)
    near, far = socket.socketpair()
    ours = _TunnelSocket(near)
    threading.Thread(target=_Pump(far, secured, ours).run, name="tls", daemon=True).start()
    return ours


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
    """Both directions of one connection, each ended by itself."""

    def __init__(self, plain: socket.socket, secured: ssl.SSLSocket, ours: _TunnelSocket) -> None:
        self._plain = plain
        self._ours = ours
        self._secured = secured
        self._outwards = b""
        self._inwards = b""
        self._plain_ended = self._secured_ended = False

    def run(self) -> None:
        """Until both directions have ended, or one is broken."""
        self._plain.setblocking(False)
        self._secured.setblocking(False)
        try:
            while not (self._secured_ended and not self._inwards):
                self._step()
        except OSError as exc:
            # Either side has gone altogether.
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
        if not self._secured_ended and len(self._inwards) < _HELD_BYTES:
            self._receive()
        if self._inwards:
            self._inwards = self._inwards[_sent(self._plain, self._inwards) :]
        if not self._plain_ended and not self._outwards:
            self._take()
        if self._outwards:
            self._outwards = self._outwards[_sent(self._secured, self._outwards) :]

    def _wait(self) -> None:
        if self._secured.pending():
            return
        poller = select.poll()
        plain = (0 if self._plain_ended or self._outwards else select.POLLIN) | (
            select.POLLOUT if self._inwards else 0
        )
        if plain:
            poller.register(self._plain, plain)
        secured = (0 if self._secured_ended else select.POLLIN) | (select.POLLOUT if self._outwards else 0)
        if secured:
            poller.register(self._secured, secured)
        poller.poll()

    def _receive(self) -> None:
        try:
            data = self._secured.recv(_PIECE_BYTES)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except ssl.SSLEOFError:
            data = b""
        self._inwards += data
        self._secured_ended = not data

    def _take(self) -> None:
        try:
            self._outwards = self._plain.recv(_PIECE_BYTES)
        except BlockingIOError:
            return
        if not self._outwards:
            self._plain_ended = True
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        """close_notify ends our direction only; ``unwrap`` would also wait for the other."""
        try:
            self._secured.unwrap()
        except (OSError, ValueError):
            return


def _sent(sock: socket.socket, data: bytes) -> int:
    try:
        return sock.send(data)
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return 0

"""TLS under a connection, through ``TlsStream``: asyncio's own drops output after a client half-closes.

    asyncio.Transport ⇄ TlsConnection ⇄ Connection

``TlsConnection`` is the protocol of the socket and the transport of the connection above it.
"""

import asyncio
import logging
from collections.abc import Callable
from ssl import SSLContext, SSLError
from typing import Any

from scow.api.http.tls_stream import TlsStream

HANDSHAKE_TIMEOUT_S = 10.0

_log = logging.getLogger(__name__)


class TlsConnection(asyncio.Protocol, asyncio.Transport):
    """One TLS client; ``make_inner`` makes the protocol above it once the handshake is done."""

    def __init__(self, context: SSLContext, make_inner: Callable[[], asyncio.Protocol]) -> None:
        asyncio.Transport.__init__(self)
        self._stream = TlsStream(context, server_side=True)
        self._make_inner = make_inner
        self._inner: asyncio.Protocol | None = None
        self._raw: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None
        self._eof_told = self._closing = self._paused = False

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._raw = transport
        self._timer = asyncio.get_running_loop().call_later(HANDSHAKE_TIMEOUT_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        self._stream.receive(data)
        if self._inner is None and not self._shake_hands():
            return
        self._read()

    def eof_received(self) -> bool:
        """True keeps our sending side open."""
        if self._inner is None:
            return False
        self._stream.receive(b"")
        self._read()
        return not self._closing

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._closing = True
        if self._inner is not None:
            self._inner.connection_lost(exc)

    # What the connection above calls

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._raw.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._closing or self._raw.is_closing()

    def pause_reading(self) -> None:
        self._paused = True
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            self._raw.resume_reading()
            # What was decrypted or received meanwhile waits here, not in the socket.
            asyncio.get_running_loop().call_soon(self._read)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._raw.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._raw.get_write_buffer_size()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if data and not self.is_closing():
            try:
                self._stream.write(data)
            except SSLError as exc:
                _log.debug("TLS: %s", exc)
                self._raw.abort()
                return
            self._flush()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """Say that no more comes; what the client still sends is read."""
        self._say_goodbye()

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._say_goodbye()
            self._raw.close()

    def abort(self) -> None:
        self._closing = True
        self._raw.abort()

    # Inside

    def _shake_hands(self) -> bool:
        try:
            done = self._stream.shake_hands()
        except (SSLError, OSError) as exc:
            # The alert that says why goes out before the end.
            _log.debug("TLS handshake: %s", exc)
            self._flush()
            self._raw.close()
            return False
        self._flush()
        if done:
            self._stop_timer()
            inner = self._inner = self._make_inner()
            inner.connection_made(self)
        return done

    def _read(self) -> None:
        inner = self._inner
        while inner is not None and not self._paused and not self._closing and not self._eof_told:
            try:
                data = self._stream.read()
            except SSLError as exc:
                _log.debug("TLS: %s", exc)
                self._flush()
                self._raw.abort()
                break
            if data is None:
                break
            if data:
                inner.data_received(data)
            else:
                self._eof_told = True
                if not inner.eof_received():
                    self.close()
        self._flush()

    def _say_goodbye(self) -> None:
        self._stream.end_output()
        self._flush()

    def _flush(self) -> None:
        if not self._raw.is_closing():
            self._raw.write(self._stream.take_output())

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

"""A connection to where lines go: datagrams or a stream, over the network or to a unix socket, also with TLS.

Failures are OSErrors with the words of Go's ``net``, which clients of Docker show.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

_CONNECT_S = 10.0
_WRITE_S = 30.0


@dataclass(frozen=True)
class Address:
    """``kind``: tcp, tcp+tls, udp, unix or unixgram; of the last two the ``host`` is a path."""

    kind: str
    host: str
    port: int = 0

    def __str__(self) -> str:
        if self.kind.startswith("unix"):
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Wire:
    """One destination; ``open`` before the first ``write``, and again after each that has failed."""

    def __init__(self, address: Address, tls: "Callable[[], ssl.SSLContext] | None" = None) -> None:
        self.address = address
        self._tls = tls
        self._datagrams: socket.socket | None = None
        self.reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Connect. Raises OSError."""
        self.close()
        try:
            await asyncio.wait_for(self._connect(), _CONNECT_S)
        except TimeoutError as exc:
            raise OSError(f"dial {self._network} {self.address}: i/o timeout") from exc
        except OSError as exc:
            raise OSError(f"dial {self._network} {self.address}: {_reason(exc)}") from exc

    @property
    def _network(self) -> str:
        return self.address.kind.removesuffix("+tls")

    async def _connect(self) -> None:
        address = self.address
        match address.kind:
            case "udp" | "unixgram":
                await self._connect_datagrams()
            case "unix":
                self.reader, self._writer = await asyncio.open_unix_connection(address.host)
            case _:
                tls = self._tls() if self._tls else None
                self.reader, self._writer = await asyncio.open_connection(address.host, address.port, ssl=tls)

    async def _connect_datagrams(self) -> None:
        loop, address = asyncio.get_running_loop(), self.address
        family: int = socket.AF_UNIX
        target: str | tuple[str | int | bytes, ...] = address.host
        if address.kind == "udp":
            found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)
            family, target = found[0][0], found[0][4]
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            sock.connect(target)
        except OSError:
            sock.close()
            raise
        self._datagrams = sock

    async def write(self, packets: Iterable[bytes]) -> None:
        """Send each packet, in order; a datagram that nobody takes is lost, as it always may be.

        Raises OSError if the connection is not, or no longer, there.
        """
        if self._datagrams is not None:
            loop = asyncio.get_running_loop()
            for packet in packets:
                try:
                    await loop.sock_sendall(self._datagrams, packet)
                except ConnectionRefusedError:
                    if self.address.kind == "unixgram":
                        raise  # its receiver has gone, and another one is another socket
            return
        if self._writer is None or self.reader is None or self.reader.at_eof():
            raise OSError("the connection is closed")
        self._writer.writelines(packets)
        await asyncio.wait_for(self._writer.drain(), _WRITE_S)

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._datagrams is not None:
            self._datagrams.close()
            self._datagrams = None
        if self._writer is not None:
            self._writer.close()
            self._writer = self.reader = None


def _reason(exc: OSError) -> str:
    """As Go says it: "connect: connection refused"."""
    if isinstance(exc, socket.gaierror):
        return "lookup: no such host"
    return f"connect: {os.strerror(exc.errno).lower()}" if exc.errno else str(exc)

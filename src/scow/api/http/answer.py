"""Answers: what an application gives back for a request, and the bytes of their heads.

Full      everything is known: one send with a Content-Length
Stream    head at once, then item by item, each flushed by itself
Hijack    head in a send of its own, then the connection belongs to ``run``
"""

import time
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from scow.api.http.duplex import Duplex

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
# The word that Docker's engine answers with; some clients compare it.
_STATUS_LINES[101] = "HTTP/1.1 101 UPGRADED\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Full:
    """An answer of which all is known. A status of 204 or 304 has no body and no length."""

    status: int = 200
    body: bytes = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stream:
    """A chunked answer. The head is sent before the first item is asked for; empty items send nothing.

    An item that raises ends the connection without the last chunk, so the client sees the failure.
    """

    items: AsyncIterable[bytes]
    content_type: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hijack:
    """The connection becomes a raw stream: ``101`` with ``upgrade_type`` for a client that asked with
    ``Upgrade``, otherwise ``200`` with ``plain_type``. ``run`` starts when the head has been sent.

    ``protocol`` is what the connection changes to, ``headers`` go with the ``101``.
    """

    run: Callable[[Duplex], Awaitable[None]]
    upgrade_type: str = ""
    plain_type: str = ""
    protocol: str = "tcp"
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Full | Stream | Hijack


async def end_items(items: object) -> None:
    """End the work behind an iterator now, and not when the collector comes by."""
    if close := getattr(items, "aclose", None):
        await close()


def encode_head(status: int, headers: str, fields: Mapping[str, str]) -> bytes:
    """A head with its empty line; ``headers`` are complete lines. Raises ValueError for a line break."""
    lines = [_STATUS_LINES[status], headers]
    for name, value in fields.items():
        if "\r" in value or "\n" in value:
            raise ValueError(f"line break in header {name}")
        lines.append(f"{name}: {value}\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1", "replace")


def encode_chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; ``data`` is not empty."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


class DateLine:
    """The Date header, made anew only when the second changes."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._second = -1
        self._line = ""

    def __call__(self) -> str:
        second = int(self._clock())
        if second != self._second:
            self._second = second
            # Not strftime's names: those follow the locale.
            moment = time.gmtime(second)
            self._line = (
                f"Date: {_DAYS[moment.tm_wday]}, {moment.tm_mday:02} {_MONTHS[moment.tm_mon - 1]} "
                f"{moment.tm_year} {moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02} GMT\r\n"
            )
        return self._line


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

"""Giving up a request from another thread, wherever it waits: to be taken, to be answered, to go on."""

import socket
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse
    from urllib3.connection import HTTPConnection

_asking: ContextVar["Cancellation | None"] = ContextVar("asking", default=None)


class Cancelled(Exception):
    """Whoever waited for the answer has gone."""


class Cancellation:
    """Ends a transfer from another thread: at once if it waits for the network, else at its next step."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._waiting: BaseHTTPResponse | HTTPConnection | None = None

    def cancel(self) -> None:
        """Repeatable."""
        self._event.set()
        with self._lock:
            waiting = self._waiting
        if waiting is not None:
            _shut_down(waiting)

    def check(self) -> None:
        """Raises Cancelled."""
        if self._event.is_set():
            raise Cancelled

    def sleep(self, seconds: float) -> None:
        """Raises Cancelled as soon as it is."""
        self._event.wait(seconds)
        self.check()

    def watch(self, waiting: "BaseHTTPResponse | HTTPConnection | None") -> None:
        """The answer being read now, or the connection that a request goes to. Raises Cancelled."""
        with self._lock:
            self._waiting = waiting
        self.check()

    def begin(self) -> None:
        """A request of this thread is made from now on, by connections that say so (``watched``)."""
        _asking.set(self)

    def end(self) -> None:
        """It is made."""
        _asking.set(None)


def watched(connection: "HTTPConnection") -> None:
    """A connection is about to wait for its server, for the request of this thread. Raises Cancelled."""
    asking = _asking.get()
    if asking is not None:
        asking.watch(connection)


def _shut_down(waiting: object) -> None:
    connection = getattr(waiting, "connection", None) or getattr(waiting, "_connection", None) or waiting
    sock = getattr(connection, "sock", None)
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            # It has ended by itself meanwhile.
            return

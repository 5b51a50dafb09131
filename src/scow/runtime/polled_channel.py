"""A channel in a poller's loop: messages are handled as they come, and go out as the kernel takes them."""

from __future__ import annotations

import select

from scow.runtime.channel import Channel, ChannelClosed

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable, Sequence

    from scow.runtime.channel import Message
    from scow.runtime.poller import Poller


class PolledChannel:
    """One connection until it ends; ``on_closed`` is called once, when it is the peer who has ended it."""

    def __init__(
        self,
        poller: Poller,
        sock: _socket.socket,
        handle: Callable[[Message, list[int]], None],
        on_closed: Callable[[], None],
    ) -> None:
        self._poller = poller
        self._channel = Channel(sock)
        self._handle = handle
        self._on_closed = on_closed
        self._is_open = True
        poller.watch(self._channel.fileno(), select.EPOLLIN, self._ready)

    def tell(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Send, now or later; to a peer that has gone nothing is told. The caller keeps its ``fds``."""
        if not self._is_open:
            return
        try:
            self._channel.send(message, fds)
            self._poller.change(self._channel.fileno(), self._channel.wanted_events)
        except ChannelClosed:
            # What the peer has said before it went is still to be read, and then its end of file.
            pass

    def drain(self) -> None:
        """Handle what has come by now: of a peer that is known to be dead it is the last."""
        while self._is_open and self._receive():
            pass

    def close(self) -> None:
        """End the connection. May be called twice."""
        if self._is_open:
            self._is_open = False
            self._poller.forget(self._channel.fileno())
            self._channel.close()

    def _ready(self, events: int) -> None:
        if events & select.EPOLLOUT and not events & select.EPOLLHUP:
            try:
                self._channel.flush()
            except ChannelClosed:
                pass
            else:
                self._poller.change(self._channel.fileno(), self._channel.wanted_events)
        if events & ~select.EPOLLOUT:
            self._receive()

    def _receive(self) -> bool:
        """Handle one message; whether there was one."""
        try:
            received = self._channel.receive()
        except ChannelClosed:
            self.close()
            self._on_closed()
            return False
        if received is not None:
            self._handle(*received)
        return received is not None

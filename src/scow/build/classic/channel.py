"""What a build says, on its way to a client that reads when it will."""

import asyncio
from collections import deque

from scow.build.classic import messages
from scow.build.classic.messages import Message

_MAX_WAITING_BYTES = 16 << 20
_LEFT_OUT = "\n[output clipped: more of it waited to be read than is kept]\n"


class Channel:
    """Bounded: of text that nobody reads the oldest goes, and that is said where it stood.

    A build is not held up: it may be that of others, too, who read.
    """

    def __init__(self, max_waiting_bytes: int = _MAX_WAITING_BYTES) -> None:
        self._max_bytes = max_waiting_bytes
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._left_out = False
        self._ended = False
        self._changed = asyncio.Event()

    def say(self, message: Message) -> None:
        """One more."""
        self._waiting.append(message)
        self._bytes += _size(message)
        if self._bytes > self._max_bytes:
            self._leave_out()
        self._changed.set()

    def end(self) -> None:
        """Nothing more will be said."""
        self._ended = True
        self._changed.set()

    async def take(self) -> Message | None:
        """The next one, ``None`` after the last."""
        while not self._waiting and not self._ended:
            self._changed.clear()
            await self._changed.wait()
        return self._next()

    def rest(self) -> list[Message]:
        """All that has not been taken."""
        return list(iter(self._next, None))

    def _next(self) -> Message | None:
        if self._left_out:
            self._left_out = False
            return messages.stream(_LEFT_OUT)
        if not self._waiting:
            return None
        message = self._waiting.popleft()
        self._bytes -= _size(message)
        return message

    def _leave_out(self) -> None:
        """Text alone: what is for programs stays."""
        kept: list[Message] = []
        while self._bytes > self._max_bytes:
            message = self._waiting.popleft()
            self._bytes -= _size(message)
            if "stream" not in message:
                kept.append(message)
            else:
                self._left_out = True
        self._waiting.extendleft(reversed(kept))


def _size(message: Message) -> int:
    """Characters of its text; what is for programs counts as nothing."""
    return len(message.get("stream", ""))

"""Answers from outside, kept for as long as they say, and never more than a bounded number of them. Pure."""

from collections import OrderedDict
from collections.abc import Callable

from scow.network.dns.message import MessageError, Query, lifetimes, with_id

_MOST_ENTRIES = 500
_MOST_BYTES = 4096
# What a registry of names changes is seen within this time whatever it said before.
_LONGEST_S = 60.0


class AnswerCache:
    """By question and the server that was asked; ``clock`` gives seconds, monotonic.

    For one container only: the same address is another server for a container on another network, which
    might even be one that answers as somebody wants.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entries: OrderedDict[tuple[str, bytes, bool], tuple[bytes, float, float]] = OrderedDict()

    def get(self, server: str, query: Query) -> bytes | None:
        """The answer to this asker, its lifetimes counted down."""
        key = _key(server, query)
        entry = self._entries.get(key)
        if entry is None:
            return None
        data, stored, until = entry
        now = self._clock()
        if now >= until:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return with_id(_aged(data, int(now - stored)), query.id)

    def put(self, server: str, query: Query, data: bytes) -> None:
        """Keep an answer that has a lifetime."""
        try:
            seconds = [ttl_s for _, ttl_s in lifetimes(data)]
        except (MessageError, IndexError):
            return
        if not seconds or not min(seconds) or len(data) > _MOST_BYTES:
            return
        now = self._clock()
        self._entries[_key(server, query)] = (data, now, now + min(*seconds, _LONGEST_S))
        self._entries.move_to_end(_key(server, query))
        while len(self._entries) > _MOST_ENTRIES:
            self._entries.popitem(last=False)


def _key(server: str, query: Query) -> tuple[str, bytes, bool]:
    return server, query.question.lower(), query.edns


def _aged(data: bytes, seconds: int) -> bytes:
    if not seconds:
        return data
    aged = bytearray(data)
    for at, ttl_s in lifetimes(data):
        aged[at : at + 4] = max(0, ttl_s - seconds).to_bytes(4, "big")
    return bytes(aged)

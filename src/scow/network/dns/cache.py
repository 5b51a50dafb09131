"""Answers from outside, kept for as long as they say, and never more than a bounded number of them. Pure."""

from collections import OrderedDict
from collections.abc import Callable

from scow.network.dns.message import MessageError, Query, lifetimes, with_id

_MOST_ENTRIES = 500
_MOST_BYTES = 4096
_MOST_KNOWN = 64
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


class KnownAnswers:
    """Our own answers, by the question's bytes but for its id: programs ask for the same few names again."""

    def __init__(self) -> None:
        self._answers: dict[bytes, bytes] = {}
        self._edition = -1

    def get(self, data: bytes, edition: int) -> bytes | None:
        """The answer to a message; None if names have changed since."""
        if edition != self._edition:
            return None
        found = self._answers.get(data[2:])
        return None if found is None else data[:2] + found

    def put(self, data: bytes, edition: int, answer: bytes) -> None:
        """Keep an answer, unless its order is left to chance."""
        if edition != self._edition or len(self._answers) >= _MOST_KNOWN:
            self._answers.clear()
            self._edition = edition
        if int.from_bytes(answer[6:8], "big") <= 1:
            self._answers[data[2:]] = answer[2:]


def _key(server: str, query: Query) -> tuple[str, bytes, bool]:
    return server, query.question.lower(), query.edns


def _aged(data: bytes, seconds: int) -> bytes:
    if not seconds:
        return data
    aged = bytearray(data)
    for at, ttl_s in lifetimes(data):
        aged[at : at + 4] = max(0, ttl_s - seconds).to_bytes(4, "big")
    return bytes(aged)

"""The index of a registry, asked for words (Docker Registry API v1, "Search"): ``GET /v1/search?q=…&n=…``.

Docker Hub has one; few other registries do.
"""

from collections.abc import Callable
from urllib.parse import urlencode

import msgspec

from scow.distribution.transport import Transport
from scow.errors import InvalidArgumentError, ScowError
from scow.spec.reference import DEFAULT_REGISTRY, is_registry

DEFAULT_LIMIT = 25
_MOST = 100
_MAX_ANSWER_BYTES = 4 << 20
_INDEX_OF_THE_HUB = "index.docker.io"


class SearchResult(msgspec.Struct, kw_only=True):
    """One repository, as an index tells of it and as the API does."""

    star_count: int = 0
    is_official: bool = False
    name: str = ""
    is_automated: bool = False
    description: str = ""


class _Answer(msgspec.Struct):
    results: list[SearchResult] | None = None


def search_term(text: str) -> tuple[str, str]:
    """The host of the index and what to look for there. Raises InvalidArgumentError."""
    if "://" in text:
        raise InvalidArgumentError(
            f"invalid repository name: repository name ({text}) should not have a scheme"
        )
    head, slash, rest = text.partition("/")
    if slash and is_registry(head) and head not in (DEFAULT_REGISTRY, _INDEX_OF_THE_HUB):
        return head, rest
    term = rest if slash and head in (DEFAULT_REGISTRY, _INDEX_OF_THE_HUB) else text
    return _INDEX_OF_THE_HUB, term.removeprefix("library/")


def search(term: str, limit: int) -> Callable[[Transport], list[SearchResult]]:
    """What finds repositories by ``term`` on an endpoint whose root is ``/v1``; blocks.

    Raises InvalidArgumentError for a limit out of range, ScowError for an answer that is none.
    """
    if not 1 <= limit <= _MOST:
        raise InvalidArgumentError(f"limit {limit} is outside the range of [1, {_MOST}]")

    def ask(transport: Transport) -> list[SearchResult]:
        reply = transport.request("GET", f"search?{urlencode({'q': term, 'n': limit})}")
        try:
            answer = msgspec.json.decode(reply.read(_MAX_ANSWER_BYTES), type=_Answer)
        except (msgspec.MsgspecError, RecursionError) as exc:
            raise ScowError(f"error decoding registry response: {exc}") from exc
        return (answer.results or [])[:limit]

    return ask

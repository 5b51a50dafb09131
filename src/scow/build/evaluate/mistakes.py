"""Mistakes that are found while a Dockerfile is evaluated get the place that they are at."""

from scow.build.dockerfile.source import DockerfileError, Location, Source
from scow.errors import InvalidArgumentError, ParseError


class MistakesAt:
    """Within the block, what cannot be right is so at ``location``; ``token`` is the word to point at.

    An InvalidArgumentError becomes a DockerfileError, unless it has its place already.
    """

    def __init__(self, source: Source, location: Location, token: str = "") -> None:
        self._source = source
        self._location = location
        self._token = token

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, exc: BaseException | None, *rest: object) -> None:
        if isinstance(exc, InvalidArgumentError) and not isinstance(exc, ParseError):
            raise DockerfileError(exc.message, self._source, self._location, self._token) from exc

"""Which front end a build has: ours, or one that comes as an image."""

from collections.abc import Mapping
from dataclasses import dataclass

from scow.build.dockerfile.syntax import syntax_of
from scow.errors import InvalidArgumentError
from scow.spec.build_progress import Place

DOCKERFILE = "dockerfile.v0"
GATEWAY = "gateway.v0"
COMMAND_LINE = "cmdline"
"""The option that says how a front end was asked for; with it none looks for another one."""
_SOURCE = "source"
_ARGUMENT = "build-arg:BUILDKIT_SYNTAX"
_OURS = frozenset({"docker/dockerfile", "docker/dockerfile-upstream"})


@dataclass(frozen=True, slots=True)
class Chosen:
    """The front end in ``image``, with its ``options``.

    Its failures are told at ``place``, where a file asked for it, or after ``prefix``.
    """

    image: str
    options: Mapping[str, str]
    place: Place | None = None
    prefix: str = ""


class AnotherFrontEnd(Exception):
    """A Dockerfile that is for another front end than the one that has read it."""

    def __init__(self, chosen: Chosen) -> None:
        super().__init__(chosen.image)
        self.chosen = chosen


def chosen_by_request(frontend: str, options: Mapping[str, str]) -> Chosen | None:
    """``None`` for ours. Raises InvalidArgumentError for one that is not there."""
    if frontend == DOCKERFILE:
        return None
    if frontend != GATEWAY:
        raise InvalidArgumentError(f"invalid frontend: {frontend}")
    source = options.get(_SOURCE, "")
    if not source:
        raise InvalidArgumentError("no source specified for gateway")
    return None if _is_ours(source) else Chosen(source, options)


def check_for_ours(options: Mapping[str, str], filename: str, text: str) -> None:
    """Raises AnotherFrontEnd if options or the file itself ask for one."""
    if COMMAND_LINE in options:
        return
    if (asked := options.get(_ARGUMENT, "").strip()) or _ARGUMENT in options:
        _raise_for(asked.partition(" ")[0], options, asked, None, f"failed with {_ARGUMENT} = {asked}: ")
    elif (syntax := syntax_of(text)) is not None:
        data = text.encode("utf-8", "surrogateescape")
        place = Place(filename, data, syntax.line, syntax.line)
        _raise_for(syntax.image, options, syntax.command_line, place, "")


def _raise_for(image: str, options: Mapping[str, str], said: str, place: Place | None, prefix: str) -> None:
    if not _is_ours(image):
        raise AnotherFrontEnd(Chosen(image, {**options, COMMAND_LINE: said, _SOURCE: image}, place, prefix))


def _is_ours(image: str) -> bool:
    """Docker's own front end, under any tag, is built in."""
    return image.removeprefix("docker.io/").partition("@")[0].partition(":")[0] in _OURS

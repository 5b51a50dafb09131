"""What failed, in gRPC's words."""

import base64
import json
import logging
from collections.abc import Iterable

import msgspec

from scow.api.grpc.status import AnyMessage, CallError, Code, StatusMessage
from scow.errors import ScowError, told_of
from scow.spec.build_progress import Place
from scow.spec.driven_build import FrontEndFailedError
from scow.spec.frontend_build import BuildFailedError
from scow.spec.llb import SourceInfo, SourceRange

_log = logging.getLogger(__name__)
_SOURCE = "github.com/moby/buildkit/errdefs.Source+json"


class _Position(msgspec.Struct):
    line: int = 0


class _Range(msgspec.Struct):
    start: _Position = msgspec.field(default_factory=_Position)
    end: _Position = msgspec.field(default_factory=_Position)


class _Info(msgspec.Struct):
    filename: str = ""
    data: bytes = b""


class _SourceTold(msgspec.Struct):
    """BuildKit's errdefs.Source."""

    info: _Info = msgspec.field(default_factory=_Info)
    ranges: list[_Range] = []


def as_call_error(error: Exception) -> CallError:
    """What failed, in gRPC's words. An error that knows its place in a file brings that along."""
    if not isinstance(error, ScowError):
        _log.error("unexpected error in a call of BuildKit's protocol", exc_info=error)
        return CallError(Code.UNKNOWN, told_of(error))
    if isinstance(error, FrontEndFailedError):
        details = tuple(AnyMessage(kind, value) for kind, value in error.details)
        if not _places(details) and error.place is not None:
            details = (*details, _source_detail(error.place))
        return CallError(error.code, error.message, details)
    place = error.place if isinstance(error, BuildFailedError) else None
    # Clients put the name of every other code before the message.
    return CallError(Code.UNKNOWN, error.message, (_source_detail(place),) if place is not None else ())


def _source_detail(place: Place) -> AnyMessage:
    """BuildKit's errdefs.Source, which its clients show with the lines around it."""
    lines = {"start": {"line": place.first_line}, "end": {"line": place.last_line}}
    info = {"filename": place.file_name, "data": base64.b64encode(place.text).decode()}
    value = json.dumps({"info": info, "ranges": [lines]}).encode()
    return AnyMessage(_SOURCE, value)


def front_end_failure(status: StatusMessage) -> FrontEndFailedError:
    """What a front end returned instead of a result."""
    details = tuple((it.type_url, it.value) for it in status.details)
    places = _places(status.details)
    return FrontEndFailedError(status.message, status.code, details, places[0] if places else None)


def _places(details: Iterable[AnyMessage]) -> list[Place]:
    """Where in a file something is wrong, as far as it can be understood."""
    found = []
    for detail in details:
        if detail.type_url != _SOURCE:
            continue
        try:
            told = msgspec.json.decode(detail.value, type=_SourceTold)
        except (msgspec.DecodeError, RecursionError):
            continue
        for lines in told.ranges[:1]:
            found.append(
                Place(
                    told.info.filename, told.info.data, lines.start.line, lines.end.line or lines.start.line
                )
            )
    return found


def place_of(info: SourceInfo | None, ranges: Iterable[SourceRange]) -> Place | None:
    """Lines of a file as messages have them."""
    for lines in ranges:
        if info is not None and lines.start is not None:
            last = lines.end.line if lines.end is not None else lines.start.line
            return Place(info.filename, info.data, lines.start.line, last)
    return None

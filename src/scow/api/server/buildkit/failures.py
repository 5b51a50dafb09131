"""What failed, in gRPC's words."""

import base64
import json
import logging

from scow.api.grpc.status import AnyMessage, CallError, Code
from scow.errors import ScowError
from scow.spec.build_progress import Place
from scow.spec.frontend_build import BuildFailedError

_log = logging.getLogger(__name__)


def as_call_error(error: Exception) -> CallError:
    """What failed, in gRPC's words. An error that knows its place in a file brings that along."""
    if not isinstance(error, ScowError):
        _log.error("unexpected error in a call of BuildKit's protocol", exc_info=error)
        return CallError(Code.UNKNOWN, f"{type(error).__name__}: {error}")
    place = error.place if isinstance(error, BuildFailedError) else None
    # Clients put the name of every other code before the message.
    return CallError(Code.UNKNOWN, error.message, (_source_detail(place),) if place is not None else ())


def _source_detail(place: Place) -> AnyMessage:
    """BuildKit's errdefs.Source, which its clients show with the lines around it."""
    lines = {"start": {"line": place.first_line}, "end": {"line": place.last_line}}
    info = {"filename": place.file_name, "data": base64.b64encode(place.text).decode()}
    value = json.dumps({"info": info, "ranges": [lines]}).encode()
    return AnyMessage("github.com/moby/buildkit/errdefs.Source+json", value)

"""What records of builds keep as blobs, in the forms in which BuildKit has it.

application/vnd.buildkit.status.v0     messages of progress, each behind its length: four bytes, lowest first
…google.rpc.status+proto               why a build failed, with the place in the Dockerfile and the step
"""

import asyncio
import json
import struct
from collections.abc import Iterator, Sequence

from scow.api.grpc.buildkit.progress import StatusResponse
from scow.api.grpc.status import AnyMessage, CallError, Code
from scow.api.server.buildkit.failures import as_call_error
from scow.api.server.buildkit.status import status_response
from scow.errors import ScowError, told_of
from scow.spec.build_progress import BuildProgress

_LENGTH = struct.Struct("<I")
_BATCH = 200
_STACK = "github.com/moby/buildkit/stack.Stack+json"


class BuildkitForms:
    """See ``scow.build.history.recording.HistoryForms``."""

    def status(self, told: Sequence[BuildProgress]) -> bytes:
        written = bytearray()
        for start in range(0, len(told), _BATCH):
            message = status_response(list(told[start : start + _BATCH])).encode()
            written += _LENGTH.pack(len(message)) + message
        return bytes(written)

    def failure(self, error: BaseException, step: str) -> tuple[int, str, bytes]:
        found = _call_error(error)
        # A stack is of the client's program and has its command line in it, passwords and all.
        details = tuple(it for it in found.details if it.type_url != _STACK)
        if step:
            value = json.dumps({"digest": step}).encode()
            details = (AnyMessage("github.com/moby/buildkit/errdefs.Vertex+json", value), *details)
        whole = CallError(found.code, found.message, details)
        return int(whole.code), whole.message, whole.status().encode()


def messages_of(data: bytes) -> Iterator[StatusResponse]:
    """What ``status`` wrote. Raises CallError for what is cut off."""
    position = 0
    while position < len(data):
        (size,) = _LENGTH.unpack_from(data, position)
        position += _LENGTH.size
        if position + size > len(data):
            raise CallError(Code.DATA_LOSS, "the log of the build is cut off")
        yield StatusResponse.decode(data[position : position + size])
        position += size


def _call_error(error: BaseException) -> CallError:
    if isinstance(error, CallError):
        return error
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return CallError(Code.CANCELLED, "context canceled")
    if isinstance(error, ScowError):
        return as_call_error(error)
    return CallError(Code.UNKNOWN, told_of(error))

"""OCI layouts in folders of a client: it lends them as containerd's content stores, by names of its own."""

from collections.abc import AsyncIterator, Iterator

from scow.api.grpc.buildkit.content import READ_CONTENT, ContentPiece, ReadContent
from scow.api.grpc.client import OutgoingCall
from scow.api.grpc.status import CallError, Code
from scow.api.server.buildkit.session_messages import (
    WRITE_CONTENT,
    ContentWritten,
    WriteAction,
    WriteContent,
)
from scow.api.server.buildkit.sessions import Session
from scow.errors import NotFoundError, ScowError
from scow.spec.frontend_build import SentBlob
from scow.tasks import run_blocking

_STORE = "buildkit-attachable-store-id"


async def read_content(session: Session, store: str, digest: str) -> AsyncIterator[bytes]:
    """A blob. Raises NotFoundError, ScowError."""
    call = session.channel.call(READ_CONTENT, {_STORE: store})
    try:
        await call.send(ReadContent(digest))
        call.end()
        while (piece := await call.receive(ContentPiece)) is not None:
            yield piece.data
    except CallError as exc:
        kind = NotFoundError if exc.code == Code.NOT_FOUND else ScowError
        raise kind(f"{store}: {digest}: {exc.message}") from exc
    finally:
        call.cancel()


async def write_content(session: Session, folder: str, blob: SentBlob) -> None:
    """A blob, if it is not there already. Raises ScowError."""
    call = session.channel.call(WRITE_CONTENT, {_STORE: f"local:{folder}"})
    try:
        await _written(call, blob)
        call.end()
    except CallError as exc:
        if exc.code != Code.ALREADY_EXISTS:
            raise ScowError(f"{folder}: {blob.digest}: {exc.message}") from exc
    finally:
        call.cancel()


async def _written(call: OutgoingCall, blob: SentBlob) -> None:
    """Every step is answered; an error is one, too."""
    begin = WriteContent(WriteAction.STAT, f"scow-{blob.digest}", blob.size, blob.digest)
    offset = await _asked(call, begin)
    skip = offset
    pieces: Iterator[bytes] = await run_blocking(blob.read)
    while (piece := await run_blocking(next, pieces, None)) is not None:
        fresh = piece[skip:]
        skip = max(0, skip - len(piece))
        if fresh:
            offset = await _asked(call, WriteContent(WriteAction.WRITE, offset=offset, data=fresh))
    await _asked(
        call, WriteContent(WriteAction.COMMIT, total=blob.size, expected=blob.digest, offset=blob.size)
    )


async def _asked(call: OutgoingCall, message: WriteContent) -> int:
    """How far the client is after a step."""
    await call.send(message)
    answer = await call.receive(ContentWritten)
    if answer is None:
        raise CallError(Code.UNAVAILABLE, "the client ended the transfer")
    return answer.offset

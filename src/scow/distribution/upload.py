"""One blob into a repository, whatever happens on the way. Blocks.

The blob is sent in one stream while it is being made, so its digest is known only at its end. When the line
breaks, the registry is asked how much it has and the stream goes on from there; one that cannot say is sent
all of it again. ``read`` must give the same bytes every time: the registry checks the digest in the end.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from scow.distribution.cancellation import Cancellation
from scow.distribution.repository import Repository
from scow.errors import NotFoundError, ScowError, UnavailableError
from scow.spec.bulk_digest import bulk_sha256

_ATTEMPTS_WITHOUT_PROGRESS = 5
_FIRST_BACKOFF_S = 0.25


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A blob that the registry has now."""

    digest: str
    size: int


class Upload:
    """``read`` gives the blob's bytes from the beginning, each time it is called."""

    def __init__(
        self, repository: Repository, read: Callable[[], Iterable[bytes]], cancellation: Cancellation
    ) -> None:
        self._repository = repository
        self._read = read
        self._cancellation = cancellation
        self._place = ""
        self._offset = 0
        self._hash = bulk_sha256()
        self._size = 0

    def run(self) -> Uploaded:
        """Send it. Raises UnavailableError, ScowError, Cancelled, and what ``read`` raises."""
        try:
            self._send()
        except BaseException:
            if self._place:
                self._repository.abandon_upload(self._place)
            raise
        return Uploaded(self._digest, self._size)

    def _send(self) -> None:
        failures = 0
        while True:
            before = self._offset
            try:
                if not self._place:
                    self._place = self._repository.begin_upload(self._cancellation)
                self._place = self._repository.send_upload(self._place, self._pieces, self._cancellation)
                self._finish()
            except UnavailableError:
                self._cancellation.check()
                self._find_out_where()
                failures = 0 if self._offset > before else failures + 1
                if failures == _ATTEMPTS_WITHOUT_PROGRESS:
                    raise
                self._cancellation.sleep(_FIRST_BACKOFF_S * 2**failures)
            else:
                return

    def _finish(self) -> None:
        try:
            self._repository.finish_upload(self._place, self._digest)
        except NotFoundError:
            # Asked twice, because the first answer got lost.
            if self._repository.blob_size(self._digest) is None:
                raise

    def _find_out_where(self) -> None:
        """How much the registry has; one that does not know begins anew."""
        try:
            place, have = self._repository.upload_status(self._place) if self._place else ("", 0)
        except ScowError:
            place, have = "", 0
        if self._place and not have:
            self._repository.abandon_upload(self._place)
        self._place, self._offset = (place, have) if have else ("", 0)

    def _pieces(self) -> Iterator[bytes]:
        """All of it is made and digested; what the registry has is not sent."""
        self._hash, self._size = bulk_sha256(), 0
        for piece in self._read():
            self._cancellation.check()
            self._hash.update(piece)
            begin = max(0, self._offset - self._size)
            self._size += len(piece)
            if begin < len(piece):
                yield piece[begin:] if begin else piece

    @property
    def _digest(self) -> str:
        return "sha256:" + self._hash.hexdigest()

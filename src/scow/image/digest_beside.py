"""The sha256 of a stream, taken on another thread while its next piece is made."""

from concurrent.futures import Future, ThreadPoolExecutor

from scow.spec.bulk_digest import bulk_sha256


class DigestBeside:
    """Used by one thread, in a ``with`` block. A stream of one piece needs no other thread."""

    def __init__(self) -> None:
        self._digest = bulk_sha256()
        self._first: bytes | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._before: Future[None] | None = None

    def __enter__(self) -> "DigestBeside":
        return self

    def __exit__(self, *exc: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def update(self, piece: bytes) -> None:
        """The next piece. Waits for the one before it, so that there are never more than two."""
        if self._first is None and self._pool is None:
            self._first = piece
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="digest")
        self._settle()
        self._before = self._pool.submit(self._digest.update, piece)

    def hexdigest(self) -> str:
        """Of everything."""
        self._settle()
        return self._digest.hexdigest()

    def _settle(self) -> None:
        if self._first is not None:
            self._digest.update(self._first)
            self._first = None
        if self._before is not None:
            self._before.result()
            self._before = None

"""What a front end prints on its standard error: told to who builds, beside the graph, and logged."""

import logging
from types import TracebackType
from typing import Self

from scow.build.frontend.told import Internal, Telling

_log = logging.getLogger(__name__)
_MAX_LOGGED = 4096


class Said:
    """Of one front end, for as long as the block goes on; nothing is told of one that says nothing."""

    def __init__(self, telling: Telling, image: str) -> None:
        self._telling = telling
        self._image = image
        self._told: Internal | None = None

    def more(self, data: bytes) -> None:
        """The next bytes of it."""
        text = data.decode(errors="replace")
        if self._told is None:
            self._told = self._telling.begin(f"[internal] front end {self._image}")
        self._told.output(text)
        _log.info("front end %s: %s", self._image, text[:_MAX_LOGGED].rstrip())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._told is not None:
            self._told.end()

"""What ``cp`` says while it copies, on a terminal, and when it is done."""

import time

from scow.cli.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scow.cli.output import Output

_EVERY_S = 0.075
_SAVE, _RESTORE, _HIDE, _SHOW = "\x1b[s", "\x1b[u", "\x1b[?25l", "\x1b[?25h"
_ERASE_LINE, _ERASE_REST = "\x1b[2K", "\x1b[0K"


class CopyProgress:
    """Counts the archive's bytes; with ``quiet`` it says nothing."""

    def __init__(self, err: "Output", heading: str, *, quiet: bool) -> None:
        self._err = err
        self._heading = heading
        self._quiet = quiet
        self._live = not quiet and err.is_terminal()
        self._shown_at = 0.0
        self._total_bytes = 0

    def counted(self, blocks: "Iterable[bytes]") -> "Iterator[bytes]":
        """``blocks``, each counted as it passes."""
        for block in blocks:
            self._total_bytes += len(block)
            if self._live and time.monotonic() - self._shown_at >= _EVERY_S:
                self._shown_at = time.monotonic()
                self._err.write(f"\x1b[{len(self._heading) + 1}G{_ERASE_REST}{self._size()}")
            yield block

    def __enter__(self) -> "CopyProgress":
        if self._live:
            self._err.write(f"{_SAVE}{_HIDE}{_ERASE_LINE}{self._heading}{self._size()}")
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Take the line away again, also when the copy failed."""
        if self._live:
            self._err.write(f"{_SHOW}{_RESTORE}{_ERASE_LINE}")

    def report(self, destination: str) -> None:
        """The last line."""
        if not self._quiet:
            self._err.line("Successfully copied", self._size(), "to", destination)

    def _size(self) -> str:
        return human_size(self._total_bytes, 3)

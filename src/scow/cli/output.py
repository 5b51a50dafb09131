"""Standard output and error: unbuffered, always UTF-8, one write(2) for what a command has to say."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Buffer: TypeAlias = bytes | memoryview


class Output:
    """A file descriptor to write to; one that nobody reads any more raises BrokenPipeError."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def line(self, *words: object) -> None:
        """``words`` with a space between them and a newline."""
        self.write(" ".join(map(str, words)) + "\n")

    def write(self, text: str) -> None:
        self.write_bytes(text.encode("utf-8", "surrogateescape"))

    def write_bytes(self, data: "Buffer") -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.fd, view) :]
            except BlockingIOError:
                self._wait()

    def is_terminal(self) -> bool:
        return os.isatty(self.fd)

    def _wait(self) -> None:
        """Somebody set the shared descriptor non-blocking: wait until it takes more."""
        import select

        poller = select.poll()
        poller.register(self.fd, select.POLLOUT)
        poller.poll()

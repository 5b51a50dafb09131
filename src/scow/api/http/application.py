"""What a server serves, and what its connections have in common."""

from collections.abc import Callable
from typing import Protocol

from scow.api.http.answer import Answer, DateLine, Full
from scow.api.http.hangups import HangupWatcher
from scow.api.http.head import RefusedError
from scow.api.http.request import Request
from scow.tasks import TaskOwner


class App(Protocol):
    """What answers requests. ``headers`` go with every answer, refusals included.

    Called once a request; raises nothing but cancellation. ``refuse`` words an error that HTTP itself found.
    """

    @property
    def headers(self) -> dict[str, str]: ...

    async def __call__(self, request: Request) -> Answer: ...

    def refuse(self, error: RefusedError) -> Full: ...


class Endable(Protocol):
    """A connection, as the server that stops sees it."""

    def stop(self) -> None:
        """End now if idle or endless, otherwise after the answer in progress."""

    def abort(self) -> None:
        """End now, whatever is going on."""


class Shared:
    """The application, the tasks of its handlers, and the count of requests in progress.

    ``on_activity`` hears True when the first request begins and False when the last one ends.
    """

    def __init__(self, app: App, tasks: TaskOwner, on_activity: Callable[[bool], None]) -> None:
        self.app = app
        self.tasks = tasks
        self.hangups = HangupWatcher()
        self.connections: set[Endable] = set()
        self.stopping = False
        self._app_lines = "".join(f"{name}: {value}\r\n" for name, value in app.headers.items())
        self._date_line = DateLine()
        self._on_activity = on_activity
        self._in_progress = 0

    @property
    def in_progress(self) -> int:
        """Requests being handled, hijacked connections included."""
        return self._in_progress

    def head_lines(self) -> str:
        """The header lines of every answer."""
        return self._app_lines + self._date_line()

    def begin(self) -> None:
        self._in_progress += 1
        if self._in_progress == 1:
            self._on_activity(True)

    def end(self) -> None:
        self._in_progress -= 1
        if self._in_progress == 0:
            self._on_activity(False)

"""Following the statistics of containers, a thread and a connection each."""

import threading
import time

from scow.api.client.client import object_path
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.invocation import Invocation
    from scow.cli.stats_figures import Sample

_SILENCE_S = 2.0
"""After which a container that sends nothing is shown without figures."""
_ID_CHARS = 12


class Subject:
    """One container: the last sample, when it came, and what went wrong."""

    def __init__(self, container: str, *, stream: bool) -> None:
        self.container = container
        self._stream = stream
        self.sample: Sample | None = None
        self.error: ScowError | None = None
        self._came = 0.0
        self._began = time.monotonic()
        self._first = threading.Event()

    @property
    def valid(self) -> bool:
        """Whether the figures of ``sample`` are of now."""
        fresh = not self._stream or time.monotonic() - self._came < _SILENCE_S
        return self.sample is not None and self.error is None and fresh

    def received(self, sample: "Sample") -> None:
        self.sample, self._came = sample, time.monotonic()
        self._first.set()

    def failed(self, error: ScowError | None) -> None:
        """No more will come; ``error`` None is a plain end."""
        self.error = error
        self._came = 0.0
        self._first.set()

    def wait_first(self) -> None:
        """Return when there is something to show; of a stream after two seconds at the latest."""
        passed = time.monotonic() - self._began
        self._first.wait(max(0.0, _SILENCE_S - passed) if self._stream else None)


class Collection:
    """The containers that are shown, in the order they were added."""

    def __init__(self, invocation: "Invocation", *, stream: bool) -> None:
        assert invocation.client.version  # negotiated here once, for all threads
        self._invocation = invocation
        self._stream = stream
        self._lock = threading.Lock()
        self._subjects: dict[str, Subject] = {}
        self.lost: ScowError | OSError | None = None
        """Why the engine's events ended, by which containers are added and removed."""

    def subjects(self) -> list[Subject]:
        with self._lock:
            return list(self._subjects.values())

    def add(self, container: str) -> None:
        """Begin to follow a container, if that is not so already."""
        with self._lock:
            if container in self._subjects:
                return
            subject = self._subjects[container] = Subject(container, stream=self._stream)
        _start(self._follow, subject)

    def remove(self, container: str) -> None:
        with self._lock:
            self._subjects.pop(container, None)

    def wait_first(self) -> None:
        """Until every container has something to show."""
        for subject in self.subjects():
            subject.wait_first()

    def watch(self, *, stopped_too: bool) -> None:
        """Add the containers there are and keep up with those that start and end."""
        from scow.cli.listing import filter_query

        events = self._invocation.new_client().request(
            "GET", "/events", filter_query({"type": ["container"]})
        )
        _start(self._follow_events, events.values(), stopped_too)
        query = [("all", "1")] if stopped_too else []
        for summary in self._invocation.client.get("/containers/json", query) or ():
            self.add(summary["Id"][:_ID_CHARS])

    def _follow(self, subject: Subject) -> None:
        client = self._invocation.new_client()
        query = [("stream", "1" if self._stream else "0")]
        try:
            path = object_path("container", subject.container, "stats")
            with client.request("GET", path, query) as response:
                for sample in response.values():
                    subject.received(sample)
                    if not self._stream:
                        return
            subject.failed(None)
        except ScowError as exc:
            subject.failed(exc)
        except (OSError, ValueError) as exc:
            subject.failed(ScowError(str(exc)))
        finally:
            client.close()

    def _follow_events(self, events: "Any", stopped_too: bool) -> None:
        try:
            for event in events:
                container = event["Actor"]["ID"][:_ID_CHARS]
                if event["Action"] == "start" or (stopped_too and event["Action"] == "create"):
                    self.add(container)
                elif event["Action"] == "die" and not stopped_too:
                    self.remove(container)
            self.lost = ScowError("EOF")
        except (ScowError, OSError, ValueError) as exc:
            self.lost = exc if isinstance(exc, ScowError) else ScowError(str(exc))


def _start(target: "Any", *arguments: object) -> None:
    threading.Thread(target=target, args=arguments, daemon=True).start()

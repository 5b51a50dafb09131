"""attach, logs and resize."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

from scow.engine.attachment import Attachment, Detaching, ProcessStreams
from scow.engine.containers.events import container_event
from scow.engine.containers.launch import Launcher
from scow.engine.containers.model import Live
from scow.engine.containers.registry import Containers
from scow.engine.containers.states import Status
from scow.engine.containers.waits import NOT_RUNNING, Waits
from scow.engine.detach_keys import DetachScanner, parse_detach_keys
from scow.engine.events import EventBus
from scow.engine.timestamps import parse_query_time
from scow.errors import ConflictError, InvalidArgumentError
from scow.logs.reader import LogSelection, read_logs
from scow.spec.stream_options import AttachOptions, LogQuery


@dataclass(slots=True)
class LogStream:
    """The answer of logs: bytes ready to send."""

    multiplexed: bool
    chunks: AsyncIterator[bytes]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.chunks


class Streams:
    """A container's output and input."""

    def __init__(self, containers: Containers, launcher: Launcher, waits: Waits, events: EventBus) -> None:
        self._containers = containers
        self._launcher = launcher
        self._waits = waits
        self._events = events

    async def attach(self, ref: str, options: AttachOptions) -> Attachment:
        """Join a client to a container, before its start or while it runs.

        Raises NotFoundError, ConflictError, InvalidArgumentError.
        """
        live = self._containers.get(ref)
        self._check_attachable(live)
        keys = parse_detach_keys(options.detach_keys)
        tty = live.doc.config.tty
        framed = options.framed and not tty
        stdin = options.stdin and live.doc.config.open_stdin
        once = stdin and live.doc.config.stdin_once
        process = None
        if options.stream:
            sock = await self._launcher.attach(
                live.doc.id, stdin=stdin, stdout=options.stdout, stderr=options.stderr, framed=framed
            )
            end_input = partial(self._launcher.end_input, live.doc.id) if once else None
            process = ProcessStreams(sock, stdin, end_input)
            container_event(self._events, live.doc, "attach")
        detaching = None
        if tty and stdin:
            detaching = Detaching(
                DetachScanner(keys), lambda: container_event(self._events, live.doc, "detach")
            )
        replay = None
        if options.logs:
            query = LogQuery(stdout=options.stdout, stderr=options.stderr, tail="all")
            replay = self._read(live, query, framed=framed)
        return Attachment(
            multiplexed=framed,
            process=process,
            detaching=detaching,
            replay=replay,
            relays=live.relays,
        )

    @staticmethod
    def _check_attachable(live: Live) -> None:
        match live.doc.state.status:
            case Status.PAUSED:
                raise ConflictError(f"container {live.doc.id} is paused, unpause the container before attach")
            case Status.RESTARTING:
                raise ConflictError(
                    f"container {live.doc.id} is restarting, wait until the container is running"
                )

    async def logs(self, ref: str, query: LogQuery) -> LogStream:
        """What a container has written. Raises NotFoundError, InvalidArgumentError, UnsupportedError."""
        live = self._containers.get(ref)
        if not (query.stdout or query.stderr):
            raise InvalidArgumentError("Bad parameters: you must choose at least one stream")
        framed = not live.doc.config.tty
        return LogStream(framed, self._read(live, query, framed=framed))

    def _read(self, live: Live, query: LogQuery, *, framed: bool) -> AsyncIterator[bytes]:
        selection = LogSelection(
            stdout=query.stdout,
            stderr=query.stderr,
            since_ns=parse_query_time(query.since),
            until_ns=parse_query_time(query.until),
            timestamps=query.timestamps,
            details=query.details,
            follow=query.follow,
            tail=_tail(query.tail),
        )
        return read_logs(
            live.doc.host.log_config,
            live.doc.log_path,
            selection,
            framed=framed,
            ended=lambda: self._waits.wait(live.doc, NOT_RUNNING),
        )

    async def resize(self, ref: str, height: int, width: int) -> None:
        """Set the window size of a running container's terminal. Raises NotFoundError, ConflictError."""
        live = self._containers.get(ref)
        if not live.doc.alive:
            raise ConflictError(f"container {live.doc.id} is not running")
        await self._launcher.resize(live.doc.id, height, width)


def _tail(text: str) -> int | None:
    """A number of lines; None for all, which is also what nonsense means to Docker."""
    try:
        lines = int(text)
    except ValueError:
        return None
    return lines if lines >= 0 else None

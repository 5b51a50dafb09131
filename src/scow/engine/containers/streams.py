"""attach, logs and resize."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from scow.engine.attachment import Attachment
from scow.engine.containers.events import container_event
from scow.engine.containers.launch import Launcher
from scow.engine.containers.model import Live
from scow.engine.containers.registry import Containers
from scow.engine.containers.states import Status
from scow.engine.detach_keys import DetachScanner, parse_detach_keys
from scow.engine.events import EventBus
from scow.engine.timestamps import parse_query_time
from scow.errors import ConflictError, InvalidArgumentError
from scow.logs.query import LogQuery
from scow.logs.reader import read_logs


@dataclass(frozen=True, slots=True)
class LogStream:
    """The answer of logs: bytes ready to send."""

    multiplexed: bool
    chunks: AsyncIterator[bytes]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.chunks


class Streams:
    """A container's output and input."""

    def __init__(self, containers: Containers, launcher: Launcher, events: EventBus) -> None:
        self._containers = containers
        self._launcher = launcher
        self._events = events

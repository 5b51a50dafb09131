"""What a container's log options ask for: the file that scow-shim writes, and whom its lines are sent to."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from scow.engine.containers.model import Container, Live
from scow.errors import InvalidArgumentError, ScowError
from scow.logs.attributes import LogSource
from scow.logs.drivers import log_spec
from scow.logs.remote.destination import Destination
from scow.logs.remote.drivers import REMOTE_DRIVERS, remote_driver
from scow.logs.remote.records import origin_of
from scow.logs.spec import LogSpec
from scow.tasks import TaskOwner

_BOOKMARK = "forwarded.json"


def container_log(doc: Container) -> LogSpec | None:
    """Where and how the output is logged. Raises ScowError with Docker's words for a bad option."""
    try:
        return log_spec(doc.host.log_config, doc.log_path, _source(doc))
    except InvalidArgumentError as exc:
        raise _not_initialized(exc.message) from exc


def _source(doc: Container) -> LogSource:
    return LogSource(
        container_id=doc.id,
        name=f"/{doc.name}",
        image_id=doc.image_id,
        image_name=doc.config.image,
        labels=doc.config.labels or {},
        env=tuple(doc.config.env or ()),
        entrypoint=doc.path,
        args=tuple(doc.args),
        created=doc.created,
    )


def _not_initialized(reason: object) -> ScowError:
    return ScowError(f"failed to create task for container: failed to initialize logging driver: {reason}")


@dataclass(frozen=True, slots=True)
class _Following:
    """``ended`` is done when the container has ended, so that its log is complete."""

    task: asyncio.Task[None]
    ended: asyncio.Future[None]


class LogForwarding:
    """Runs a forwarder for each container whose driver sends its lines elsewhere."""

    def __init__(self, root: Path, tasks: TaskOwner) -> None:
        """``root``: the folder of the containers' folders."""
        self._root = root
        self._tasks = tasks
        self._followings: dict[str, _Following] = {}

    async def check(self, doc: Container) -> None:
        """Raises ScowError, with Docker's words, if the container must not start without its destination."""
        config = doc.host.log_config
        if config.type not in REMOTE_DRIVERS or remote_driver(config.type).starts_without(config.config):
            return
        destination = _destination(doc)
        try:
            await destination.open()
        except OSError as exc:
            raise _not_initialized(exc) from exc
        finally:
            destination.close()

    def update(self, live: Live) -> None:
        """Begin to send, or send the rest, as the container's status wants it."""
        doc = live.doc
        if doc.host.log_config.type not in REMOTE_DRIVERS:
            return
        following = self._followings.get(doc.id)
        if doc.alive:
            if following is None or following.ended.done():
                self._follow(doc, following)
        elif following is None:
            # Of an earlier daemon's time: what it has not sent.
            self._follow(doc, None).ended.set_result(None)
        elif not following.ended.done():
            following.ended.set_result(None)

    def _follow(self, doc: Container, before: _Following | None) -> _Following:
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = self._tasks.start(self._forward(doc, before, ended), name=f"log of {doc.id[:12]}")
        following = self._followings[doc.id] = _Following(task, ended)
        return following

    async def _forward(self, doc: Container, before: _Following | None, ended: asyncio.Future[None]) -> None:
        if before is not None:
            await asyncio.wait({before.task})
        from scow.logs.remote.forwarder import Forwarder  # most logs stay here

        forwarder = Forwarder(doc.log_path, self._root / doc.id / _BOOKMARK, _destination(doc))
        await forwarder.run(ended)

    async def finish(self, ident: str) -> None:
        """Wait until the log of a container that goes has been sent, or has been given up."""
        following = self._followings.pop(ident, None)
        if following is not None:
            if not following.ended.done():
                following.ended.set_result(None)
            await asyncio.wait({following.task})


def _destination(doc: Container) -> Destination:
    """Raises ScowError for an option that is wrong by now: a file that has gone."""
    config = doc.host.log_config
    try:
        origin = origin_of(config.config, _source(doc))
        return remote_driver(config.type).make(config.config, origin)
    except InvalidArgumentError as exc:
        raise _not_initialized(exc.message) from exc

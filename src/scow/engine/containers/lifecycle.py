"""start, stop, restart, kill, pause, unpause, wait: what people do to a running container."""

import asyncio
import logging
import signal
from collections.abc import Awaitable

import msgspec

from scow.engine.containers import health
from scow.engine.containers.events import container_event
from scow.engine.containers.launch import Launcher
from scow.engine.containers.model import Live
from scow.engine.containers.mounts.sources import check_bind_source
from scow.engine.containers.registry import Containers
from scow.engine.containers.removal import Removal
from scow.engine.containers.states import Action, Status
from scow.engine.containers.waits import NEXT_EXIT, Waits
from scow.engine.events import EventBus
from scow.errors import ConflictError, InvalidArgumentError, NotFoundError, NotModified, ScowError
from scow.spec.engine_api.container_views import WaitResult
from scow.spec.signals import parse_signal

_log = logging.getLogger(__name__)

# After SIGKILL only an uninterruptible sleep in the kernel keeps a process: Docker waits as long.
KILL_TIMEOUT_S = 10.0


class Lifecycle:
    """Moves containers through their states at a person's word."""

    def __init__(
        self,
        containers: Containers,
        launcher: Launcher,
        removal: Removal,
        waits: Waits,
        events: EventBus,
        stop_timeout_s: int,
    ) -> None:
        """``stop_timeout_s``: how long a container may take to stop that says nothing else."""
        self._containers = containers
        self._launcher = launcher
        self._removal = removal
        self._waits = waits
        self._events = events
        self._stop_timeout_s = stop_timeout_s

    async def start(self, ref: str) -> None:
        """Start a container. Raises NotModified if it runs, ConflictError, or why it failed."""
        live = self._containers.get(ref)
        async with live.lock:
            self._check_startable(live)
            for record in live.doc.mounts:
                check_bind_source(record)
            await self._start(live)

    async def _start(self, live: Live) -> None:
        live.doc.manually_stopped = False
        live.doc.restart_count = 0
        live.restart_delay_s = 0.0
        try:
            await self._launcher.start(live)
        except ScowError:
            if live.doc.host.auto_remove:
                await self._removal.discard(live)
                self._removal.tell(live)
                await self._removal.clear(live)
            raise  # who waits for the next end goes on waiting, as with Docker: this was none

    def _check_startable(self, live: Live) -> None:
        if live.doc.id not in self._containers:
            raise NotFoundError(f"No such container: {live.doc.id}")
        match live.doc.state.status:
            case Status.PAUSED:
                raise ConflictError("cannot start a paused container, try unpause instead")
            case Status.RUNNING | Status.RESTARTING:
                raise NotModified("container is already running")
            case Status.REMOVING | Status.DEAD:
                raise ConflictError("container is marked for removal and cannot be started")
        if live.being_removed:
            raise ConflictError("container is marked for removal and cannot be started")

    @staticmethod
    def _cancel_restart(live: Live) -> None:
        if live.restart_timer is not None:
            live.restart_timer.cancel()
            live.restart_timer = None

    async def stop(self, ref: str, *, timeout_s: int | None, signal: str | None) -> None:
        """Ask a container to end, and kill it when ``timeout_s`` is over (negative: never).

        Raises NotModified if it does not run.
        """
        live = self._containers.get(ref)
        try:
            await self._stop(live, timeout_s=timeout_s, stop_signal=signal)
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(f"cannot stop container: {ref}: {exc.message}") from exc
        container_event(self._events, live.doc, "stop")

    async def _stop(self, live: Live, *, timeout_s: int | None, stop_signal: str | None) -> None:
        number = self._stop_signal(live, stop_signal)
        async with live.lock:
            if live.doc.state.status is Status.RESTARTING:
                await self._give_up_restart(live)
                return
            if not live.doc.alive:
                raise NotModified("container is already stopped")
            # Known before the signal: an exit that follows at once must not be taken for one to restart.
            await self._remember_stop(live)
            ended = self._waits.wait(live.doc, NEXT_EXIT)
            await self._signal(live, number)
        await self._await_end(live, ended, self._stop_timeout(live, timeout_s))

    async def _await_end(self, live: Live, ended: "asyncio.Future[WaitResult]", timeout_s: int) -> None:
        try:
            await asyncio.wait_for(asyncio.shield(ended), None if timeout_s < 0 else timeout_s)
        except TimeoutError:
            async with live.lock:
                if live.doc.alive:
                    await self._signal(live, signal.SIGKILL)
            await self._await_kill(live, ended)

    async def _await_kill(self, live: Live, ended: "asyncio.Future[WaitResult]") -> None:
        try:
            await asyncio.wait_for(ended, KILL_TIMEOUT_S)
        except TimeoutError as exc:
            raise ScowError("tried to kill container, but did not receive an exit event") from exc

    async def _remember_stop(self, live: Live) -> None:
        """A full disk must not keep anybody from ending a container; only the next daemon will not know."""
        live.doc.manually_stopped = True
        try:
            await self._containers.save(live)
        except ScowError as exc:
            _log.warning("stop of %s: %s", live.doc.id, exc)

    async def _give_up_restart(self, live: Live) -> None:
        self._cancel_restart(live)
        live.doc.step(Action.GIVE_UP_RESTART)
        live.doc.manually_stopped = True
        await self._containers.save(live)
        self._waits.exited(live.doc)
        self._launcher.status_changed(live)

    @staticmethod
    def _stop_signal(live: Live, asked: str | None) -> int:
        configured = live.doc.config.stop_signal
        return parse_signal(asked or (configured if configured is not msgspec.UNSET else "") or "SIGTERM")

    def _stop_timeout(self, live: Live, asked: int | None) -> int:
        configured = live.doc.config.stop_timeout
        if asked is not None:
            return asked
        return configured if configured is not msgspec.UNSET else self._stop_timeout_s

    async def restart(self, ref: str, *, timeout_s: int | None, signal: str | None) -> None:
        """Stop a container if it runs, and start it."""
        live = self._containers.get(ref)
        live.being_restarted = True
        try:
            await self._stop(live, timeout_s=timeout_s, stop_signal=signal)
            container_event(self._events, live.doc, "stop")
        except NotModified:
            pass
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(f"Cannot restart container {ref}: {exc.message}") from exc
        finally:
            live.being_restarted = False
        async with live.lock:
            # Whoever was quicker to start it has done what was asked.
            if live.doc.state.status is not Status.RUNNING:
                self._check_startable(live)
                await self._start(live)
        container_event(self._events, live.doc, "restart")

    async def kill(self, ref: str, sig: str) -> None:
        """Send a signal to the first process; after SIGKILL, wait until it is recorded as dead.

        Raises NotFoundError, InvalidArgumentError for what is no signal, ConflictError if nothing runs.
        """
        try:
            await self._kill(ref, sig)
        except ScowError as exc:
            exc.message = f"cannot kill container: {ref}: {exc.message}"
            raise

    async def _kill(self, ref: str, sig: str) -> None:
        live = self._containers.get(ref)
        number = parse_signal(sig) if sig else int(signal.SIGKILL)
        async with live.lock:
            if live.doc.state.status is Status.RESTARTING:
                await self._give_up_restart(live)
                return
            if not live.doc.alive:
                raise ConflictError(f"container {live.doc.id} is not running")
            if self._is_to_end(live, number):
                await self._remember_stop(live)
            ended = self._waits.wait(live.doc, NEXT_EXIT)
            await self._signal(live, number)
        if number == signal.SIGKILL:
            await self._await_kill(live, ended)

    async def _signal(self, live: Live, number: int) -> None:
        """Send ``number``; a frozen process is thawed for signals that are to end it."""
        self._launcher.send_signal(live, number)
        live.being_killed = live.being_killed or number == signal.SIGKILL
        container_event(self._events, live.doc, "kill", signal=str(number))
        if live.doc.state.status is Status.PAUSED and self._is_to_end(live, number):
            await self._unpause(live)

    def _is_to_end(self, live: Live, number: int) -> bool:
        """Whether Docker takes a signal for the wish to end a container.

        With a stop signal of its own, that one and SIGKILL; without, every signal.
        """
        configured = live.doc.config.stop_signal
        if number == signal.SIGKILL or configured is msgspec.UNSET or not configured:
            return True
        return number == parse_signal(configured)

    async def pause(self, ref: str, *, for_commit: bool = False) -> None:
        """Freeze all processes; ``for_commit``: should we be killed, the next engine thaws them."""
        live = self._containers.get(ref)
        async with live.lock:
            doc = live.doc
            if doc.state.status is Status.RESTARTING:
                raise ConflictError(f"Container {doc.id} is restarting, wait until the container is running")
            if not doc.alive or live.being_killed:
                raise ConflictError(f"container {doc.id} is not running")
            if doc.state.status is Status.PAUSED:
                raise ConflictError(f"container {doc.id} is already paused")
            if doc.paused_for_commit != for_commit:
                doc.paused_for_commit = for_commit
                await self._containers.save(live)
            try:
                await self._launcher.pause(live)
            except ScowError as exc:
                if doc.has_ended:
                    raise ConflictError(f"container {doc.id} is not running") from exc
                raise ScowError(f"cannot pause container {doc.id}: {exc.message}") from exc
            doc.step(Action.PAUSE)
            health.suspended(doc.state.health)
            await self._containers.save(live)
            container_event(self._events, doc, "pause")
            self._launcher.status_changed(live)

    async def unpause(self, ref: str) -> None:
        """Thaw a paused container."""
        live = self._containers.get(ref)
        async with live.lock:
            if live.doc.state.status is not Status.PAUSED:
                raise ScowError(f"Container {live.doc.id} is not paused")
            if not await self._unpause(live):
                raise ConflictError(f"container {live.doc.id} is not running")

    async def _unpause(self, live: Live) -> bool:
        """Thaw; whether there was still something to thaw."""
        try:
            await self._launcher.unpause(live)
        except ScowError as exc:
            if live.doc.has_ended:
                return False
            raise ScowError(f"Cannot unpause container {live.doc.id}: {exc.message}") from exc
        live.doc.step(Action.UNPAUSE)
        live.doc.paused_for_commit = False
        await self._containers.save(live)
        container_event(self._events, live.doc, "unpause")
        self._launcher.status_changed(live)
        return True

    def wait(self, ref: str, condition: str) -> Awaitable[WaitResult]:
        """The container's end as an awaitable. Raises NotFoundError and InvalidArgumentError at once."""
        return self._waits.wait(self._containers.get(ref).doc, condition)

    async def remove(self, ref: str, *, force: bool, volumes: bool, link: bool) -> None:
        """Remove a container; with ``force`` kill it first. Raises NotFoundError, ConflictError."""
        live = self._containers.get(ref)
        if live.being_removed:
            raise ConflictError(f"removal of container {ref} is already in progress")
        if link:
            await self._remove_link(ref)
            return
        live.being_removed = True
        try:
            await self._remove(live, force=force, volumes=volumes)
        except ScowError as exc:
            exc.message = f'cannot remove container "{ref}": {exc.message}'
            raise
        finally:
            live.being_removed = False

    async def _remove_link(self, ref: str) -> None:
        """Take away ``parent/alias``, and leave both containers."""
        found = self._containers.link_of(ref)
        if found is None:
            raise ScowError("Conflict, cannot remove the default link name of the container")
        parent, alias = found
        async with parent.lock:
            parent.doc.links.pop(alias, None)
            await self._containers.save(parent)

    async def _remove(self, live: Live, *, force: bool, volumes: bool) -> None:
        async with live.lock:
            if live.doc.state.status is Status.RESTARTING and force:
                await self._give_up_restart(live)
            ended = await self._kill_for_removal(live) if force and live.doc.alive else None
            if ended is None:
                await self._removal.remove_stopped(live, volumes=volumes)
                return
        await self._await_kill(live, ended)
        async with live.lock:
            # One that removes itself at its end has done so.
            if live.doc.id in self._containers:
                await self._removal.remove_stopped(live, volumes=volumes)

    async def _kill_for_removal(self, live: Live) -> "asyncio.Future[WaitResult]":
        live.doc.manually_stopped = True
        ended = self._waits.wait(live.doc, NEXT_EXIT)
        await self._signal(live, signal.SIGKILL)
        return ended

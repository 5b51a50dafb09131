"""``POST /containers/{id}/update``: other limits and another restart policy, live where a container runs.

The document comes first, marked; then the runtime; then the mark goes. A kill in between leaves the mark, and
start-up gives the limits to the runtime again. What the runtime refuses is taken back from the document.
"""

import msgspec

from scow.engine.containers.events import container_event
from scow.engine.containers.launch import Launcher
from scow.engine.containers.model import Live
from scow.engine.containers.registry import Containers
from scow.engine.containers.states import Status
from scow.engine.events import EventBus
from scow.errors import ConflictError, NotFoundError, ScowError
from scow.runtime.host_facts import HostFacts
from scow.runtime.validate import check_restart_policy
from scow.runtime.validate_resources import validate_resources
from scow.spec.engine_api.container import ContainerUpdate, HostConfig, Resources
from scow.spec.engine_api.container_views import ContainerUpdated

# The limits that can be changed; whatever a request leaves empty stays as it is.
_CHANGEABLE = (
    "blkio_weight", "blkio_weight_device", "blkio_device_read_bps", "blkio_device_write_bps",
    "blkio_device_read_i_ops", "blkio_device_write_i_ops", "cpu_shares", "nano_cpus", "cpu_period",
    "cpu_quota", "cpuset_cpus", "cpuset_mems", "memory", "memory_swap", "memory_reservation",
    "cpu_realtime_period", "cpu_realtime_runtime",
)  # fmt: skip


class Updates:
    """Changes what containers may use."""

    def __init__(
        self, facts: HostFacts, containers: Containers, launcher: Launcher, events: EventBus
    ) -> None:
        self._facts = facts
        self._containers = containers
        self._launcher = launcher
        self._events = events

    async def update(self, ref: str, body: ContainerUpdate) -> ContainerUpdated:
        """Change a container. Raises NotFoundError, InvalidArgumentError, ConflictError, or why it failed."""
        warnings = self._validate(body)
        live = self._containers.get(ref)
        async with live.lock:
            try:
                await self._update(live, body)
            except ScowError as exc:
                exc.message = f"Cannot update container {live.doc.id}: {exc.message}"
                raise
            container_event(self._events, live.doc, "update")
            self._launcher.status_changed(live)
        return ContainerUpdated(warnings=warnings or None)

    def _validate(self, body: ContainerUpdate) -> list[str]:
        if body.pids_limit is not None and body.pids_limit <= 0:
            body.pids_limit = 0
        check_restart_policy(body.restart_policy)
        return validate_resources(body, self._facts, update=True)

    async def _update(self, live: Live, body: ContainerUpdate) -> None:
        doc = live.doc
        if doc.id not in self._containers:
            raise NotFoundError(f"No such container: {doc.id}")
        if live.being_removed or doc.state.status in (Status.REMOVING, Status.DEAD):
            raise ScowError('container is marked for removal and cannot be "update"')
        before, doc.host = doc.host, merge_limits(doc.host, body)
        doc.limits_pending = doc.alive and bool(limits_in(body))
        try:
            await self._containers.save(live)
            if doc.limits_pending:
                await self._apply(live, lift_swap=body.memory_swap == -1)
        except BaseException:
            doc.host = before
            await self._settle(live)
            raise
        await self._settle(live)

    async def _apply(self, live: Live, *, lift_swap: bool) -> None:
        try:
            await self._launcher.apply_limits(live.doc, lift_swap=lift_swap)
        except ScowError:
            # One that has just ended gets its limits when it is started again.
            if not live.doc.has_ended:
                raise

    async def _settle(self, live: Live) -> None:
        """Store what the runtime now has."""
        if live.doc.limits_pending:
            live.doc.limits_pending = False
            await self._containers.save(live)


def limits_in(asked: ContainerUpdate) -> dict[str, object]:
    """The limits that a request names, by their names in ``Resources``. Pure."""
    named = {name: value for name in _CHANGEABLE if (value := getattr(asked, name)) or value == []}
    return named if asked.pids_limit is None else {**named, "pids_limit": asked.pids_limit}


def merge_limits(host: HostConfig, asked: ContainerUpdate) -> HostConfig:
    """``host`` with what ``asked`` says. Pure. Raises ConflictError where the two contradict each other."""
    _check_cpu(host, asked)
    if asked.memory > host.memory_swap and asked.memory_swap == 0 and asked.memory != 0:
        raise ConflictError(
            "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the "
            "same time"
        )
    changes = limits_in(asked)
    if asked.restart_policy.name:
        if host.auto_remove and asked.restart_policy.name != "no":
            raise ConflictError(
                "Restart policy cannot be updated because AutoRemove is enabled for the container"
            )
        changes["restart_policy"] = asked.restart_policy
    return msgspec.structs.replace(host, **changes)


def _check_cpu(host: Resources, asked: Resources) -> None:
    """One way of limiting CPU time excludes the other."""
    for share, name in (("cpu_period", "CPU Period"), ("cpu_quota", "CPU Quota")):
        if asked.nano_cpus > 0 and getattr(host, share) > 0:
            raise ConflictError(
                f"Conflicting options: Nano CPUs cannot be updated as {name} has already been set"
            )
        if getattr(asked, share) > 0 and host.nano_cpus > 0:
            raise ConflictError(
                f"Conflicting options: {name} cannot be updated as NanoCPUs has already been set"
            )

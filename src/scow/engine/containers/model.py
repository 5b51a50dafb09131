"""What the engine knows of one container: the stored document, and what lives only in memory."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from scow.engine.containers.states import ALIVE, Action, Status, next_status
from scow.linux.processes import is_running
from scow.network.endpoint import Endpoint, PublishedPort
from scow.spec.engine_api.container import ContainerConfig, HostConfig
from scow.spec.engine_api.container_views import HealthState
from scow.spec.engine_api.network import EndpointSettings

ZERO_TIME = "0001-01-01T00:00:00Z"
"""Go's zero time, which the API shows where there is none."""


class MountRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One mount of a container as settled at create; ``source`` is a host path, or "" for tmpfs.

    ``name`` is that of a volume or an image, ``subpath`` where in it the mount begins.
    """

    type: str
    destination: str
    source: str = ""
    name: str = ""
    driver: str = ""
    mode: str = ""
    writable: bool = True
    propagation: str = ""
    options: list[str] = []
    subpath: str = ""
    anonymous: bool = False
    create_source: bool = False
    from_mounts: bool = False


class State(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Where a container is in its life. Times are RFC 3339 with nanoseconds.

    ``health`` is there from the first start on, if the container has a health check.
    """

    status: Status = Status.CREATED
    pid: int = 0
    pid_start_time: int = 0
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = False
    started_at: str = ZERO_TIME
    finished_at: str = ZERO_TIME
    health: HealthState | None = None


class Container(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The document of one container, stored whole at every change.

    ``networks`` is what the user asked for, ``endpoints`` is what it has while it runs, both by the name of
    the network. ``links`` are ids of the containers it is linked to, by alias.
    ``manually_stopped`` keeps restart policies from bringing back what a person stopped;
    ``limits_pending``: the runtime may not have been given the limits yet that stand in ``host``;
    ``paused_for_commit``: it stands still for us, not for a person; ``networks_unsettled``: its routes and
    ports may not be yet as its networks want them, ``lost_ports`` being those of an endpoint that is gone.
    """

    id: str
    name: str
    created: str
    image_id: str
    config: ContainerConfig
    host: HostConfig
    path: str
    args: list[str]
    mounts: list[MountRecord] = []
    networks: dict[str, EndpointSettings] = {}
    links: dict[str, str] = {}
    state: State = msgspec.field(default_factory=State)
    endpoints: dict[str, Endpoint] = {}
    restart_count: int = 0
    manually_stopped: bool = False
    limits_pending: bool = False
    paused_for_commit: bool = False
    networks_unsettled: bool = False
    lost_ports: list[PublishedPort] = []
    log_path: str = ""

    @property
    def alive(self) -> bool:
        """A process exists."""
        return self.state.status in ALIVE

    @property
    def has_ended(self) -> bool:
        """Whether its process is no more; the news of that may still be on the way."""
        return not is_running(self.state.pid, self.state.pid_start_time)

    def step(self, action: Action) -> None:
        """Move to the status that ``action`` leads to. Raises ``KeyError`` if the table has no such step."""
        self.state.status = next_status(self.state.status, action)


@dataclass(slots=True)
class Live:
    """A container in memory: its document and what does not survive the daemon.

    ``lock`` orders all changes of this container; ``relays`` are the clients that still have output to
    come; ``execs`` are the ids of its execs that have not ended; ``pidfd`` is its first process, -1 when
    there is none; ``doomed_volumes`` go with it; ``being_killed`` keeps a process that has SIGKILL from
    being frozen before it dies of it; ``being_restarted`` keeps a person's restart from being taken for an
    end; ``being_removed`` keeps a second removal and any start out.
    """

    doc: Container
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    execs: list[str] = field(default_factory=list)
    relays: set["asyncio.Task[None]"] = field(default_factory=set)
    pidfd: int = -1
    being_killed: bool = False
    being_restarted: bool = False
    being_removed: bool = False
    doomed_volumes: Sequence[str] = ()
    restart_delay_s: float = 0.0
    restart_timer: "asyncio.Task[None] | None" = None

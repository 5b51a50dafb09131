"""What one floor of the daemon hands to the next."""

from dataclasses import dataclass

from scow.config import Config
from scow.engine.containers.connections import Connections
from scow.engine.containers.connector import Connector
from scow.engine.containers.exits import Exits
from scow.engine.containers.launch import Launcher
from scow.engine.containers.lifecycle import Lifecycle
from scow.engine.containers.name_service import ContainerNames
from scow.engine.containers.registry import Containers
from scow.engine.containers.removal import Removal
from scow.engine.containers.waits import Waits
from scow.engine.events import EventBus
from scow.engine.execs import Execs
from scow.engine.networks.registry import Networks
from scow.engine.networks.service import NetworkService
from scow.engine.volumes.parts import VolumeParts
from scow.image.store import ImageStore
from scow.linux.binfmt_misc import HeldRegistrations
from scow.linux.cgroups import CgroupHost
from scow.runtime.host_facts import HostFacts
from scow.runtime.oci_runtime import OciRuntime
from scow.runtime.supervisor import Supervisor
from scow.store import Store
from scow.tasks import TaskOwner


@dataclass(frozen=True, slots=True)
class Ground:
    """What all the others stand on."""

    config: Config
    events: EventBus
    tasks: TaskOwner
    supervisor: Supervisor


@dataclass(frozen=True, slots=True)
class Storage:
    """What outlives the engine: documents, images, volumes."""

    store: Store
    containers: Containers
    images: ImageStore
    volumes: VolumeParts


@dataclass(frozen=True, slots=True)
class Host:
    """What the machine offers."""

    runtimes: dict[str, OciRuntime]
    facts: HostFacts
    cgroups: CgroupHost
    interpreters: HeldRegistrations


@dataclass(frozen=True, slots=True)
class Networking:
    """The networks of the API, and who connects containers to them.

    ``host_gateways`` are the addresses by which containers reach the host.
    """

    networks: Networks
    names: ContainerNames
    connector: Connector
    service: NetworkService
    connections: Connections
    host_gateways: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Life:
    """Who moves a container from one state to the next."""

    launcher: Launcher
    waits: Waits
    execs: Execs
    removal: Removal
    exits: Exits
    lifecycle: Lifecycle


@dataclass(frozen=True, slots=True)
class Floors:
    """All of them."""

    ground: Ground
    storage: Storage
    host: Host
    networking: Networking
    life: Life

"""A container as the API shows it: inspect, and one line of a list. Pure, but for the sizes it is given."""

import hashlib
from collections.abc import Callable, Sequence

import msgspec

from scow.engine.containers.health import status_words
from scow.engine.containers.model import ZERO_TIME, Container, Live, MountRecord
from scow.engine.containers.name_service import endpoint_names
from scow.engine.containers.states import Status
from scow.engine.networks.record import is_user_defined
from scow.engine.timestamps import parse_rfc3339
from scow.network.endpoint import PublishedPort
from scow.runtime.namespaces import donor_of
from scow.spec.engine_api.container import HostConfig, PortBinding
from scow.spec.engine_api.container_views import (
    ContainerInspect,
    ContainerState,
    ContainerSummary,
    GraphDriver,
    HealthSummary,
    MountPoint,
    NetworkSettings,
    Port,
    SummaryHostConfig,
    SummaryNetworkSettings,
)
from scow.spec.engine_api.network import EndpointSettings
from scow.spec.human_duration import human_duration

_IDENTITY_FILES = ("resolv.conf", "hostname", "hosts")

NO_HEALTH = HealthSummary(status="none")
"""Of a container without a health check, or one that has never been started."""

NetworkId = Callable[[str], str]
"""The id of a network by its name; "" if there is none."""


def state_view(doc: Container) -> ContainerState:
    """``.State`` of inspect."""
    status = doc.state.status
    return ContainerState(
        status=status.value,
        # Docker calls a container that waits for its restart running too.
        running=status in (Status.RUNNING, Status.PAUSED, Status.RESTARTING),
        paused=status is Status.PAUSED,
        restarting=status is Status.RESTARTING,
        oom_killed=doc.state.oom_killed,
        dead=status is Status.DEAD,
        pid=doc.state.pid if doc.alive else 0,
        exit_code=doc.state.exit_code,
        error=doc.state.error,
        started_at=doc.state.started_at,
        finished_at=doc.state.finished_at,
        health=doc.state.health or msgspec.UNSET,
    )


def status_text(doc: Container, now_ns: int) -> str:
    """The STATUS column: ``Up 2 minutes``, ``Exited (0) 3 seconds ago``."""
    state = doc.state
    match state.status:
        case Status.RUNNING:
            words = f" ({status_words(state.health)})" if state.health else ""
            return f"Up {_since(state.started_at, now_ns)}{words}"
        case Status.PAUSED:
            return f"Up {_since(state.started_at, now_ns)} (Paused)"
        case Status.RESTARTING:
            return f"Restarting ({state.exit_code}) {_since(state.finished_at, now_ns)} ago"
        case Status.REMOVING:
            return "Removal In Progress"
        case Status.DEAD:
            return "Dead"
        case _:
            if state.finished_at == ZERO_TIME:
                return "Created"
            return f"Exited ({state.exit_code}) {_since(state.finished_at, now_ns)} ago"


def _since(moment: str, now_ns: int) -> str:
    return human_duration((now_ns - parse_rfc3339(moment)) / 1e9)


def mount_view(record: MountRecord) -> MountPoint:
    """One item of ``.Mounts``."""
    is_volume = record.type == "volume"
    named = record.type in ("volume", "image")
    return MountPoint(
        type=record.type,
        name=record.name if named else msgspec.UNSET,
        source=record.source,
        destination=record.destination,
        driver=record.driver if is_volume else msgspec.UNSET,
        mode=record.mode,
        rw=record.writable,
        propagation=record.propagation,
    )


def networks_view(doc: Container, network_id: NetworkId) -> dict[str, EndpointSettings]:
    """``.NetworkSettings.Networks``: what was asked for, with what the running container has."""
    views = {}
    for name, asked in doc.networks.items():
        view = msgspec.structs.replace(asked, network_id=asked.network_id or network_id(name))
        if is_user_defined(name) and asked.network_id:
            view.dns_names = endpoint_names(doc, asked)
        endpoint = doc.endpoints.get(name)
        if doc.alive and endpoint is None:
            view.endpoint_id = nominal_endpoint_id(doc, name)
        elif doc.alive and endpoint is not None:
            view = msgspec.structs.replace(
                view,
                endpoint_id=endpoint.endpoint_id,
                gateway=endpoint.gateway,
                ip_address=endpoint.address,
                ip_prefix_len=endpoint.prefix_len,
                ipv6_gateway=endpoint.gateway6,
                global_ipv6_address=endpoint.address6,
                global_ipv6_prefix_len=endpoint.prefix_len6,
                mac_address=endpoint.mac,
            )
        views[name] = view
    return views


def nominal_endpoint_id(doc: Container, network: str) -> str:
    """Of a running container on ``host`` or ``none``, where there is no endpoint: another at every start."""
    return hashlib.sha256(f"{doc.id} {network} {doc.state.started_at}".encode()).hexdigest()


def summary_networks(doc: Container, network_id: NetworkId) -> dict[str, EndpointSettings]:
    """The same for a list, where Docker leaves out names, links and options of drivers."""
    return {
        name: msgspec.structs.replace(view, links=None, aliases=None, driver_opts=None, dns_names=None)
        for name, view in networks_view(doc, network_id).items()
    }


def published_ports(doc: Container) -> list[PublishedPort]:
    """Of all endpoints of a running container."""
    return [port for endpoint in doc.endpoints.values() for port in endpoint.ports]


def exposed_ports(doc: Container) -> list[str]:
    """``port/proto`` of all ports that are exposed or have a binding."""
    exposed = doc.config.exposed_ports
    names = dict.fromkeys(exposed if exposed is not msgspec.UNSET else ())
    names.update(dict.fromkeys(doc.host.port_bindings or ()))
    return [name if "/" in name else f"{name}/tcp" for name in names]


def _shows_ports(doc: Container) -> bool:
    """A container whose networks lead nowhere has none, not even those that are exposed."""
    return doc.alive and any(
        endpoint.driver == "bridge" and (endpoint.gateway or endpoint.gateway6)
        for endpoint in doc.endpoints.values()
    )


def port_map(doc: Container) -> dict[str, list[PortBinding] | None]:
    """``.NetworkSettings.Ports`` of a running container."""
    if not _shows_ports(doc):
        return {}
    ports: dict[str, list[PortBinding] | None] = dict.fromkeys(exposed_ports(doc))
    for port in published_ports(doc):
        key = f"{port.container_port}/{port.protocol}"
        bindings = ports.get(key) or []
        bindings.append(PortBinding(host_ip=port.host_ip, host_port=str(port.host_port)))
        ports[key] = bindings
    return ports


def network_settings(doc: Container, network_id: NetworkId) -> NetworkSettings:
    """``.NetworkSettings`` of inspect; the single fields are those of the default bridge."""
    settings = NetworkSettings(ports=port_map(doc), networks=networks_view(doc, network_id))
    if not doc.alive:
        return settings
    settings.sandbox_id = doc.id
    settings.sandbox_key = f"/proc/{doc.state.pid}/ns/net"
    endpoint = doc.endpoints.get("bridge")
    if endpoint is not None:
        settings.endpoint_id = endpoint.endpoint_id
        settings.gateway = endpoint.gateway
        settings.ip_address = endpoint.address
        settings.ip_prefix_len = endpoint.prefix_len
        settings.ipv6_gateway = endpoint.gateway6
        settings.global_ipv6_address = endpoint.address6
        settings.global_ipv6_prefix_len = endpoint.prefix_len6
        settings.mac_address = endpoint.mac
    return settings


def inspect_view(
    live: Live,
    *,
    host: HostConfig,
    root: str,
    driver: str,
    graph_data: dict[str, str] | None,
    network_id: NetworkId,
    execs: list[str],
) -> ContainerInspect:
    """The answer of inspect; ``host`` are its settings as shown, the files of
    all containers are in ``root``."""
    doc = live.doc
    # Docker knows of no files before the first start, and of all after it, if it has failed too.
    was_started = doc.state.started_at != ZERO_TIME or bool(doc.state.error)
    files = _identity_files(doc, root) if was_started else dict.fromkeys(_IDENTITY_FILES, "")
    return ContainerInspect(
        id=doc.id,
        created=doc.created,
        path=doc.path,
        args=doc.args,
        state=state_view(doc),
        image=doc.image_id,
        resolv_conf_path=files["resolv.conf"],
        hostname_path=files["hostname"],
        hosts_path=files["hosts"],
        # Of other drivers the files are the engine's own, as in Docker.
        log_path=doc.log_path if was_started and doc.host.log_config.type == "json-file" else "",
        name=f"/{doc.name}",
        restart_count=doc.restart_count,
        driver=driver,
        platform="linux",
        mount_label="",
        process_label="",
        app_armor_profile="",
        exec_i_ds=execs or None,
        host_config=host,
        graph_driver=GraphDriver(name=driver, data=graph_data),
        mounts=[mount_view(record) for record in doc.mounts],
        config=doc.config,
        network_settings=network_settings(doc, network_id),
    )


def _identity_files(doc: Container, root: str) -> dict[str, str]:
    """Where on the host the files of /etc are that the engine provides, or what the user mounts there."""
    folder = f"{root}/{donor_of(doc.host.network_mode) or doc.id}"
    files = {name: f"{folder}/{name}" for name in _IDENTITY_FILES}
    for record in doc.mounts:
        place, _, name = record.destination.rpartition("/")
        if place == "/etc" and name in files:
            files[name] = record.source
    return files


def command_text(doc: Container) -> str:
    """The COMMAND column: path and arguments in one string; quotes are for the eye only, as in Docker."""
    return " ".join([doc.path, *(f"'{word}'" if " " in word else word for word in doc.args)])


def summary_view(
    doc: Container, *, network_id: NetworkId, now_ns: int, link_names: Sequence[str] = ()
) -> ContainerSummary:
    """One item of a list; ``link_names`` are what others call it by their links."""
    return ContainerSummary(
        id=doc.id,
        names=[f"/{doc.name}", *link_names],
        image=doc.config.image or doc.image_id,
        image_id=doc.image_id,
        command=command_text(doc),
        created=parse_rfc3339(doc.created) // 1_000_000_000,
        ports=summary_ports(doc),
        labels=doc.config.labels or {},
        state=doc.state.status.value,
        health=_health_summary(doc),
        status=status_text(doc, now_ns),
        host_config=SummaryHostConfig(
            network_mode=doc.host.network_mode, annotations=doc.host.annotations or msgspec.UNSET
        ),
        network_settings=SummaryNetworkSettings(networks=summary_networks(doc, network_id)),
        mounts=[mount_view(record) for record in doc.mounts],
    )


def _health_summary(doc: Container) -> HealthSummary:
    health = doc.state.health
    return HealthSummary(status=health.status, failing_streak=health.failing_streak) if health else NO_HEALTH


def summary_ports(doc: Container) -> list[Port]:
    """Published ports of a running container, then those only exposed."""
    if not _shows_ports(doc):
        return []
    published = [_published(port) for port in published_ports(doc)]
    taken = {(port.private_port, port.type) for port in published}
    for name in exposed_ports(doc):
        number, _, protocol = name.partition("/")
        if number.isdigit() and (int(number), protocol) not in taken:
            published.append(Port(private_port=int(number), type=protocol))
    return published


def _published(port: PublishedPort) -> Port:
    return Port(
        ip=port.host_ip, private_port=port.container_port, public_port=port.host_port, type=port.protocol
    )

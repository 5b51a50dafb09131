"""Ports published and withdrawn while a container exists, beyond Docker.

A change is one of the container's settings: it is in ``HostConfig.PortBindings`` and holds for every later
start. Of a running container the kernel comes first and the document second when a port is added, and the
other way round when one is taken away: start-up makes the kernel what the documents say.
"""

import ipaddress
from collections.abc import Sequence

import msgspec

from scow.engine.containers.events import container_event
from scow.engine.containers.model import Container, Live
from scow.engine.containers.ports import ALLOW_LABEL, port_requests
from scow.engine.containers.registry import Containers
from scow.engine.events import EventBus
from scow.engine.networks.gateways import ways_out
from scow.engine.networks.registry import Networks
from scow.errors import ConflictError, InvalidArgumentError, NotFoundError, ScowError
from scow.network.driver import NetworkDriver
from scow.network.endpoint import Endpoint, PortRequest, PublishedPort, PublishError
from scow.spec.engine_api.container import HostConfig, PortBinding
from scow.spec.engine_api.scow_ports import PortsChange, PortsChanged


class PortChanges:
    """Changes the published ports of containers."""

    def __init__(self, containers: Containers, networks: Networks, events: EventBus) -> None:
        self._containers = containers
        self._networks = networks
        self._events = events

    async def add(self, ref: str, body: PortsChange) -> PortsChanged:
        """Publish further ports. Raises NotFoundError, InvalidArgumentError, ScowError in Docker's words."""
        live = self._containers.get(ref)
        async with live.lock:
            doc = live.doc
            _check_changeable(live)
            labels = {**(doc.config.labels or {}), **_allow_labels(body)}
            config = msgspec.structs.replace(doc.config, labels=labels)
            requests = port_requests(config, HostConfig(port_bindings=body.port_bindings))
            if not requests:
                raise InvalidArgumentError("no port to publish")
            published: list[PublishedPort] = []
            if doc.alive:
                endpoint, driver = self._place(doc)
                published = await _published(driver, endpoint, requests, doc.name)
            before = doc.config, doc.host
            doc.config, doc.host = config, _with_bindings(doc.host, body)
            try:
                await self._containers.save(live)
            except BaseException:
                doc.config, doc.host = before
                if published:
                    await driver.withdraw(endpoint, published)
                raise
            container_event(self._events, doc, "update")
        return PortsChanged(ports=_by_port(published) if published else dict(body.port_bindings))

    async def remove(self, ref: str, body: PortsChange) -> PortsChanged:
        """Withdraw ports. Raises NotFoundError also for one that is not published."""
        live = self._containers.get(ref)
        async with live.lock:
            doc = live.doc
            _check_changeable(live)
            asked = [(name, it) for name, bindings in body.port_bindings.items() for it in bindings]
            gone = [port for endpoint in doc.endpoints.values() for port in _fitting(endpoint.ports, asked)]
            before = doc.host
            doc.host, dropped = _without_bindings(doc.host, asked)
            if not gone and not dropped:
                doc.host = before
                raise NotFoundError(f"no such port is published for {doc.name}")
            kept = {name: endpoint.ports for name, endpoint in doc.endpoints.items()}
            for endpoint in doc.endpoints.values():
                endpoint.ports = [port for port in endpoint.ports if port not in gone]
            try:
                await self._containers.save(live)
            except BaseException:
                doc.host = before
                raise
            finally:
                for name, endpoint in doc.endpoints.items():
                    endpoint.ports = kept[name]
            for name, endpoint in doc.endpoints.items():
                if (network := self._networks.by_name(name)) and network.driver is not None:
                    await network.driver.withdraw(endpoint, gone)
            container_event(self._events, doc, "update")
        return PortsChanged(ports=_by_port(gone))

    def _place(self, doc: Container) -> tuple[Endpoint, NetworkDriver]:
        """Where the ports of a running container are. Raises ConflictError if there is no such place."""
        found = {name: self._networks.by_name(name) for name in doc.endpoints}
        name = ways_out((live.record, doc.networks[it]) for it, live in found.items() if live).ports
        network = found.get(name)
        if network is None or network.driver is None:
            raise ConflictError(f"container {doc.name} has no network that ports can be published of")
        return doc.endpoints[name], network.driver


async def _published(
    driver: NetworkDriver, endpoint: Endpoint, requests: Sequence[PortRequest], name: str
) -> list[PublishedPort]:
    try:
        published = await driver.publish(endpoint, requests)
    except PublishError as exc:
        what = f"endpoint {name} ({endpoint.endpoint_id})"
        raise ScowError(f"driver failed programming external connectivity on {what}: {exc.message}") from exc
    if not published:
        raise ConflictError("nothing can be published of this network")
    return published


def _check_changeable(live: Live) -> None:
    if live.being_removed:
        raise ConflictError(f"container {live.doc.id} is marked for removal")


def _allow_labels(body: PortsChange) -> dict[str, str]:
    """Who may use a port is kept as its label."""
    for text in body.allow:
        try:
            ipaddress.ip_network(text)
        except ValueError:
            raise InvalidArgumentError(f"invalid network: {text}")
    return {ALLOW_LABEL + name: ",".join(body.allow) for name in body.port_bindings if body.allow}


def _with_bindings(host: HostConfig, body: PortsChange) -> HostConfig:
    bindings = {name: list(found) for name, found in (host.port_bindings or {}).items()}
    for name, more in body.port_bindings.items():
        bindings[name] = [*bindings.get(name, []), *(it for it in more if it not in bindings.get(name, []))]
    return msgspec.structs.replace(host, port_bindings=bindings)


def _without_bindings(host: HostConfig, asked: Sequence[tuple[str, PortBinding]]) -> tuple[HostConfig, bool]:
    """The settings without what fits, and whether anything did."""
    bindings = host.port_bindings or {}
    left = {
        name: [it for it in found if not any(name == key and _binds(it, one) for key, one in asked)]
        for name, found in bindings.items()
    }
    left = {name: found for name, found in left.items() if found or not bindings[name]}
    return msgspec.structs.replace(host, port_bindings=left), left != bindings


def _binds(binding: PortBinding, asked: PortBinding) -> bool:
    """One that left its port to the engine fits whatever it got."""
    same_port = binding.host_port == asked.host_port or not binding.host_port.isdigit()
    return asked.host_ip in ("", binding.host_ip) and (not asked.host_port or same_port)


def _fitting(ports: Sequence[PublishedPort], asked: Sequence[tuple[str, PortBinding]]) -> list[PublishedPort]:
    return [port for port in ports if any(_fits(port, name, one) for name, one in asked)]


def _fits(port: PublishedPort, name: str, asked: PortBinding) -> bool:
    return (
        name == f"{port.container_port}/{port.protocol}"
        and asked.host_ip in ("", port.host_ip)
        and asked.host_port in ("", str(port.host_port))
    )


def _by_port(ports: Sequence[PublishedPort]) -> dict[str, list[PortBinding]]:
    found: dict[str, list[PortBinding]] = {}
    for port in ports:
        binding = PortBinding(host_ip=port.host_ip, host_port=str(port.host_port))
        found.setdefault(f"{port.container_port}/{port.protocol}", []).append(binding)
    return found

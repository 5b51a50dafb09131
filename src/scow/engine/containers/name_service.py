"""What containers on users' networks call each other, and the name servers that tell them.

Every endpoint on such a network has names there: the container's own, its aliases, its short id and its host
name. Every container on one asks a server at 127.0.0.11 of its own, from its start on or from when it is
first connected to one.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from pathlib import Path

from scow.config import Config
from scow.engine.containers.model import Container
from scow.engine.networks.record import is_user_defined
from scow.engine.networks.registry import Networks
from scow.network.dns.directory import EndpointNames, NameDirectory, SandboxNames
from scow.network.dns.service import DnsService
from scow.network.dns.upstreams import choose_upstreams
from scow.network.endpoint import Endpoint
from scow.runtime.identity import parse_resolv_conf
from scow.spec.engine_api.network import EndpointSettings

_RESOLV_CONF = Path("/etc/resolv.conf")


class ContainerNames:
    """Names of endpoints, and a server for each container that has any. For the event loop only."""

    def __init__(self, networks: Networks, config: Config, servers: DnsService) -> None:
        self._networks = networks
        self._config = config
        self._servers = servers
        self._directory = NameDirectory()
        self._views: dict[str, SandboxNames] = {}

    def connected(self, doc: Container, name: str, endpoint: Endpoint, netns_fd: int) -> None:
        """Give an endpoint its names, and its container a server. Raises OSError if there can be none."""
        if not is_user_defined(name):
            return
        settings = doc.networks[name]
        self._publish(doc, name, endpoint)
        view = self._views.get(doc.id)
        if view is None:
            view = self._views[doc.id] = SandboxNames(self._directory, short_names_stay=self._sets_ndots(doc))
        view.join(endpoint.network_id, links_by_alias(settings.links or ()))
        self._servers.serve(doc.id, netns_fd, view)

    def disconnected(self, doc: Container, endpoint: Endpoint) -> None:
        """Take an endpoint's names away; no error if it has none."""
        self._directory.withdraw(endpoint.network_id, endpoint.endpoint_id)
        if view := self._views.get(doc.id):
            view.leave(endpoint.network_id)

    def set_ways_out(self, doc: Container, endpoints: Iterable[Endpoint]) -> None:
        """Where a container's questions about the world go: nowhere if none of its networks leads there."""
        view = self._views.get(doc.id)
        if view is None:
            return
        records = [live.record for it in endpoints if (live := self._networks.by_id(it.network_id))]
        leads_out = any(record.leads_out(4) or record.leads_out(6) for record in records)
        own = doc.host.dns or self._config.dns
        view.upstreams = choose_upstreams(_read(_RESOLV_CONF), own) if leads_out else ()

    def renamed(self, doc: Container) -> None:
        """A running container has another name."""
        for name, endpoint in doc.endpoints.items():
            if is_user_defined(name):
                self._publish(doc, name, endpoint)
            if live := self._networks.by_id(endpoint.network_id):
                live.endpoints[endpoint.endpoint_id] = doc.name

    async def stop(self, doc: Container) -> None:
        """Let go of a container's namespace; no error if it had no server."""
        if self._views.pop(doc.id, None) is not None:
            await self._servers.stop(doc.id)

    def _publish(self, doc: Container, name: str, endpoint: Endpoint) -> None:
        addresses = tuple(map(ipaddress.ip_address, filter(None, (endpoint.address, endpoint.address6))))
        names = EndpointNames(endpoint.endpoint_id, tuple(endpoint_names(doc, doc.networks[name])), addresses)
        self._directory.publish(endpoint.network_id, name, names)

    def _sets_ndots(self, doc: Container) -> bool:
        options = doc.host.dns_options or self._config.dns_opts
        return any(
            it.startswith("ndots:") for it in options or parse_resolv_conf(_read(_RESOLV_CONF)).options
        )


def endpoint_names(doc: Container, settings: EndpointSettings) -> list[str]:
    """What a container answers to on a user's network; its own name first."""
    names = (doc.name, *(settings.aliases or ()), doc.id[:12], doc.config.hostname)
    return list(dict.fromkeys(filter(None, names)))


def links_by_alias(links: Iterable[str]) -> Mapping[str, str]:
    """``target:alias`` of an endpoint's settings as targets by alias."""
    pairs = (link.partition(":") for link in links)
    return {alias or target: target for target, _, alias in pairs}


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

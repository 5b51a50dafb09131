"""One endpoint of a container: made, with its names, and taken back.

The network knows of an endpoint from before it is made until after it is gone, so that it is not removed
meanwhile.
"""

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from scow.engine.containers.model import Container
from scow.engine.containers.name_service import ContainerNames
from scow.engine.containers.registry import Containers
from scow.engine.networks.bridge_options import INTERFACE_PREFIX
from scow.engine.networks.endpoint_checks import INTERFACE_NAME, interface_sysctls
from scow.engine.networks.gateways import WaysOut, ways_out
from scow.engine.networks.record import is_user_defined
from scow.engine.networks.registry import LiveNetwork, Networks
from scow.errors import ScowError
from scow.network import container_side
from scow.network.endpoint import ConnectRequest, Endpoint, PortRequest, PublishError
from scow.network.ipam import NoAddressError
from scow.network.sysctls import set_interface_sysctls
from scow.spec.engine_api.network import EndpointIPAMConfig, EndpointSettings
from scow.tasks import run_blocking

_FAILED = "failed to set up container networking: "


class Connector:
    """Connects namespaces to networks."""

    def __init__(self, containers: Containers, networks: Networks, names: ContainerNames) -> None:
        self._containers = containers
        self._networks = networks
        self.names = names

    async def connect(self, doc: Container, live: LiveNetwork, request: ConnectRequest) -> Endpoint:
        """All or nothing. Raises what the driver raises; see ``NetworkDriver``."""
        assert live.driver is not None
        record = live.record
        request = replace(request, avoid=self._addresses_of_others(doc, record.name))
        live.endpoints[request.endpoint_id] = doc.name
        try:
            endpoint = await live.driver.connect(request)
        except PublishError as exc:
            live.left(request.endpoint_id)
            what = f"endpoint {doc.name} ({request.endpoint_id})"
            raise ScowError(
                f"driver failed programming external connectivity on {what}: {exc.message}"
            ) from exc
        except NoAddressError as exc:
            live.left(request.endpoint_id)
            raise ScowError(f"{exc.message}: {record.name} ({record.id})") from exc
        except BaseException:
            live.left(request.endpoint_id)
            raise
        doc.networks[record.name].network_id = record.id
        try:
            await self._furnish(doc, record.name, endpoint, request)
        except ScowError:
            await self.disconnect(doc, endpoint, running=True)
            raise
        return endpoint

    async def _furnish(self, doc: Container, name: str, endpoint: Endpoint, request: ConnectRequest) -> None:
        """What an endpoint has beside its addresses: kernel settings and names. Raises ScowError."""
        if sysctls := interface_sysctls(request.driver_options):
            await run_blocking(set_interface_sysctls, request.netns_fd, endpoint.interface, sysctls)
        try:
            self.names.connected(doc, name, endpoint, request.netns_fd)
        except OSError as exc:
            raise ScowError(f"no name server for {doc.name}: {exc.strerror}") from exc

    def _addresses_of_others(self, doc: Container, name: str) -> frozenset[str]:
        """Those that containers ask for, also while they do not run; on the default bridge nobody may."""
        if not is_user_defined(name):
            return frozenset()
        asked = (
            it.doc.networks[name].ipam_config
            for it in self._containers
            if it.doc is not doc and name in it.doc.networks
        )
        return frozenset(text for it in asked if it for text in (it.ipv4_address, it.ipv6_address) if text)

    async def disconnect(self, doc: Container, endpoint: Endpoint, *, running: bool) -> None:
        """Take an endpoint back; ``running``: its namespace lives on. No error if it is gone."""
        self.names.disconnected(doc, endpoint)
        live = self._networks.by_id(endpoint.network_id)
        if live is not None and live.driver is not None:
            await live.driver.disconnect(endpoint, running=running)
            live.left(endpoint.endpoint_id)

    def ways_out(self, doc: Container, endpoints: Mapping[str, Endpoint]) -> WaysOut:
        """By which of its networks a container reaches the world, and is reached."""
        return ways_out((live.record, doc.networks[name]) for name, live in self._live(endpoints))

    async def set_ways_out(self, doc: Container, netns_fd: int, endpoints: Mapping[str, Endpoint]) -> None:
        """Set the default routes of a namespace as its networks' priorities say. Raises ScowError."""
        ways = self.ways_out(doc, endpoints)
        try:
            for version, name in ((4, ways.ipv4), (6, ways.ipv6)):
                await run_blocking(container_side.set_default_route, netns_fd, endpoints.get(name), version)
        except OSError as exc:
            raise ScowError(f"failed to set default gateway: {exc.strerror}") from exc

    def _live(self, endpoints: Mapping[str, Endpoint]) -> Iterator[tuple[str, LiveNetwork]]:
        for name, endpoint in endpoints.items():
            if live := self._networks.by_id(endpoint.network_id):
                yield name, live


def connect_request(
    doc: Container,
    name: str,
    netns_fd: int,
    interface: str,
    *,
    ports: Sequence[PortRequest] = (),
    default_route: bool = True,
) -> ConnectRequest:
    """What a container asks of the network ``name``."""
    settings = doc.networks[name]
    ipam = settings.ipam_config or EndpointIPAMConfig()
    return ConnectRequest(
        endpoint_id=secrets.token_hex(32),
        container_id=doc.id,
        netns_fd=netns_fd,
        mac=settings.mac_address.replace("-", ":") or None,
        address=ipam.ipv4_address or None,
        address6=ipam.ipv6_address or None,
        link_local=tuple(ipam.link_local_ips),
        ports=tuple(ports),
        interface=interface,
        default_route=default_route,
        driver_options=settings.driver_opts or {},
    )


def interface_names(
    networks: Iterable[LiveNetwork], settings: Mapping[str, EndpointSettings], taken: Iterable[str] = ()
) -> dict[str, str]:
    """What interfaces are called, by network: as asked for, else the next free number of a prefix."""
    asked = {
        live.record.name: (settings[live.record.name].driver_opts or {}).get(INTERFACE_NAME, "")
        for live in networks
    }
    prefixes = {live.record.name: live.record.options.get(INTERFACE_PREFIX) or "eth" for live in networks}
    used = {*taken, *filter(None, asked.values())}
    names: dict[str, str] = {}
    for network, name in asked.items():
        names[network] = name or _next_name(prefixes[network], used)
        used.add(names[network])
    return names


def _next_name(prefix: str, used: set[str]) -> str:
    """Above all that are in use: the number of an interface that went away may still be known to somebody."""
    numbers = [int(it[1]) for name in used if (it := re.fullmatch(rf"{re.escape(prefix)}(\d+)", name))]
    return f"{prefix}{max(numbers, default=-1) + 1}"


@contextmanager
def failed_networking() -> Iterator[None]:
    """Say what it was that failed."""
    try:
        yield
    except ScowError as exc:
        exc.message = _FAILED + exc.message
        raise

"""The networks every engine has: bridge, host and none, and how a container's settings name them."""

import ipaddress
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from scow.engine.timestamps import rfc3339
from scow.errors import InvalidArgumentError, NotFoundError
from scow.network.endpoint import Endpoint
from scow.spec.engine_api.container import HostConfig
from scow.spec.engine_api.network import (
    IPAM,
    ConfigReference,
    EndpointSettings,
    IPAMPool,
    Network,
    NetworkContainer,
    NetworkingConfig,
)
from scow.spec.filters import Filters
from scow.store import Put, Store

KIND = "network"
PREDEFINED: Final = {"bridge": "bridge", "host": "host", "none": "null"}


class NetworkRecord(msgspec.Struct):
    """The document of one network."""

    id: str
    name: str
    driver: str
    created: str


class Member(msgspec.Struct):
    """A running container's place on a network."""

    container_id: str
    name: str
    networks: Iterable[str]
    endpoint: Endpoint | None


class Networks:
    """Names and ids of networks. ``members`` gives the running containers."""

    def __init__(self, store: Store, members: Callable[[], Iterable[Member]]) -> None:
        self._store = store
        self._members = members
        self._by_name: dict[str, NetworkRecord] = {}
        self._bridge_pool = IPAMPool()
        self._bridge_options: dict[str, str] = {}

    async def load(self) -> None:
        """Read the documents, and give the predefined networks their ids on the first start."""
        for name, body in self._store.load(KIND):
            self._by_name[name] = msgspec.json.decode(body, type=NetworkRecord)
        for name, driver in PREDEFINED.items():
            if name not in self._by_name:
                record = NetworkRecord(secrets.token_hex(32), name, driver, rfc3339(time.time_ns()))
                await self._store.commit(Put(KIND, name, msgspec.json.encode(record)))
                self._by_name[name] = record

    def describe_bridge(self, *, subnet: str, gateway: str, options: dict[str, str]) -> None:
        """What inspect shows of the default bridge."""
        self._bridge_pool = IPAMPool(subnet=subnet, gateway=gateway)
        self._bridge_options = options

    def id_of(self, name: str) -> str:
        """The id of the network ``name``; "" if there is none."""
        record = self._by_name.get(name)
        return record.id if record else ""

    def settle(self, host: HostConfig, asked: NetworkingConfig) -> dict[str, EndpointSettings]:
        """The networks a new container is on; sets ``host.network_mode`` to the name it means.

        Raises InvalidArgumentError for what the default networks cannot do. That a network exists is looked
        at when the container starts, as Docker does: clients take a 404 here for a missing image.
        """
        mode = host.network_mode
        if mode in ("", "default"):
            mode = host.network_mode = "bridge"
        if mode.startswith("container:"):
            return {}
        # Clients ask for the bridge's settings under the name it has in ``--network``.
        endpoints = asked.endpoints_config
        settings = endpoints.get(mode) or endpoints.get("default") or EndpointSettings()
        if mode in ("host", "none"):
            return {mode: EndpointSettings(network_id=self.id_of(mode))}
        if settings.ipam_config and (settings.ipam_config.ipv4_address or settings.ipam_config.ipv6_address):
            raise InvalidArgumentError(
                "invalid config for network bridge: invalid endpoint settings:\n"
                "user specified IP address is supported on user defined networks only"
            )
        if settings.aliases:
            raise InvalidArgumentError(
                "invalid config for network bridge: invalid endpoint settings:\n"
                "network-scoped aliases are only supported for user-defined networks"
            )
        return {mode: settings}

    async def list(self, filters: Filters) -> list[Network]:
        """Networks that pass ``filters``."""
        filters.check("dangling", "driver", "id", "label", "name", "scope", "type")
        return [self._view(r, with_containers=False) for r in self._by_name.values() if _passes(r, filters)]

    async def inspect(self, ref: str) -> Network:
        """A network by name, id or unique id prefix. Raises NotFoundError, InvalidArgumentError."""
        if record := self._by_name.get(ref):
            return self._view(record, with_containers=True)
        matching = [r for r in self._by_name.values() if ref and r.id.startswith(ref)]
        if len(matching) > 1:
            raise InvalidArgumentError(
                f"network {ref} is ambiguous ({len(matching)} matches found on ID prefix)"
            )
        if not matching:
            raise NotFoundError(f"network {ref} not found")
        return self._view(matching[0], with_containers=True)

    def _view(self, record: NetworkRecord, *, with_containers: bool) -> Network:
        bridge = record.name == "bridge"
        return Network(
            name=record.name,
            id=record.id,
            created=record.created,
            scope="local",
            driver=record.driver,
            enable_i_pv6=False,
            ipam=IPAM(config=[self._bridge_pool] if bridge else []),
            internal=False,
            attachable=False,
            ingress=False,
            config_from=ConfigReference(),
            config_only=False,
            containers=self._containers(record.name) if with_containers else {},
            options=self._bridge_options if bridge else {},
            labels={},
        )

    def _containers(self, name: str) -> dict[str, NetworkContainer]:
        return {
            member.container_id: _network_container(member)
            for member in self._members()
            if name in member.networks
        }


def _network_container(member: Member) -> NetworkContainer:
    endpoint = member.endpoint
    address = f"{endpoint.address}/{endpoint.prefix_len}" if endpoint else ""
    return NetworkContainer(
        name=member.name,
        endpoint_id=endpoint.endpoint_id if endpoint else "",
        mac_address=endpoint.mac if endpoint else "",
        ipv4_address=str(ipaddress.ip_interface(address)) if address else "",
        ipv6_address="",
    )


def _passes(record: NetworkRecord, filters: Filters) -> bool:
    tests: dict[str, Callable[[str], bool]] = {
        "name": lambda value: value in record.name,
        "id": record.id.startswith,
        "driver": lambda value: value == record.driver,
        "scope": lambda value: value == "local",
        "type": lambda value: value == ("builtin" if record.name in PREDEFINED else "custom"),
        "dangling": lambda value: value.lower() in ("0", "false"),
    }
    if not filters.match_labels({}):
        return False
    return all(
        any(test(value) for value in filters.get(key)) for key, test in tests.items() if key in filters
    )

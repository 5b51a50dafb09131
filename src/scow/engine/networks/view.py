"""A network as the API shows it. Pure."""

import ipaddress
from collections.abc import Iterable, Mapping

import msgspec

from scow.engine.networks.record import NetworkRecord
from scow.network.endpoint import Endpoint
from scow.spec.engine_api.network import IPAM, ConfigReference, Network, NetworkContainer


class Member(msgspec.Struct):
    """A running container and its endpoints by network; on host and none, where it has none, an id."""

    container_id: str
    name: str
    endpoints: Mapping[str, Endpoint | str]


def network_view(record: NetworkRecord, members: Iterable[Member] = ()) -> Network:
    """Inspect of a network with the running containers on it; an item of a list names none."""
    return Network(
        name=record.name,
        id=record.id,
        created=record.created,
        scope="local",
        driver=record.driver,
        enable_i_pv4=record.enable_ipv4,
        enable_i_pv6=record.enable_ipv6,
        ipam=IPAM(
            driver=record.ipam_driver,
            options=record.ipam_options,
            config=[pool.view() for pool in record.pools] or None,
        ),
        internal=record.internal,
        attachable=record.attachable,
        ingress=False,
        config_from=ConfigReference(network=record.config_from),
        config_only=record.config_only,
        containers={
            member.container_id: _container(member, member.endpoints[record.name])
            for member in members
            if record.name in member.endpoints
        },
        options=record.options,
        labels=record.labels,
    )


def _container(member: Member, endpoint: Endpoint | str) -> NetworkContainer:
    if isinstance(endpoint, str):
        return NetworkContainer(
            name=member.name, endpoint_id=endpoint, mac_address="", ipv4_address="", ipv6_address=""
        )
    return NetworkContainer(
        name=member.name,
        endpoint_id=endpoint.endpoint_id,
        mac_address=endpoint.mac,
        ipv4_address=_with_prefix(endpoint.address, endpoint.prefix_len),
        ipv6_address=_with_prefix(endpoint.address6, endpoint.prefix_len6),
    )


def _with_prefix(address: str, length: int) -> str:
    return str(ipaddress.ip_interface(f"{address}/{length}")) if address else ""

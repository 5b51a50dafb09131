"""Published ports follow the way out: they lead to the endpoint by which a running container is reached.

When networks come and go, ports move with the numbers that they have; a container that had no network to
publish them on gets them with its next one.
"""

from collections.abc import Sequence

from scow.engine.containers.model import Container
from scow.engine.containers.ports import port_requests
from scow.engine.networks.registry import Networks
from scow.errors import ScowError
from scow.network.driver import NetworkDriver
from scow.network.endpoint import Endpoint, PortRequest, PublishedPort


async def move_ports(
    doc: Container, target: str, networks: Networks, lost: Sequence[PublishedPort] = ()
) -> None:
    """Have the ports of a running container lead to its endpoint on the network ``target``.

    ``lost`` are those of an endpoint that is gone. Raises ScowError; the ports are where they
    were then, as far as they can be.
    """
    endpoint = doc.endpoints.get(target)
    if endpoint is None:
        return
    holders = [it for it in doc.endpoints.values() if it.ports and it is not endpoint]
    held = [port for it in holders for port in it.ports] + list(lost)
    if held:
        wanted = [_again(port) for port in held]
    elif not endpoint.ports:
        wanted = list(port_requests(doc.config, doc.host))
    else:
        wanted = []
    if not wanted:
        return
    before = [(it, list(it.ports)) for it in holders]
    for holder in holders:
        await _driver(holder, networks).withdraw(holder, list(holder.ports))
    try:
        await _driver(endpoint, networks).publish(endpoint, wanted)
    except ScowError:
        for holder, ports in before:
            await _driver(holder, networks).publish(holder, [_again(port) for port in ports])
        raise


def _again(port: PublishedPort) -> PortRequest:
    """The same port of the same address of the host."""
    return PortRequest(
        container_port=port.container_port,
        protocol=port.protocol,
        host_ip=port.host_ip,
        host_port_first=port.host_port,
        host_port_last=port.host_port,
        allow=port.allow,
    )


def _driver(endpoint: Endpoint, networks: Networks) -> NetworkDriver:
    live = networks.by_id(endpoint.network_id)
    if live is None or live.driver is None:
        raise ScowError(f"network {endpoint.network_id} not found")
    return live.driver

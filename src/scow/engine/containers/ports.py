"""Port bindings of a create body as what the network is asked to publish. Pure."""

import ipaddress
from collections.abc import Mapping

import msgspec

from scow.errors import InvalidArgumentError
from scow.network.endpoint import PortRequest
from scow.spec.engine_api.container import ContainerConfig, HostConfig, PortBinding

_PROTOCOLS = ("tcp", "udp", "sctp")
ALLOW_LABEL = "scow.allow."
"""Before ``80/tcp``: a label of a container with the networks that may use a published port, by commas."""


def port_requests(config: ContainerConfig, host: HostConfig) -> tuple[PortRequest, ...]:
    """What to publish, in the order of the container's ports. Raises InvalidArgumentError."""
    labels = config.labels or {}
    bindings = dict(host.port_bindings or {})
    if host.publish_all_ports and config.exposed_ports is not msgspec.UNSET:
        for name in config.exposed_ports:
            if not bindings.get(name):
                bindings[name] = [PortBinding()]
    requests = [
        _request(name, binding, labels)
        for name, items in bindings.items()
        for binding in items or [PortBinding()]
    ]
    return tuple(sorted(requests, key=lambda request: (request.container_port, request.protocol)))


def _request(name: str, binding: PortBinding, labels: Mapping[str, str]) -> PortRequest:
    number, _, protocol = name.partition("/")
    protocol = protocol.lower() or "tcp"
    port = _port(number, name)
    if protocol not in _PROTOCOLS or not port:
        raise InvalidArgumentError(f'invalid port specification: "{name}"')
    first, _, last = binding.host_port.partition("-")
    low = _port(first or "0", binding.host_port)
    high = _port(last, binding.host_port) if last else low
    if high < low:
        raise InvalidArgumentError(f'invalid port specification: "{binding.host_port}"')
    return PortRequest(
        container_port=port,
        protocol=protocol,
        host_ip=binding.host_ip,
        host_port_first=low,
        host_port_last=high,
        allow=_allowed(labels.get(f"{ALLOW_LABEL}{port}/{protocol}", "")),
    )


def _allowed(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(it.strip())) for it in text.split(",") if it.strip())
    except ValueError as exc:
        raise InvalidArgumentError(f"invalid label {ALLOW_LABEL}…: {exc}")


def _port(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > 65535:
        raise InvalidArgumentError(f'invalid port specification: "{whole}"')
    return int(text)

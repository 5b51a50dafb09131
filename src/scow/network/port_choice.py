"""What becomes of the ports that are asked for on a network, before any is held. Pure."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from scow.errors import InvalidArgumentError
from scow.network.endpoint import PortRequest, PublishedPort
from scow.network.firewall import ROUTED
from scow.network.ipam import Subnet

_ANY, _ANY6 = "0.0.0.0", "::"


class NetworkSettings(Protocol):
    """The settings of a network that matter to ports."""

    @property
    def host_ip(self) -> str: ...
    @property
    def ipv4(self) -> Subnet | None: ...
    @property
    def ipv6(self) -> Subnet | None: ...
    @property
    def internal(self) -> bool: ...
    @property
    def gateway_mode_ipv4(self) -> str: ...
    @property
    def gateway_mode_ipv6(self) -> str: ...


class PortChoice:
    """The rules of one network. ``relayed``: ports of a family that it has not can be published too.

    ``default_host_ip`` is the engine's, for networks without one of their own.
    """

    def __init__(self, settings: NetworkSettings, *, relayed: bool, default_host_ip: str = _ANY) -> None:
        self._settings = settings
        self._relayed = relayed
        self._default = settings.host_ip or ("" if default_host_ip == _ANY else default_host_ip)

    def choose(self, ports: Iterable[PortRequest]) -> tuple[list[PortRequest], list[PublishedPort]]:
        """Which to hold on the host, and which are opened in the container without a host port.

        On an internal network nothing is published, as in Docker. Raises InvalidArgumentError with Docker's
        words for a host address that cannot lead to the network.
        """
        held: list[PortRequest] = []
        routed: list[PublishedPort] = []
        if self._settings.internal:
            return held, routed
        for port in ports:
            host_ip = port.host_ip or self._default
            asked = replace(port, host_ip=host_ip)
            families = (4, 6) if not host_ip else (_version(host_ip),)
            by_routing = [version for version in families if self._is_routed(version)]
            routed += [_opened(asked, version) for version in by_routing]
            held += self._held(asked, [version for version in families if version not in by_routing])
        return held, routed

    def _held(self, port: PortRequest, families: Sequence[int]) -> list[PortRequest]:
        served = [version for version in families if self._has(version) or self._is_relayed(version)]
        if port.host_ip:
            if families and not served:
                raise InvalidArgumentError(_unreachable(families[0]))
            return [port] if served else []
        if served == [4, 6]:
            return [port]
        return [replace(port, host_ip=_ANY if version == 4 else _ANY6) for version in served]

    def _is_relayed(self, version: int) -> bool:
        """Not to a network that is reached by its own addresses, as in Docker."""
        return self._relayed and not self._is_routed(4 if version == 6 else 6)

    def _has(self, version: int) -> bool:
        return (self._settings.ipv4 if version == 4 else self._settings.ipv6) is not None

    def _is_routed(self, version: int) -> bool:
        mode = self._settings.gateway_mode_ipv4 if version == 4 else self._settings.gateway_mode_ipv6
        return mode == ROUTED and self._has(version)


def _opened(port: PortRequest, version: int) -> PublishedPort:
    host_ip = port.host_ip or (_ANY if version == 4 else _ANY6)
    return PublishedPort(port.container_port, port.protocol, host_ip, 0, port.allow)


def _version(host_ip: str) -> int:
    try:
        return ipaddress.ip_address(host_ip).version
    except ValueError:
        raise InvalidArgumentError(f"invalid IP address: {host_ip}")


def _unreachable(version: int) -> str:
    other = 6 if version == 4 else 4
    return (
        f"cannot map from IPv{version} to an IPv{other}-only container because the userland proxy is disabled"
    )

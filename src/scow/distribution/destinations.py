"""Where a registry may lead us: by a redirect, by the place of an upload, by the name of a token server.

Link-local addresses are where clouds keep the secrets of a machine, so none of these may be one. A name may
mean another address when it is connected to than when it was looked at (DNS rebinding): what counts is the
peer of the connection, which is looked at before a byte of a request is sent (``connections``).
"""

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

from scow.distribution.endpoint import Endpoint
from scow.errors import PermissionDeniedError


def check_destination(url: str, endpoint: Endpoint) -> None:
    """Whether ``endpoint`` may send us to ``url``, as far as can be told yet.

    Raises PermissionDeniedError.
    """
    parts = web_address(url)
    if parts is None or not parts.hostname:
        raise PermissionDeniedError(f"refusing to go to {url}")
    if parts.scheme == "http" and endpoint.url.startswith("https:") and endpoint.verify:
        raise PermissionDeniedError(f"refusing to go from https to {url}")
    if any(map(is_forbidden, _addresses(parts.hostname))):
        raise PermissionDeniedError(f"refusing to go to the link-local address of {url}")


def check_peer(connected: socket.socket, host: str) -> None:
    """Whether a connection that we were led to ends where it may. Raises PermissionDeniedError."""
    if connected.family != socket.AF_UNIX and is_forbidden(str(connected.getpeername()[0])):
        raise PermissionDeniedError(f"refusing to go to the link-local address of {host}")


def is_forbidden(address: str) -> bool:
    """Whether a registry must not lead us to this IP address; IPv4 in the clothes of IPv6 is seen through."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped.is_link_local
    return found.is_link_local


def web_address(url: str) -> SplitResult | None:
    """The parts of an address of a web server; None for what is none."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        return None
    return parts if usable else None


def _addresses(host: str) -> list[str]:
    """All that a name means now; a proxy, which looks it up itself, may find others."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [str(item[4][0]) for item in found]

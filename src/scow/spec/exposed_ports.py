"""Ports as ``EXPOSE`` has them: ``80``, ``80/udp``, ``8000-8010/tcp``."""

import re

from scow.errors import InvalidArgumentError

_PORT = re.compile(r"(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?(?:/(?P<protocol>\w+))?")
_MAX_PORT = 65535


def exposed_ports(text: str) -> list[str]:
    """Every port of a range with its protocol, ``80/tcp``. Raises InvalidArgumentError."""
    match = _PORT.fullmatch(text)
    protocol = (match["protocol"] or "tcp").lower() if match else ""
    if match is None or int(match["last"] or match["first"]) > _MAX_PORT:
        raise InvalidArgumentError(f"invalid containerPort: {text}")
    if protocol not in ("tcp", "udp", "sctp"):
        raise InvalidArgumentError(f"invalid proto: {protocol}")
    first, last = int(match["first"]), int(match["last"] or match["first"])
    if last < first:
        raise InvalidArgumentError(f"invalid containerPort: {text}")
    return [f"{port}/{protocol}" for port in range(first, last + 1)]

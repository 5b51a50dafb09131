"""Ports as ``EXPOSE`` has them: ``80``, ``80/udp``, ``8000-8010/tcp``, and as ``-p`` has them.

Of ``[address:][host port:]port`` the container's ports count alone; the words are Docker's.
"""

import ipaddress

from scow.errors import InvalidArgumentError

_MAX_PORT = 65535
_PROTOCOLS = ("tcp", "udp", "sctp")


def exposed_ports(text: str) -> list[str]:
    """Every port of a range with its protocol, ``80/tcp``. Raises InvalidArgumentError."""
    front, _, last = text.rpartition(":")
    address, _, host_ports = front.rpartition(":")
    ports, _, protocol = last.partition("/")
    protocol = protocol.lower() or "tcp"
    _check_address(address)
    if not ports:
        raise InvalidArgumentError(f"no port specified: {text}<empty>")
    span = _span(ports, "containerPort")
    if host_ports:
        host_span = _span(host_ports, "hostPort")
        if len(span) > 1 and len(host_span) != len(span):
            raise InvalidArgumentError(
                f"invalid ranges specified for container and host Ports: {ports} and {host_ports}"
            )
    if protocol not in _PROTOCOLS:
        raise InvalidArgumentError(f"invalid proto: {protocol}")
    return [f"{port}/{protocol}" for port in span]


def _check_address(text: str) -> None:
    try:
        if text:
            ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError as exc:
        raise InvalidArgumentError(f"invalid IP address: {text}") from exc


def _span(text: str, what: str) -> range:
    first, dash, last = text.partition("-")
    begin = _number(first)
    end = _number(last) if dash else begin
    if begin is None or end is None or end < begin:
        raise InvalidArgumentError(f"invalid {what}: {text}")
    return range(begin, end + 1)


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdecimal()) or int(text) > _MAX_PORT:
        return None
    return int(text)

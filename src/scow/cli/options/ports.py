"""``--publish`` and ``--expose``: ``[[ip:]host-port[-last]:]port[-last][/protocol]``."""

from scow.cli.go_values import parse_uint
from scow.cli.options.addresses import normal_ip
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PROTOCOLS = ("tcp", "udp", "sctp")


def publish(
    specs: list[str], exposed: list[str]
) -> "tuple[dict[str, dict[str, Any]], dict[str, list[dict[str, str]]]]":
    """``ExposedPorts`` and ``PortBindings`` for the texts of ``--publish`` and ``--expose``."""
    ports: dict[str, dict[str, Any]] = {}
    bindings: dict[str, list[dict[str, str]]] = {}
    for spec in map(_short_notation, specs):
        for port, binding in parse_port_spec(spec):
            ports[port] = {}
            bindings.setdefault(port, []).append(binding)
    for spec in exposed:
        for port in _exposed_ports(spec):
            ports.setdefault(port, {})
    return ports, bindings


def parse_port_spec(spec: str) -> list[tuple[str, dict[str, str]]]:
    """(container port with protocol, binding) pairs of one spec, ranges taken apart."""
    address, host_port, container_port = _split_parts(spec)
    protocol, container_port = split_protocol(container_port)
    address = _host_address(address)
    if not container_port:
        raise InvalidArgumentError(f"no port specified: {spec}<empty>")
    first, last = _range_or(container_port, f"invalid containerPort: {container_port}")
    host_first, host_last = _range_or(host_port, f"invalid hostPort: {host_port}") if host_port else (0, 0)
    if host_port and last - first != host_last - host_first and first != last:
        raise InvalidArgumentError(
            f"invalid ranges specified for container and host Ports: {container_port} and {host_port}"
        )
    if protocol.lower() not in _PROTOCOLS:
        raise InvalidArgumentError(f"invalid proto: {protocol}")
    pairs = []
    for offset in range(last - first + 1):
        host = str(host_first + offset) if host_port else ""
        if first == last and host_first != host_last:
            host = f"{host}-{host_last}"  # the engine picks one of the range
        pairs.append((f"{first + offset}/{protocol.lower()}", {"HostIp": address, "HostPort": host}))
    return pairs


def split_protocol(text: str) -> tuple[str, str]:
    """(protocol, port) of ``80/udp``; tcp when none is given."""
    port, _, rest = text.partition("/")
    if not port:
        return "", ""
    return rest.partition("/")[0] or "tcp", port


def parse_port_range(text: str) -> tuple[int, int]:
    """``8000-8010`` or ``8000``."""
    if not text:
        raise InvalidArgumentError("empty string specified for ports")
    if "-" not in text:
        port = parse_uint(text, 16)
        return port, port
    parts = text.split("-")
    first, last = parse_uint(parts[0], 16), parse_uint(parts[1], 16)
    if last < first:
        raise InvalidArgumentError(f"invalid range specified for port: {text}")
    return first, last


def _range_or(text: str, complaint: str) -> tuple[int, int]:
    try:
        return parse_port_range(text)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(complaint) from exc


def _split_parts(spec: str) -> tuple[str, str, str]:
    """(address, host port, container port); an IPv6 address may bring colons of its own."""
    parts = spec.split(":")
    if len(parts) == 1:
        return "", "", parts[0]
    return ":".join(parts[:-2]), parts[-2], parts[-1]


def _host_address(address: str) -> str:
    if address.startswith("["):
        inner, bracket, rest = address[1:].partition("]")
        if not bracket or rest:
            reason = "missing ']' in address" if not bracket else "missing port in address"
            raise InvalidArgumentError(f"invalid IP address {address}: address {address}:: {reason}")
        address = inner
    if address and normal_ip(address) is None:
        raise InvalidArgumentError(f"invalid IP address: {address}")
    return address


def _short_notation(spec: str) -> str:
    """``published=80,target=8080,protocol=udp`` as ``80:8080/udp``; other texts as they are."""
    if "=" not in spec:
        return spec
    fields = {"protocol": "tcp"}
    for field in spec.split(","):
        key, equals, value = field.partition("=")
        if not equals or not key:
            raise InvalidArgumentError(
                f"invalid publish opts format (should be name=value but got '{field}')"
            )
        fields[key] = value
    return f"{fields.get('published', '')}:{fields.get('target', '')}/{fields['protocol']}"


def _exposed_ports(spec: str) -> list[str]:
    if ":" in spec:
        raise InvalidArgumentError(f"invalid port format for --expose: {spec}")
    protocol, port = split_protocol(spec)
    try:
        first, last = parse_port_range(port)
    except InvalidArgumentError as exc:
        message = f"invalid range format for --expose: {spec}, error: {exc.message}"
        raise InvalidArgumentError(message) from exc
    return [f"{number}/{protocol}" for number in range(first, last + 1)]

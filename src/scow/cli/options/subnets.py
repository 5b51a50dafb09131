"""``--subnet``, ``--ip-range``, ``--gateway`` and ``--aux-address``: each goes to the subnet it is in."""

import socket

from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Prefix:
    """A range of addresses: those of ``bits`` bits that begin like ``address``."""

    __slots__ = ("address", "bits", "length")

    def __init__(self, address: int, length: int, bits: int) -> None:
        self.address = address
        self.length = length
        self.bits = bits

    def holds(self, address: "tuple[int, int] | None") -> bool:
        """Whether an (address, bits) is in it."""
        if address is None or address[1] != self.bits:
            return False
        return (address[0] ^ self.address) >> (self.bits - self.length) == 0


def parse_prefix(text: str) -> Prefix:
    """``192.168.0.0/16``. Raises InvalidArgumentError as Go's ParseCIDR words it."""
    name, slash, length = text.partition("/")
    address = _parse_address(name)
    if address is None or not (slash and length.isascii() and length.isdecimal()) or int(length) > address[1]:
        raise InvalidArgumentError(f"invalid CIDR address: {text}")
    return Prefix(address[0], int(length), address[1])


def ipam_config(
    subnets: list[str], ranges: list[str], gateways: list[str], reserved: dict[str, str]
) -> "list[dict[str, Any]]":
    """``IPAM.Config``: an entry for each subnet. Raises InvalidArgumentError with Docker's words."""
    if len(subnets) < len(ranges) or len(subnets) < len(gateways):
        raise InvalidArgumentError("every ip-range or gateway must have a corresponding subnet")
    entries: dict[str, dict[str, Any]] = {}
    for subnet in subnets:
        for other in entries:
            if _holds(subnet, other) or _holds(other, subnet):
                message = "multiple overlapping subnet configuration is not supported"
                raise InvalidArgumentError(message)
        entries[subnet] = {"Subnet": subnet}
    for text in ranges:
        if subnets:
            parse_prefix(text)
        _place(entries, text, "IPRange", "range", "ranges", "on")
    for text in gateways:
        _place(entries, text, "Gateway", "gateway", "gateways", "for")
    for name, text in reserved.items():
        found = [entry for subnet, entry in entries.items() if _holds(subnet, text)]
        if not found:
            raise InvalidArgumentError(f"no matching subnet for aux-address {text}")
        for entry in found:
            entry.setdefault("AuxiliaryAddresses", {})[name] = text
    return list(entries.values())


def _place(
    entries: "dict[str, dict[str, Any]]", text: str, member: str, one: str, several: str, where: str
) -> None:
    found = [entry for subnet, entry in entries.items() if _holds(subnet, text)]
    if not found:
        raise InvalidArgumentError(f"no matching subnet for {one} {text}")
    for entry in found:
        if member in entry:
            raise InvalidArgumentError(
                f"cannot configure multiple {several} ({text}, {entry[member]}) "
                f"{where} the same subnet ({entry['Subnet']})"
            )
        entry[member] = text


def _holds(subnet: str, text: str) -> bool:
    """Whether an address, or the first one of a prefix, is in ``subnet``."""
    try:
        prefix = parse_prefix(subnet)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"invalid subnet: {exc.message}") from exc
    if "/" in text:
        inner = parse_prefix(text)
        return prefix.holds((inner.address, inner.bits))
    return prefix.holds(_parse_address(text))


def _parse_address(text: str) -> tuple[int, int] | None:
    """(number, 32 or 128), None for what is no address; IPv4 inside IPv6 is IPv4."""
    for family, bits in ((socket.AF_INET, 32), (socket.AF_INET6, 128)):
        try:
            number = int.from_bytes(socket.inet_pton(family, text), "big")
        except (OSError, ValueError):
            continue
        return (number & 0xFFFFFFFF, 32) if bits == 128 and number >> 32 == 0xFFFF else (number, bits)
    return None

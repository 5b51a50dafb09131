"""Addresses and names that options of the network take."""

import _socket

from scow.cli.go_values import quote
from scow.cli.patterns import Pattern
from scow.errors import InvalidArgumentError

_HOST_GATEWAY = "host-gateway"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
# Docker's expression has ``(:?`` where ``(?:`` was meant: a colon may stand before each label.
_DOMAIN = Pattern(rf"(:?:?{_LABEL}(?::?\.:?{_LABEL})*)\.?\s*")
_MAC_SEPARATED = Pattern(r"[0-9a-fA-F]{2}([:-])[0-9a-fA-F]{2}(?:\1[0-9a-fA-F]{2})*")
_MAC_DOTTED = Pattern(r"[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4})+")
_LETTER = Pattern("[a-zA-Z]")
_MAC_BYTES = (6, 8, 20)
_MAX_DOMAIN = 255


def normal_ip(text: str) -> str | None:
    """An IPv4 or IPv6 address in its normal form, None for anything else (zones included)."""
    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            address = _socket.inet_ntop(family, _socket.inet_pton(family, text))
        except (OSError, ValueError):
            continue
        mapped = address.removeprefix("::ffff:")
        return mapped if "." in mapped else address
    return None


def validate_ip(text: str) -> str:
    """``--dns``."""
    address = normal_ip(text.strip())
    if address is None:
        raise InvalidArgumentError(f"IP address is not correctly formatted: {text}")
    return address


def validate_dns_search(text: str) -> str:
    """``--dns-search``: a domain, or ``.`` for none."""
    text = text.strip(" ")
    if text == ".":
        return text
    match = _DOMAIN.fullmatch(text)
    if not _LETTER.search(text) or not match or len(match[1]) >= _MAX_DOMAIN:
        raise InvalidArgumentError(f"{text} is not a valid domain")
    return match[1]


def validate_extra_host(text: str) -> str:
    """``--add-host name:address`` or ``name=address``; the answer has a colon and no brackets."""
    name, separator, address = text.partition("=")
    if not separator:
        name, separator, address = text.partition(":")
    if not separator or not name or ":" in name:
        raise InvalidArgumentError(f"bad format for add-host: {quote(text)}")
    if address != _HOST_GATEWAY:
        if len(address) > 2 and address[0] == "[" and address[-1] == "]":
            address = address[1:-1]
        if normal_ip(address.strip()) is None:
            raise InvalidArgumentError(f"invalid IP address in add-host: {quote(address)}")
    return f"{name}:{address}"


def check_mac(text: str) -> None:
    """``--mac-address``: what Go's net.ParseMAC takes."""
    stripped = text.strip()
    well_formed = _MAC_SEPARATED.fullmatch(stripped) or _MAC_DOTTED.fullmatch(stripped)
    if not well_formed or sum(map(str.isalnum, stripped)) // 2 not in _MAC_BYTES:
        raise InvalidArgumentError(f"{text} is not a valid mac address")


def validate_link(text: str) -> str:
    """``--link name[:alias]``."""
    if not text:
        raise InvalidArgumentError("empty string specified for links")
    if text.count(":") > 1:
        raise InvalidArgumentError(f"bad format for links: {text}")
    return text

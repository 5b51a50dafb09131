"""``--network`` in both notations, and the options that describe the first endpoint."""

from scow.cli.go_values import parse_int, quote
from scow.cli.options.addresses import check_mac
from scow.cli.options.csv_fields import split_fields
from scow.cli.patterns import Pattern
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags

DEFAULT_NETWORK = "default"
_LONG_NOTATION = Pattern(r"\w+=\w+(,\w+=\w+)*")
NOTHING_YET = {
    "NetworkID": "",
    "EndpointID": "",
    "Gateway": "",
    "IPAddress": "",
    "IPPrefixLen": 0,
    "IPv6Gateway": "",
    "GlobalIPv6Address": "",
    "GlobalIPv6PrefixLen": 0,
    "DNSNames": None,
}
"""What an engine will know of an endpoint; Docker's command line sends all of it with what it asks for."""
_PREDEFINED = (DEFAULT_NETWORK, "bridge", "host", "none")


class Attachment:
    """One network to join, and what was said about the endpoint there."""

    __slots__ = (
        "aliases",
        "driver_opts",
        "gw_priority",
        "ipv4",
        "ipv6",
        "link_local",
        "links",
        "mac",
        "target",
    )

    def __init__(self, target: str = "") -> None:
        self.target = target
        self.aliases: list[str] = []
        self.links: list[str] = []
        self.driver_opts: dict[str, str] = {}
        self.ipv4 = ""
        self.ipv6 = ""
        self.mac = ""
        self.link_local: list[str] = []
        self.gw_priority = 0


def parse_network(text: str) -> Attachment:
    """A network's name, or ``name=…,alias=…,ip=…``."""
    if "=" not in text or not _LONG_NOTATION.search(text):
        return Attachment(text)
    attachment = Attachment()
    for field in split_fields(text):
        key, equals, value = field.lower().partition("=")
        if not equals or not key:
            raise InvalidArgumentError(f"invalid field {field}")
        _set_member(attachment, key.strip(), value.strip())
    if not attachment.target:
        raise InvalidArgumentError("network name/id is not specified")
    return attachment


def _set_member(attachment: Attachment, key: str, value: str) -> None:
    if key == "name":
        attachment.target = value
    elif key == "alias":
        attachment.aliases.append(value)
    elif key == "ip":
        attachment.ipv4 = value
    elif key == "ip6":
        attachment.ipv6 = value
    elif key == "mac-address":
        attachment.mac = value
    elif key == "link-local-ip":
        attachment.link_local.append(value)
    elif key == "driver-opt":
        name, equals, option = value.partition("=")
        if not equals or not name:
            raise InvalidArgumentError("invalid key value pair format in driver options")
        attachment.driver_opts[name.strip()] = option.strip()
    elif key == "gw-priority":
        attachment.gw_priority = _parse_priority(value)
    else:
        raise InvalidArgumentError(f"invalid field key {key}")


def _parse_priority(text: str) -> int:
    try:
        return parse_int(text)
    except InvalidArgumentError as exc:
        reason = exc.message.rpartition(": ")[2]
        raise InvalidArgumentError(f"invalid gw-priority ({text}): {reason}") from exc


def network_mode(attachments: list[Attachment]) -> str:
    """``HostConfig.NetworkMode``: the first network."""
    return attachments[0].target if attachments else DEFAULT_NETWORK


def is_user_defined(name: str) -> bool:
    """Whether ``name`` is a network somebody created, not a mode."""
    return name not in _PREDEFINED and not name.startswith("container:")


def endpoints(attachments: list[Attachment], flags: "Flags") -> "dict[str, Any]":
    """``NetworkingConfig.EndpointsConfig``. The single-valued options describe the first network.

    A single network about which nothing was said is left out: the engine joins it by its mode.
    """
    found: dict[str, Any] = {}
    for index, attachment in enumerate(attachments or [Attachment(DEFAULT_NETWORK)]):
        if index == 0:
            _apply_options(attachment, flags)
        settings = _endpoint_settings(attachment)
        if attachment.target in found:
            raise InvalidArgumentError(f"network {quote(attachment.target)} is specified multiple times")
        if len(attachments) == 1 and not any(settings.values()):
            continue
        found[attachment.target] = settings
    kinds = {is_user_defined(attachment.target) for attachment in attachments}
    if len(kinds) == 2:
        raise InvalidArgumentError(
            "conflicting options: cannot attach both user-defined and non-user-defined network-modes"
        )
    return found


def _apply_options(attachment: Attachment, flags: "Flags") -> None:
    _check_conflicts(attachment, flags)
    attachment.aliases = flags["network-alias"] or attachment.aliases
    # On the default bridge --link is the old kind of link, which HostConfig has.
    if is_user_defined(attachment.target) and flags["link"]:
        attachment.links = flags["link"]
    attachment.ipv4 = flags["ip"] or attachment.ipv4
    attachment.ipv6 = flags["ip6"] or attachment.ipv6
    attachment.mac = flags["mac-address"] or attachment.mac
    attachment.link_local = flags["link-local-ip"] or attachment.link_local


def _check_conflicts(attachment: Attachment, flags: "Flags") -> None:
    both = (
        (attachment.aliases, "network-alias", "alias"),
        (attachment.links, "link", "links"),
        (attachment.ipv4, "ip", "IPv4 address"),
        (attachment.ipv6, "ip6", "IPv6 address"),
        (attachment.mac, "mac-address", "MAC address"),
        (attachment.link_local, "link-local-ip", "link-local IP addresses"),
    )
    for own, option, words in both:
        if own and flags[option]:
            raise InvalidArgumentError(
                f"conflicting options: cannot specify both --{option} and per-network {words}"
            )


def _endpoint_settings(attachment: Attachment) -> "dict[str, Any]":
    if not attachment.target.strip():
        raise InvalidArgumentError("no name set for network")
    if not is_user_defined(attachment.target):
        if attachment.aliases:
            raise InvalidArgumentError("network-scoped aliases are only supported for user-defined networks")
        if attachment.links:
            raise InvalidArgumentError("links are only supported for user-defined networks")
    if attachment.mac:
        check_mac(attachment.mac)
    addresses = {
        "IPv4Address": attachment.ipv4,
        "IPv6Address": attachment.ipv6,
        "LinkLocalIPs": attachment.link_local,
    }
    return {
        "IPAMConfig": {key: value for key, value in addresses.items() if value} or None,
        "Links": attachment.links or None,
        "Aliases": attachment.aliases or None,
        "MacAddress": attachment.mac,
        "DriverOpts": attachment.driver_opts or None,
        "GwPriority": attachment.gw_priority,
        **NOTHING_YET,
    }

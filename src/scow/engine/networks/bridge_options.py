"""``-o`` of a bridge network as the driver's settings. Pure.

Options that nobody knows are kept and ignored, as in Docker.
"""

from collections.abc import Mapping

from scow.engine.networks.endpoint_checks import check_interface_name
from scow.engine.networks.ipam_config import parse_address
from scow.engine.networks.record import NetworkRecord
from scow.errors import InvalidArgumentError, ScowError
from scow.network.bridge import BridgeSettings
from scow.network.firewall import GATEWAY_MODES, ISOLATED, NAT
from scow.spec.go_bool import FALSE, TRUE

_PREFIX = "com.docker.network"
BRIDGE_NAME = f"{_PREFIX}.bridge.name"
MTU = f"{_PREFIX}.driver.mtu"
INTERFACE_PREFIX = f"{_PREFIX}.container_iface_prefix"
ENABLE_IPV4 = f"{_PREFIX}.enable_ipv4"
ENABLE_IPV6 = f"{_PREFIX}.enable_ipv6"
_ICC = f"{_PREFIX}.bridge.enable_icc"
_MASQUERADE = f"{_PREFIX}.bridge.enable_ip_masquerade"
_HOST_BINDING = f"{_PREFIX}.bridge.host_binding_ipv4"
_INHIBIT_IPV4 = f"{_PREFIX}.bridge.inhibit_ipv4"
_TRUSTED_INTERFACES = f"{_PREFIX}.bridge.trusted_host_interfaces"
ALLOW_FOREIGN_ADDRESSES = "com.scow.network.allow_foreign_addresses"
"""Containers may send from addresses that are not theirs: for routers, VRRP and the like."""
_GATEWAY_MODE_OPTION = {4: f"{_PREFIX}.bridge.gateway_mode_ipv4", 6: f"{_PREFIX}.bridge.gateway_mode_ipv6"}
_DEFAULT_MTU = 1500
_MIN_MTU, _MAX_MTU = 68, 65535


def bridge_settings(record: NetworkRecord, *, ip_forward: bool) -> BridgeSettings:
    """Raises InvalidArgumentError in Docker's words."""
    options = record.options
    pool4, pool6 = record.pool(4), record.pool(6)
    masquerade = parse_switch(options, _MASQUERADE, default=True)
    name = options.get(BRIDGE_NAME) or f"br-{record.id[:12]}"
    check_interface_name(name)
    return BridgeSettings(
        name=name,
        network_id=record.id,
        ipv4=pool4.settings() if pool4 else None,
        ipv6=pool6.settings() if pool6 else None,
        mtu=driver_mtu(options),
        host_ip=_host_binding(options),
        icc=parse_switch(options, _ICC, default=True),
        masquerade=masquerade and gateway_mode(record, 4).startswith("nat"),
        masquerade6=masquerade and gateway_mode(record, 6).startswith("nat"),
        internal=record.internal,
        ip_forward=ip_forward,
        gateway_mode_ipv4=gateway_mode(record, 4),
        gateway_mode_ipv6=gateway_mode(record, 6),
        trusted_interfaces=tuple(filter(None, options.get(_TRUSTED_INTERFACES, "").split(":"))),
        source_guard=not parse_switch(options, ALLOW_FOREIGN_ADDRESSES, default=False),
        keep_device=record.given_bridge,
        inhibit_ipv4=parse_switch(options, _INHIBIT_IPV4, default=False),
    )


def parse_switch(options: Mapping[str, str], name: str, *, default: bool) -> bool:
    """A truth value as Go reads it. Raises InvalidArgumentError."""
    text = options.get(name)
    if text is None:
        return default
    if text not in TRUE | FALSE:
        raise _unreadable(name, text, f'strconv.ParseBool: parsing "{text}": invalid syntax')
    return text in TRUE


def gateway_mode(record: NetworkRecord, version: int) -> str:
    """How packets of IPv4 or IPv6 get in and out. Raises InvalidArgumentError, ScowError."""
    name = _GATEWAY_MODE_OPTION[version]
    mode = record.options.get(name, NAT)
    if mode not in GATEWAY_MODES:
        raise _unreadable(name, mode, f"unknown gateway mode {mode}")
    if mode == ISOLATED and not record.internal:
        raise ScowError("gateway mode 'isolated' can only be used for an internal network")
    return mode


def bridge_has_gateway(record: NetworkRecord, version: int) -> bool:
    """Whether an address of IPv4 or IPv6 is kept for the way out, which an internal network has not."""
    inhibited = version == 4 and parse_switch(record.options, _INHIBIT_IPV4, default=False)
    return gateway_mode(record, version) != ISOLATED and not (inhibited and record.internal)


def driver_mtu(options: Mapping[str, str]) -> int:
    """Bytes. Raises InvalidArgumentError."""
    text = options.get(MTU)
    if text is None:
        return _DEFAULT_MTU
    try:
        mtu = int(text)
    except ValueError:
        raise _unreadable(MTU, text, f'strconv.Atoi: parsing "{text}": invalid syntax') from None
    if mtu == 0:
        return _DEFAULT_MTU
    if not _MIN_MTU <= mtu <= _MAX_MTU:
        raise InvalidArgumentError(f"invalid MTU number: {mtu}")
    return mtu


def _host_binding(options: Mapping[str, str]) -> str:
    text = options.get(_HOST_BINDING)
    if text is None:
        return ""
    address = parse_address(text)
    if address is None:
        raise _unreadable(_HOST_BINDING, text, "nil ip")
    # 0.0.0.0 is what the engine does without the option.
    return "" if address.is_unspecified else str(address)


def _unreadable(name: str, text: str, reason: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"failed to parse {name} value: {text} ({reason})")

"""What settings must be, each and together; dockerd's messages where it has the rule."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from scow.config import values
from scow.config.builder import parse_builder
from scow.config.firewall_mark import parse_firewall_mark
from scow.config.options import OPTIONS
from scow.config.settings import BUILT_IN_RUNTIMES, STOCK_RUNTIME
from scow.errors import InvalidArgumentError, UnsupportedError
from scow.log import LEVELS

_DOMAIN = re.compile(r"[a-zA-Z0-9_]([a-zA-Z0-9_.-]*[a-zA-Z0-9_])?\.?", re.ASCII)
_RESERVED_LABELS = ("com.docker.", "io.docker.", "org.dockerproject.")
_KNOWN_FEATURES = frozenset({"buildkit"})
_NOT_NEGATIVE = {
    "mtu": "default MTU",
    "max-concurrent-downloads": "max concurrent downloads",
    "max-concurrent-uploads": "max concurrent uploads",
    "max-download-attempts": "max download attempts",
}


def check_settings(settings: Mapping[str, Any]) -> None:
    """All settings by name, defaults included. Raises InvalidArgumentError, UnsupportedError."""
    check_supported(settings)
    if settings["log-level"].lower() not in LEVELS:
        raise InvalidArgumentError(f"invalid logging level: {settings['log-level']}")
    for name, what in _NOT_NEGATIVE.items():
        if settings[name] < 0:
            raise InvalidArgumentError(f"invalid {what}: {settings[name]}")
    _check_names(settings)
    for host in settings["hosts"]:
        _check_host(host)
    for mirror in settings["registry-mirrors"]:
        _check_mirror(mirror)
    for option in settings["exec-opts"]:
        _check_exec_option(option)
    parse_builder(settings["builder"])
    _check_container_defaults(settings)
    _check_runtimes(settings)
    _check_network(settings)


def check_supported(settings: Mapping[str, Any]) -> None:
    """Refuse what this version would have to ignore. Raises UnsupportedError naming the setting."""
    for option in OPTIONS:
        if option.only is not None and settings[option.name] not in option.only:
            shown = values.shown(settings[option.name])
            raise UnsupportedError(f"{option.name}: {shown} is not supported by this version of scow")
    for name, wanted in settings["features"].items():
        if wanted and name not in _KNOWN_FEATURES:
            raise UnsupportedError(f"features: {name} is not supported by this version of scow")


def _check_names(settings: Mapping[str, Any]) -> None:
    for address in settings["dns"]:
        try:
            values.parse_ip(address)
        except ValueError as exc:
            raise InvalidArgumentError(str(exc)) from None
    for domain in settings["dns-search"]:
        if domain != "." and not (_DOMAIN.fullmatch(domain.strip()) and len(domain) < 255):
            raise InvalidArgumentError(f"{domain} is not a valid domain")
    check_labels(settings["labels"])


def check_labels(labels: Iterable[str]) -> None:
    """``key=value``, not in a reserved namespace, no key twice with different values."""
    seen: dict[str, str] = {}
    for label in labels:
        key, assigned, value = label.partition("=")
        if not assigned:
            raise InvalidArgumentError(f"bad attribute format: {label}")
        if key.lower().startswith(_RESERVED_LABELS):
            raise InvalidArgumentError(
                f"label {label} is not allowed: the namespaces com.docker.*, io.docker.*, and "
                "org.dockerproject.* are reserved for internal use"
            )
        if seen.setdefault(key, value) != value:
            raise InvalidArgumentError(f"conflict labels for {key}={value} and {key}={seen[key]}")


def _check_host(address: str) -> None:
    scheme, separator, rest = address.strip().partition("://")
    if not separator:
        scheme, rest = "tcp", scheme
    if scheme not in ("unix", "tcp", "fd"):
        raise InvalidArgumentError(f"invalid bind address ({address}): unsupported proto '{scheme}'")
    if scheme == "unix" and not rest.startswith("/"):
        raise InvalidArgumentError(f"invalid bind address ({address}): not an absolute path")
    if scheme == "tcp":
        _check_tcp(address, rest)


def _check_tcp(address: str, rest: str) -> None:
    try:
        url = urlsplit(f"tcp://{rest}")
        port = url.port
    except ValueError:
        raise InvalidArgumentError(f"invalid bind address ({address}): invalid port") from None
    if url.path:
        raise InvalidArgumentError(f"invalid bind address ({address}): should not contain a path element")
    if port == 0:
        raise InvalidArgumentError(f"invalid bind address ({address}): invalid port: 0")


def _check_mirror(mirror: str) -> None:
    what = f'invalid mirror: "{mirror}"'
    try:
        url = urlsplit(mirror)
    except ValueError as exc:
        raise InvalidArgumentError(f"{what}: {exc}") from exc
    if url.scheme not in ("http", "https"):
        raise InvalidArgumentError(f"{what}: no scheme specified: must use either 'https://' or 'http://'")
    if not url.netloc or url.query or url.fragment:
        raise InvalidArgumentError(f"{what}: must be a host without query or fragment")
    if url.username is not None:
        raise InvalidArgumentError(f"{what}: username/password not allowed in URI")


def _check_exec_option(option: str) -> None:
    key, _, value = (part.strip() for part in option.partition("="))
    what = f"invalid exec-opt ({option}): "
    if not (key and value):
        raise InvalidArgumentError(what + "must be formatted 'opt=value'")
    if key.lower() == "isolation":
        raise InvalidArgumentError(what + "option 'isolation' is only supported on windows")
    if key.lower() != "native.cgroupdriver":
        raise InvalidArgumentError(what + f"unknown option: '{key.lower()}'")
    if value == "systemd":
        raise UnsupportedError(
            "exec-opts: native.cgroupdriver=systemd is not supported by this version of scow"
        )
    if value != "cgroupfs":
        raise InvalidArgumentError(f"native.cgroupdriver option {value} not supported")


def _check_container_defaults(settings: Mapping[str, Any]) -> None:
    ipc, cgroupns = settings["default-ipc-mode"], settings["default-cgroupns-mode"]
    if ipc not in ("private", "shareable"):
        raise InvalidArgumentError(
            f'IPC mode "{ipc}" is not supported as default value; use "shareable" or "private"'
        )
    if cgroupns not in ("", "host", "private"):
        raise InvalidArgumentError(
            f'default cgroup namespace mode ({cgroupns}) is invalid; use "host" or "private"'
        )
    for limit in settings["default-ulimits"].values():
        unlimited = limit.soft == -1 and limit.hard != -1
        if unlimited or (limit.hard != -1 and limit.soft > limit.hard):
            raise InvalidArgumentError(
                f"default-ulimits: {limit.name}: ulimit soft limit must be less than or equal to hard limit: "
                f"{limit.soft} > {limit.hard}"
            )


def _check_runtimes(settings: Mapping[str, Any]) -> None:
    runtimes, default = settings["runtimes"], settings["default-runtime"]
    if STOCK_RUNTIME in runtimes:
        raise InvalidArgumentError(f"runtime name '{STOCK_RUNTIME}' is reserved")
    for name, runtime in runtimes.items():
        if unknown := sorted(set(runtime) - {"path", "runtimeArgs"}):
            raise UnsupportedError(f"runtimes: {name}: {unknown[0]} is not supported by this version of scow")
        if not runtime.get("path"):
            raise InvalidArgumentError(f"runtimes: {name}: either a runtimeType or a path must be configured")
    if default and default not in BUILT_IN_RUNTIMES and default not in runtimes:
        raise InvalidArgumentError(f"specified default runtime '{default}' does not exist")


def _check_network(settings: Mapping[str, Any]) -> None:
    for name, version in (("bip", 4), ("bip6", 6), ("fixed-cidr", 4), ("fixed-cidr-v6", 6)):
        if settings[name]:
            _check_interface(name, settings[name], version)
    for name, version in (("default-gateway", 4), ("default-gateway-v6", 6)):
        if settings[name] and ipaddress.ip_address(settings[name]).version != version:
            raise InvalidArgumentError(f"{name}: {settings[name]} is not an IPv{version} address")
    if settings["bip"] and settings["bridge"] == "none":
        raise InvalidArgumentError(
            "You specified -b & --bip, mutually exclusive options. Please specify only one"
        )
    _check_host_gateways(settings["host-gateway-ips"])
    parse_firewall_mark(settings["bridge-accept-fwmark"])
    if not settings["icc"] and not settings["iptables"]:
        raise InvalidArgumentError(
            "You specified --iptables=false with --icc=false. ICC=false uses iptables to function. Please "
            "set --icc or --iptables to true"
        )
    for pool in settings["default-address-pools"]:
        _check_pool(pool)


def _check_interface(name: str, text: str, version: int) -> None:
    try:
        found = ipaddress.ip_interface(text) if "/" in text else None
    except ValueError:
        found = None
    if found is None:
        raise InvalidArgumentError(f"invalid {name}: invalid CIDR address: {text}")
    if found.version != version:
        raise InvalidArgumentError(f"invalid {name}: {name} is not an IPv{version} subnet")


def _check_host_gateways(addresses: Iterable[str]) -> None:
    """One of each family: a name has no use for more."""
    seen: set[int] = set()
    for text in addresses:
        try:
            version = ipaddress.ip_address(text.strip()).version
        except ValueError:
            raise InvalidArgumentError(f"host-gateway-ips: {text} is not an ip address") from None
        if version in seen:
            raise InvalidArgumentError(f"only one IPv{version} host gateway IP address can be specified")
        seen.add(version)


def _check_pool(pool: Mapping[str, Any]) -> None:
    base, size = str(pool.get("base", "")), pool.get("size")
    try:
        network = ipaddress.ip_network(base)
    except ValueError:
        raise InvalidArgumentError(
            f"default-address-pools: invalid base prefix {values.quoted(base)}"
        ) from None
    if not isinstance(size, int) or not network.prefixlen <= size <= network.max_prefixlen:
        raise InvalidArgumentError(
            f"default-address-pools: invalid size {size} for {base}: it must be a prefix length from "
            f"{network.prefixlen} to {network.max_prefixlen}"
        )

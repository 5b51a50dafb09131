"""From a command line, an environment and a file to a ``Config``."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import scow
from scow.config.builder import parse_builder
from scow.config.checks import check_settings
from scow.config.file import parse_file
from scow.config.firewall_mark import parse_firewall_mark
from scow.config.flags import help_text, parse_flags
from scow.config.options import CONFIG_FILE, OPTIONS
from scow.config.settings import STOCK_RUNTIME, AddressPool, Config, Runtime, TlsFiles
from scow.errors import InvalidArgumentError, ScowError

_DEFAULT_HOST = "unix:///run/scow/scow.sock"
_FIRST_INHERITED_FD = 3  # sd_listen_fds(3)


def load(argv: Sequence[str], environ: Mapping[str, str]) -> Config:
    """The configuration of a daemon started with ``argv`` (without the program) in ``environ``.

    Raises ScowError with dockerd's messages. ``--help``, ``--version`` and ``--validate`` print and raise
    ``SystemExit``.
    """
    line = parse_flags(argv)
    if line.help:
        _print_and_leave(help_text())
    if line.version:
        _print_and_leave(f"scow version {scow.__version__}\n")
    given = line.settings()
    settings = {option.name: option.default for option in OPTIONS}
    path, found = _read_file(line.config_file, given)
    settings |= found | given
    _check(settings, path if found else None)
    config = _to_config(settings, environ)
    if line.validate:
        _print_and_leave("configuration OK\n")
    return config


def _print_and_leave(text: str) -> None:
    sys.stdout.write(text)
    raise SystemExit(0)


def _check(settings: Mapping[str, Any], path: str | None) -> None:
    """Check all settings; ``path`` is the file that some of them come from."""
    try:
        check_settings(settings)
    except ScowError as exc:
        if path is None:
            raise
        merged = "merged configuration validation from file and command line flags failed: "
        raise type(exc)(_in_file(path) + merged + exc.message) from exc


def _in_file(path: str) -> str:
    return f"unable to configure the Docker daemon with file {path}: "


def _read_file(named: str | None, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """daemon.json's path and settings; only a file that was asked for must exist.

    Runtimes given as flags are put under those of the file, as the two add up.
    """
    path = CONFIG_FILE if named is None else named
    what = _in_file(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        if named is None:
            return path, {}
        raise InvalidArgumentError(f"{what}open {path}: no such file or directory") from None
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidArgumentError(f"{what}{exc}") from exc
    try:
        found = parse_file(text, given)
    except ScowError as exc:
        raise InvalidArgumentError(what + exc.message) from exc
    if "runtimes" in found and "runtimes" in given:
        given["runtimes"] = found["runtimes"] | given["runtimes"]
    return path, found


def _to_config(settings: Mapping[str, Any], environ: Mapping[str, str]) -> Config:
    exec_root = Path(settings["exec-root"]).absolute()
    runtimes = {
        name: Runtime(runtime["path"], tuple(runtime.get("runtimeArgs") or ()))
        for name, runtime in settings["runtimes"].items()
    }
    return Config(
        data_root=Path(settings["data-root"]).absolute(),
        exec_root=exec_root,
        hosts=tuple(_address(host) for host in settings["hosts"]) or (_DEFAULT_HOST,),
        pidfile=Path(settings["pidfile"] or exec_root / "scowd.pid").absolute(),
        group=settings["group"],
        inherited_sockets=_inherited_sockets(environ),
        idle_exit_s=settings["idle-exit"],
        tls=_tls(settings, environ),
        debug=settings["debug"],
        log_level="debug" if settings["debug"] else settings["log-level"].lower(),
        labels=tuple(dict.fromkeys(settings["labels"])),
        experimental=settings["experimental"],
        features=settings["features"],
        live_restore=settings["live-restore"],
        builder=parse_builder(settings["builder"]),
        storage_driver=settings["storage-driver"] or None,
        storage_opts=tuple(settings["storage-opts"]),
        runtimes={STOCK_RUNTIME: Runtime(STOCK_RUNTIME), **runtimes},
        default_runtime=settings["default-runtime"],
        cgroup_parent=settings["cgroup-parent"],
        init=settings["init"],
        init_path=settings["init-path"] or None,
        no_new_privileges=settings["no-new-privileges"],
        seccomp_profile=_seccomp_profile(settings["seccomp-profile"]),
        default_ulimits=tuple(settings["default-ulimits"].values()),
        default_shm_size_bytes=settings["default-shm-size"],
        default_ipc_mode=settings["default-ipc-mode"],
        default_cgroupns_mode=settings["default-cgroupns-mode"],
        default_stop_timeout_s=settings["default-stop-timeout"],
        log_driver=settings["log-driver"],
        log_opts=settings["log-opts"],
        bridge=settings["bridge"],
        bip=settings["bip"],
        bip6=settings["bip6"],
        fixed_cidr=settings["fixed-cidr"],
        fixed_cidr_v6=settings["fixed-cidr-v6"],
        default_gateway=settings["default-gateway"],
        default_gateway_v6=settings["default-gateway-v6"],
        ipv6=settings["ipv6"],
        mtu=settings["mtu"] or 1500,
        ip=settings["ip"],
        icc=settings["icc"],
        iptables=settings["iptables"],
        ip6tables=settings["ip6tables"],
        ip_forward=settings["ip-forward"],
        ip_masq=settings["ip-masq"],
        userland_proxy=settings["userland-proxy"],
        allow_direct_routing=settings["allow-direct-routing"],
        bridge_accept_fwmark=parse_firewall_mark(settings["bridge-accept-fwmark"]),
        default_address_pools=tuple(
            AddressPool(pool["base"], pool["size"]) for pool in settings["default-address-pools"]
        ),
        default_network_opts=settings["default-network-opts"],
        host_gateway_ips=_host_gateways(settings),
        dns=tuple(settings["dns"]),
        dns_opts=tuple(settings["dns-opts"]),
        dns_search=tuple(settings["dns-search"]),
        registry_mirrors=tuple(settings["registry-mirrors"]),
        insecure_registries=tuple(settings["insecure-registries"]),
        max_concurrent_downloads=settings["max-concurrent-downloads"],
        max_concurrent_uploads=settings["max-concurrent-uploads"],
        max_download_attempts=settings["max-download-attempts"],
        http_proxy=_proxy("http-proxy", settings, environ),
        https_proxy=_proxy("https-proxy", settings, environ),
        no_proxy=_proxy("no-proxy", settings, environ),
        shutdown_timeout_s=settings["shutdown-timeout"],
    )


def _host_gateways(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The list, or the one address that the file may have in the old way."""
    one = settings["host-gateway-ip"]
    return tuple(text.strip() for text in settings["host-gateway-ips"]) or ((one,) if one else ())


def _tls(settings: Mapping[str, Any], environ: Mapping[str, str]) -> TlsFiles | None:
    """``tlsverify`` implies ``tls``; files that are not named are those of Docker's command line."""
    if not (settings["tls"] or settings["tlsverify"]):
        return None
    home = environ.get("DOCKER_CERT_PATH") or os.path.join(environ.get("HOME", "/root"), ".docker")
    return TlsFiles(
        ca=Path(settings["tlscacert"] or f"{home}/ca.pem").absolute(),
        certificate=Path(settings["tlscert"] or f"{home}/cert.pem").absolute(),
        key=Path(settings["tlskey"] or f"{home}/key.pem").absolute(),
        verify=settings["tlsverify"],
    )


def _proxy(name: str, settings: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """The setting, or what the environment says (``HTTP_PROXY``, ``http_proxy``)."""
    variable = name.upper().replace("-", "_")
    return str(settings[name] or environ.get(variable) or environ.get(variable.lower()) or "")


def _address(host: str) -> str:
    """A bare ``host:port`` is TCP."""
    host = host.strip()
    return host if "://" in host else f"tcp://{host}"


def _inherited_sockets(environ: Mapping[str, str]) -> dict[str, int]:
    """Descriptors of socket activation by name; ones without a name are called by their number."""
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return {}
    count = environ.get("LISTEN_FDS", "")
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    sockets: dict[str, int] = {}
    for index in range(int(count) if count.isdecimal() else 0):
        fd = _FIRST_INHERITED_FD + index
        name = names[index] if index < len(names) else ""
        sockets[name if name and name not in sockets else str(fd)] = fd
    return sockets


def _seccomp_profile(setting: str) -> str:
    """The built-in one is "", ``unconfined`` stays, anything else is a path whose text is the profile."""
    if setting in ("", "builtin"):
        return ""
    if setting == "unconfined":
        return setting
    try:
        return Path(setting).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidArgumentError(f"opening seccomp profile ({setting}) failed: {exc}") from exc

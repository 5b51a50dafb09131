"""Where a registry's content can be had: its mirrors and itself, by what schemes, trusted how.

Sources, first match first:

    certs.d/<host>/hosts.toml     containerd's file, in full: any registry may have mirrors
    registry-mirrors              of daemon.json, for Docker Hub only
    the registry itself           over https; also over http if it is on loopback or in insecure-registries
"""

import ipaddress
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scow.errors import InvalidArgumentError
from scow.spec.reference import DEFAULT_REGISTRY

HUB = "registry-1.docker.io"
_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_MAX_FILE_BYTES = 1 << 20
PULL, RESOLVE, PUSH = "pull", "resolve", "push"
_ALL = frozenset({PULL, RESOLVE, PUSH})


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """What daemon.json says of registries. ``insecure`` holds hosts (with port) and networks (CIDR)."""

    mirrors: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    certificates: tuple[Path, ...] = (Path("/etc/scow/certs.d"), Path("/etc/docker/certs.d"))
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place to ask. ``url`` is scheme, host and port (and a path, for some mirrors), without ``/v2``."""

    url: str
    mirror: bool = False
    verify: bool = True
    capabilities: frozenset[str] = field(default=_ALL)
    ca_files: tuple[Path, ...] = ()
    client_certificates: tuple[tuple[Path, Path], ...] = ()

    @property
    def host(self) -> str:
        """With the port, if the address names one."""
        return urlsplit(self.url).netloc


def endpoints_for(registry: str, settings: RegistrySettings, capability: str) -> list[Endpoint]:
    """Places to ask for images of ``registry``, in order, that can do ``capability``.

    Raises InvalidArgumentError for a hosts.toml that cannot be read.
    """
    host = HUB if registry == DEFAULT_REGISTRY else registry
    for folder in settings.certificates:
        if (file := folder / registry / "hosts.toml").is_file():
            found = _from_hosts_file(file, host, settings)
            break
    else:
        found = [*_hub_mirrors(registry, settings), *_itself(host, settings)]
    return [endpoint for endpoint in found if capability in endpoint.capabilities]


def is_insecure(host: str, settings: RegistrySettings) -> bool:
    """Whether ``host[:port]`` may be talked to without a certificate that we can check."""
    if host in settings.insecure:
        return True
    name = _host_name(host)
    if name == "localhost" or name in settings.insecure:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return any(address in network for network in (*_LOOPBACK, *_insecure_networks(settings)))


def _insecure_networks(
    settings: RegistrySettings,
) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for text in settings.insecure:
        if "/" in text:
            yield ipaddress.ip_network(text, strict=False)


def _hub_mirrors(registry: str, settings: RegistrySettings) -> Iterator[Endpoint]:
    if registry != DEFAULT_REGISTRY:
        return
    for url in settings.mirrors:
        host = urlsplit(url).netloc
        trust = _trust(host, settings)
        yield Endpoint(
            url.rstrip("/"),
            mirror=True,
            verify=not is_insecure(host, settings),
            capabilities=frozenset({PULL, RESOLVE}),
            **trust,
        )


def _itself(host: str, settings: RegistrySettings) -> Iterator[Endpoint]:
    insecure = is_insecure(host, settings)
    yield Endpoint(f"https://{host}", verify=not insecure, **_trust(host, settings))
    if insecure:
        yield Endpoint(f"http://{host}")


def _trust(host: str, settings: RegistrySettings) -> dict[str, Any]:
    """``*.crt`` are authorities, ``*.cert`` with ``*.key`` of the same name are ours (docker: certs.d)."""
    for folder in settings.certificates:
        place = folder / host
        if place.is_dir():
            pairs = tuple((cert, cert.with_suffix(".key")) for cert in sorted(place.glob("*.cert")))
            for certificate, key in pairs:
                if not key.is_file():
                    raise InvalidArgumentError(f"missing key {key.name} for client certificate {certificate}")
            return {"ca_files": tuple(sorted(place.glob("*.crt"))), "client_certificates": pairs}
    return {}


def _from_hosts_file(file: Path, host: str, settings: RegistrySettings) -> list[Endpoint]:
    document = _read_toml(file)
    hosts = document.get("host") or {}
    if not isinstance(hosts, dict):
        raise InvalidArgumentError(f"{file}: host is not a table")
    found = [_host_entry(file, url, entry, mirror=True) for url, entry in hosts.items()]
    server = document.get("server")
    if server is None:
        return [*found, *_itself(host, settings)]
    return [*found, _host_entry(file, server, document, mirror=False)]


def _host_entry(file: Path, url: object, entry: object, *, mirror: bool) -> Endpoint:
    if not isinstance(url, str) or not isinstance(entry, dict):
        raise InvalidArgumentError(f"{file}: {url!r} is not the address of a registry")
    if "://" not in url:
        url = f"https://{url}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidArgumentError(f"{file}: {url!r} is not the address of a registry")
    capabilities = entry.get("capabilities")
    return Endpoint(
        url.rstrip("/").removesuffix("/v2"),
        mirror=mirror,
        verify=not entry.get("skip_verify", False),
        capabilities=_ALL if capabilities is None else frozenset(map(str, capabilities)),
        ca_files=tuple(file.parent / str(path) for path in _list(entry.get("ca"))),
        client_certificates=tuple(_client_pair(file, pair) for pair in _list(entry.get("client"))),
    )


def _client_pair(file: Path, pair: object) -> tuple[Path, Path]:
    certificate, key = pair if isinstance(pair, list) and len(pair) == 2 else (pair, pair)
    return file.parent / str(certificate), file.parent / str(key)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes()[:_MAX_FILE_BYTES].decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise InvalidArgumentError(f"{file} cannot be read: {exc}") from exc


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host
